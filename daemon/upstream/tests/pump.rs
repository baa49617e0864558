//! The pump against an upstream that follows a script, in virtual time.

mod common;

use std::time::Duration;

use common::*;
use punchgate_upstream::{Batching, Delivered, Outbox, Reason, Refusal, Refused, State, When};
use tokio::time::{Instant, sleep};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Long enough for everything that is due, short enough to be no batch's age.
async fn a_moment() {
    sleep(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_leaves_at_once_and_a_part_waits_for_its_age() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=7));
    let pump = Running::start(upstream.clone(), &outbox, every(3, 5));
    a_moment().await;
    assert_eq!(upstream.calls(), [vec![1, 2, 3], vec![4, 5, 6]]);
    assert_eq!((outbox.cursor(), pump.handle.status().backlog), (6, 1));
    sleep(secs(4)).await;
    assert_eq!(upstream.calls().len(), 2);
    sleep(secs(1)).await;
    assert_eq!(upstream.calls().last(), Some(&vec![7]));
    assert_eq!(outbox.cursor(), 7);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_waits_at_most_as_long_as_configured_however_many_follow() {
    let (upstream, outbox) = (Scripted::default(), filled([]));
    let pump = Running::start(upstream.clone(), &outbox, every(1_000, 5));
    a_moment().await;
    let began = Instant::now();
    for seq in 1..=20 {
        outbox.push(event(seq));
        pump.handle.wake();
        sleep(secs(1)).await;
    }
    let first = upstream.call_times().first().map(|at| at.duration_since(began));
    assert_eq!(first, Some(secs(5)));
    assert!(upstream.calls().len() >= 3, "{:?}", upstream.calls());
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_age_of_nothing_sends_each_event_as_it_comes() {
    let (upstream, outbox) = (Scripted::default(), filled([]));
    let pump = Running::start(upstream.clone(), &outbox, every(100, 0));
    for seq in 1..=3 {
        outbox.push(event(seq));
        pump.handle.wake();
        a_moment().await;
    }
    assert_eq!(upstream.calls(), [[1], [2], [3]]);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_of_five_minutes_sends_all_that_waits_at_the_fives_and_nothing_between() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=250));
    let batching = Batching {
        when: When::Schedule(secs(300)),
        ..Batching::default()
    };
    // The clock says 00:01:30.
    let pump = Running::start(upstream.clone(), &outbox, batching);
    sleep(secs(209)).await;
    assert!(upstream.calls().is_empty());
    sleep(secs(2)).await;
    assert_eq!(
        upstream.calls().iter().map(Vec::len).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    outbox.push(event(251));
    pump.handle.wake();
    sleep(secs(298)).await;
    assert_eq!(upstream.calls().len(), 3);
    sleep(secs(2)).await;
    assert_eq!(upstream.calls().last(), Some(&vec![251]));
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_during_a_scheduled_sending_waits_for_the_next() {
    let (upstream, outbox) = (Scripted::default().taking(secs(10)), filled(1..=3));
    let batching = Batching {
        max: 2,
        when: When::Schedule(secs(300)),
        ..Batching::default()
    };
    let pump = Running::start(upstream.clone(), &outbox, batching);
    sleep(secs(215)).await;
    for seq in 4..=40 {
        outbox.push(event(seq));
        pump.handle.wake();
        sleep(secs(1)).await;
    }
    sleep(secs(60)).await;
    let sent = upstream.got().len();
    assert!((3..=5).contains(&sent), "{sent}");
    sleep(secs(600)).await;
    assert_eq!(upstream.got(), (1..=40).collect::<Vec<_>>());
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_pump_does_nothing_until_it_is_woken() {
    let (upstream, outbox) = (Scripted::default(), filled([]));
    let pump = Running::start(upstream.clone(), &outbox, every(1, 0));
    sleep(secs(86_400)).await;
    assert_eq!((upstream.calls().len(), outbox.steps()), (0, 0));
    outbox.push(event(1));
    sleep(secs(86_400)).await;
    assert!(upstream.calls().is_empty(), "it polled");
    pump.handle.wake();
    a_moment().await;
    assert_eq!(upstream.got(), [1]);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_down_for_a_week_gets_everything_in_order_afterwards() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=50));
    upstream.rule(|_| Some(down()));
    let pump = Running::start(upstream.clone(), &outbox, every(10, 5));
    sleep(secs(7 * 86_400)).await;
    let status = pump.handle.status();
    assert!(
        matches!(status.state, State::Down { .. }) && status.backlog == 50,
        "{status:?}"
    );
    assert_eq!((outbox.cursor(), outbox.dead().len()), (0, 0));
    let waits: Vec<Duration> = upstream.call_times().windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        waits.iter().all(|wait| *wait >= secs(1) && *wait <= secs(61)),
        "{waits:?}"
    );
    assert!(waits.iter().skip(7).all(|wait| *wait >= secs(30)), "it grew impatient");
    upstream.no_rule();
    sleep(secs(61)).await;
    assert_eq!(upstream.got(), (1..=50).collect::<Vec<_>>());
    assert!(pump.handle.status().is_up());
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_is_tried_again_as_it_was() {
    let upstream = Scripted::default().then(Err(down())).then(Err(timed_out()));
    let outbox = filled(1..=2);
    let pump = Running::start(upstream.clone(), &outbox, every(10, 1));
    sleep(Duration::from_millis(1_100)).await;
    (3..=5).for_each(|seq| outbox.push(event(seq)));
    pump.handle.wake();
    sleep(secs(30)).await;
    assert_eq!(upstream.calls(), [vec![1, 2], vec![1, 2], vec![1, 2], vec![3, 4, 5]]);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_upstream_is_left_alone_for_as_long_as_it_asked() {
    let busy = Refusal::Busy {
        again_in: Some(secs(120)),
        why: Reason::new("429"),
    };
    let (upstream, outbox) = (Scripted::default().then(Err(busy)), filled([1]));
    let pump = Running::start(upstream.clone(), &outbox, every(1, 0));
    sleep(secs(300)).await;
    let times = upstream.call_times();
    assert_eq!(times.len(), 2);
    assert_eq!(times[1] - times[0], secs(120));
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_bad_event_among_a_hundred_goes_to_the_dead_letters_and_the_rest_passes_in_order() {
    for bad in [1, 2, 50, 63, 99, 100] {
        let (upstream, outbox) = (Scripted::default(), filled(1..=100));
        upstream.rule(move |batch| batch.iter().any(|event| event.seq == bad).then(poison));
        let pump = Running::start(upstream.clone(), &outbox, every(100, 5));
        a_moment().await;
        assert_eq!(upstream.got(), (1..=100).filter(|seq| *seq != bad).collect::<Vec<_>>());
        let dead = outbox.dead();
        assert_eq!(dead.iter().map(|dead| dead.event.seq).collect::<Vec<_>>(), [bad]);
        assert_eq!(dead[0].why.as_str(), "422");
        assert_eq!((outbox.cursor(), outbox.backlog()), (100, 0));
        assert!(upstream.calls().len() <= 16, "{} calls", upstream.calls().len());
        pump.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_refused_one_by_one_in_an_accepted_batch_are_dead_and_not_sent_again() {
    let refused = |index| Refused {
        index,
        why: Reason::new("no such person"),
    };
    let delivered = Delivered {
        refused: vec![refused(2), refused(0), refused(99)],
    };
    let (upstream, outbox) = (Scripted::default().then(Ok(delivered)), filled(1..=3));
    let pump = Running::start(upstream.clone(), &outbox, every(3, 5));
    a_moment().await;
    assert_eq!(
        outbox.dead().iter().map(|dead| dead.event.seq).collect::<Vec<_>>(),
        [1, 3]
    );
    let status = pump.handle.status();
    assert_eq!((status.sent, status.dead, status.backlog), (1, 2, 0));
    assert_eq!(upstream.calls().len(), 1);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_while_a_batch_is_taken_apart_loses_and_repeats_nothing() {
    // The whole is refused, its left half is taken, then the network goes.
    let upstream = Scripted::default()
        .then(Err(poison()))
        .then(Ok(Delivered::default()))
        .then(Err(down()));
    upstream.rule(|batch| batch.iter().any(|event| event.seq == 4).then(poison));
    let outbox = filled(1..=4);
    let pump = Running::start(upstream.clone(), &outbox, every(4, 5));
    a_moment().await;
    assert_eq!(outbox.cursor(), 2);
    sleep(secs(60)).await;
    assert_eq!(upstream.got(), [1, 2, 3]);
    assert_eq!(outbox.dead().len(), 1);
    assert_eq!(outbox.cursor(), 4);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_address_buries_nothing() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=8));
    upstream.rule(|_| Some(nobody_there()));
    let pump = Running::start(upstream.clone(), &outbox, every(8, 5));
    sleep(secs(3_600)).await;
    assert_eq!((outbox.dead().len(), outbox.cursor()), (0, 0));
    let status = pump.handle.status();
    assert!(
        matches!(&status.state, State::Misconfigured { why, .. } if why.as_str().contains("404")),
        "{status:?}"
    );
    // Taken apart once (15 calls), then one call each time.
    assert!((16..45).contains(&upstream.calls().len()), "{}", upstream.calls().len());
    upstream.no_rule();
    sleep(secs(301)).await;
    assert_eq!(upstream.got(), (1..=8).collect::<Vec<_>>());
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_alone_meets_nobody_is_dead_once_another_is_accepted() {
    let (upstream, outbox) = (Scripted::default(), filled([1]));
    upstream.rule(|batch| batch.iter().any(|event| event.seq == 1).then(nobody_there));
    let pump = Running::start(upstream.clone(), &outbox, every(1, 0));
    sleep(secs(60)).await;
    assert!(outbox.dead().is_empty());
    outbox.push(event(2));
    pump.handle.wake();
    sleep(secs(600)).await;
    assert_eq!(upstream.got(), [2]);
    assert_eq!(outbox.dead().iter().map(|dead| dead.event.seq).collect::<Vec<_>>(), [1]);
    assert!(pump.handle.status().is_up());
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_keeps_everything_and_is_tried_slowly() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=3));
    upstream.rule(|_| {
        Some(Refusal::Misconfigured {
            why: Reason::new("401: check the secret"),
        })
    });
    let pump = Running::start(upstream.clone(), &outbox, every(3, 5));
    sleep(secs(3_600)).await;
    assert_eq!((outbox.dead().len(), outbox.cursor()), (0, 0));
    assert!(upstream.calls().len() < 30, "{}", upstream.calls().len());
    upstream.no_rule();
    pump.handle.hurry();
    a_moment().await;
    assert_eq!(upstream.got(), [1, 2, 3]);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_halved_and_one_event_too_large_is_dead() {
    let too_large = || Refusal::TooLarge {
        why: Reason::new("413"),
    };
    let (upstream, outbox) = (Scripted::default(), filled(1..=16));
    upstream.rule(move |batch| (batch.len() > 4 || batch.iter().any(|event| event.seq == 9)).then(too_large));
    let pump = Running::start(upstream.clone(), &outbox, every(16, 5));
    a_moment().await;
    assert_eq!(upstream.got(), (1..=16).filter(|seq| *seq != 9).collect::<Vec<_>>());
    assert_eq!(outbox.dead().iter().map(|dead| dead.event.seq).collect::<Vec<_>>(), [9]);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_too_slow_for_a_batch_gets_smaller_ones_until_they_pass() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=64));
    upstream.rule(|batch| (batch.len() > 5).then(timed_out));
    let pump = Running::start(upstream.clone(), &outbox, every(64, 5));
    sleep(secs(3_600)).await;
    assert_eq!(upstream.got(), (1..=64).collect::<Vec<_>>());
    let wasted = upstream.calls().iter().filter(|call| call.len() > 5).count();
    assert!(wasted < 20, "{wasted} batches too many");
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_at_most_so_many_bytes_and_at_least_one_event() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=6));
    let weight = event(1).weight();
    let batching = Batching {
        max_bytes: weight * 2 + 10,
        ..every(6, 5)
    };
    let pump = Running::start(upstream.clone(), &outbox, batching);
    a_moment().await;
    assert_eq!(upstream.calls(), [[1, 2], [3, 4], [5, 6]]);
    pump.stop().await;
    let (upstream, outbox) = (Scripted::default(), filled(1..=2));
    let pump = Running::start(
        upstream.clone(),
        &outbox,
        Batching {
            max_bytes: 1,
            ..every(2, 5)
        },
    );
    a_moment().await;
    assert_eq!(upstream.calls(), [[1], [2]]);
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_under_the_outbox_does_not_stop_the_forwarding() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=4));
    outbox.break_settling(Some("keep the cursor: no space left on device"));
    let pump = Running::start(upstream.clone(), &outbox, every(2, 5));
    sleep(secs(20)).await;
    assert_eq!((upstream.got(), outbox.cursor()), (vec![1, 2, 3, 4], 0));
    let said = pump.handle.status().last_error.map(|(_, why)| why.to_string());
    assert_eq!(said.as_deref(), Some("keep the cursor: no space left on device"));
    outbox.break_settling(None);
    sleep(secs(6)).await;
    assert_eq!((outbox.cursor(), upstream.calls().len()), (4, 2));
    pump.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_the_batch_in_flight_finish_but_not_for_ever() {
    for (takes, settled) in [(secs(2), 2), (secs(4), 0)] {
        let (upstream, outbox) = (Scripted::default().taking(takes), filled(1..=4));
        let pump = Running::start(upstream.clone(), &outbox, every(2, 5));
        a_moment().await;
        let asked = Instant::now();
        pump.stop().await;
        assert!(asked.elapsed() <= secs(3), "{:?}", asked.elapsed());
        assert_eq!(outbox.cursor(), settled);
        assert_eq!(upstream.calls().len(), 1, "another batch was begun");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_kind_of_waiting_at_once() {
    let asleep = Running::start(Scripted::default(), &filled([]), every(2, 5));
    let gathering = Running::start(Scripted::default(), &filled([1]), every(2, 3_600));
    let upstream = Scripted::default().then(Err(down()));
    let backing_off = Running::start(upstream, &filled(1..=2), every(2, 5));
    for pump in [asleep, gathering, backing_off] {
        a_moment().await;
        let (asked, handle) = (Instant::now(), pump.handle.clone());
        pump.stop().await;
        assert_eq!(asked.elapsed(), Duration::ZERO);
        assert_eq!(handle.status().state, State::Stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_how_much_waits_and_since_when() {
    let (upstream, outbox) = (Scripted::default(), filled(1..=2));
    upstream.rule(|_| Some(down()));
    let pump = Running::start(upstream, &outbox, every(2, 5));
    sleep(secs(90)).await;
    outbox.push(event(3));
    pump.handle.wake();
    a_moment().await;
    let status = pump.handle.status();
    assert_eq!((status.backlog, status.is_up()), (3, false));
    assert_eq!(status.oldest_age(START.plus(secs(90))), secs(90));
    assert!(status.refusals > 3 && status.sent == 0, "{status:?}");
    pump.stop().await;
}
