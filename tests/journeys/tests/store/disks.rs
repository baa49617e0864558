//! Disks that are full, sick or slow. Most need the right to mount, or strace.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use punchgate_journeys::{LATER, SOON, all_is_delivered, external_ids, upstream};
use punchgate_lab::{
    call,
    gateway::Gateway,
    patience::until,
    sink::{Fault, Sink, SinkOptions},
};

use punchgate_kit::{Clock, SimPunch, Simulator};
use punchgate_model::{Direction, Factor};
use punchgate_serial_line::{
    Acknowledge, Options,
    simulator::{Knobs, TextClock},
};
use punchgate_transports::{pty::Pty, serial};
use tokio_util::sync::CancellationToken;

use crate::{
    PROGRAM,
    room::{Small, alarms, fill, is_stored_within, post, program_after, store_settings},
};

const FIVE: Duration = Duration::from_secs(5);

/// A daemon whose state is on a small file system.
async fn gateway_on(at: &Path, sink: &Sink, settings: &str) -> Gateway {
    let mut gateway = Gateway::new(PROGRAM, "").expect("a folder");
    gateway.keep_state_in(at.join("state"));
    gateway.configure(&upstream(sink)).expect("written");
    store_settings(&gateway, settings);
    gateway.restart().await.expect("it starts");
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_free_at_the_start_it_starts_forwards_and_takes_punches_within_five_seconds_of_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("small");
    let Some(_mounted) = Small::tmpfs(&at, "size=24m") else {
        return;
    };
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = gateway_on(&at, &sink, "ballast = \"1MiB\"").await;
    sink.standing(Some(Fault::status(503)));
    let acknowledged = post(&gateway, "before", 100).await.expect("stored");
    gateway.kill();
    let filler = at.join("filler");
    fill(&filler);
    gateway.restart().await.expect("it starts with nothing free");
    // What the old buffer took is free now; that is used up as well.
    fill(&at.join("more"));
    assert_eq!(post(&gateway, "during", 100).await, Err(503));
    sink.standing(None);
    let forwarded = async || external_ids(&sink).len() == acknowledged.len();
    assert!(until(LATER, forwarded).await, "{:#}", gateway.status().await);
    fs::remove_file(&filler).expect("removed");
    fs::remove_file(at.join("more")).expect("removed");
    assert!(
        is_stored_within(&gateway, "after", FIVE).await,
        "{:#}",
        gateway.status().await
    );
    let ready = async || {
        call::get(gateway.admin(), "/readyz")
            .await
            .is_ok_and(|answer| answer.status == 200)
    };
    assert!(until(FIVE, ready).await, "{:#}", gateway.status().await);
    assert!(all_is_delivered(&gateway, LATER).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_more_files_can_be_made_nothing_acknowledged_is_lost_and_it_heals() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("small");
    let Some(_mounted) = Small::tmpfs(&at, "size=64m,nr_inodes=60") else {
        return;
    };
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    // Small segments: a new file is needed soon.
    let mut gateway = gateway_on(&at, &sink, "max_size = \"1MiB\"\nballast = \"0B\"").await;
    let mut fillers = Vec::new();
    for n in 0..100 {
        let path = at.join(format!("filler-{n}"));
        if fs::write(&path, b"").is_err() {
            break;
        }
        fillers.push(path);
    }
    sink.standing(Some(Fault::status(503)));
    let (mut acknowledged, mut refused) = (0, false);
    for batch in 0..40 {
        match post(&gateway, &format!("b{batch}"), 100).await {
            Ok(ids) => acknowledged += ids.len(),
            Err(status) => {
                assert_eq!(status, 503);
                refused = true;
                break;
            }
        }
    }
    assert!(refused, "a segment could be begun without an inode");
    gateway.kill();
    gateway.restart().await.expect("it starts without an inode");
    sink.standing(None);
    assert!(
        until(LATER, async || external_ids(&sink).len() == acknowledged).await,
        "{:#}",
        gateway.status().await
    );
    fillers.iter().for_each(|path| fs::remove_file(path).expect("removed"));
    assert!(
        is_stored_within(&gateway, "after", FIVE).await,
        "{:#}",
        gateway.status().await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_size_of_files_kills_nobody_and_a_smaller_segment_is_begun() {
    let folder = tempfile::tempdir().expect("a folder");
    // In units of 512 bytes: 1 MiB, which is less than a segment and enough for the rest.
    let program = program_after(folder.path(), "ulimit -f 2048; exec");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::new(program, &upstream(&sink)).expect("a folder");
    store_settings(&gateway, "ballast = \"0B\"");
    gateway.restart().await.expect("it starts");
    let (mut acknowledged, mut refused) = (0, 0);
    for batch in 0..5 {
        let name = format!("b{batch}");
        for _ in 0..20 {
            match post(&gateway, &name, 900).await {
                Ok(ids) => {
                    acknowledged += ids.len();
                    break;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert_eq!(acknowledged, 5 * 900, "{:#}", gateway.status().await);
    assert!(refused > 0, "the limit was never met");
    gateway.kill();
    gateway.restart().await.expect("it starts");
    assert!(
        until(LATER, async || external_ids(&sink).len() == acknowledged).await,
        "{:#}",
        gateway.status().await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_stops_acknowledgements_and_not_forwarding() {
    let folder = tempfile::tempdir().expect("a folder");
    let (image, at) = (folder.path().join("image"), folder.path().join("disk"));
    let Some(_mounted) = Small::ext4(&image, &at, 64 << 20) else {
        return;
    };
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let gateway = gateway_on(&at, &sink, "ballast = \"0B\"").await;
    sink.standing(Some(Fault::status(503)));
    let acknowledged = post(&gateway, "before", 50).await.expect("stored");
    if !breaks(&at) {
        eprintln!("SKIPPED: this kernel has no way to plant an error of ext4");
        return;
    }
    assert_eq!(post(&gateway, "during", 1).await, Err(503));
    let failing = gateway.status().await["journal"]["failing"].clone();
    assert!(failing.is_string(), "{:#}", gateway.status().await);
    sink.standing(None);
    let forwarded = async || external_ids(&sink).len() == acknowledged.len();
    assert!(until(LATER, forwarded).await, "{:#}", gateway.status().await);
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}

/// Plants an error in the ext4 mounted there; with `errors=remount-ro` it is read-only from then on.
fn breaks(at: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let device = mounts.lines().find_map(|line| {
        let (device, rest) = line.split_once(' ')?;
        (rest.split(' ').next()? == at.to_str()?).then(|| device.trim_start_matches("/dev/").to_owned())
    });
    device.is_some_and(|device| fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "planted").is_ok())
}

/// A daemon some of whose calls strace falsifies; `None` where there is no strace.
fn under_strace(folder: &Path, inject: &str) -> Option<std::path::PathBuf> {
    let strace = Command::new("sh").args(["-c", "command -v strace"]).output().ok()?;
    let strace = String::from_utf8(strace.stdout).ok().filter(|path| !path.is_empty());
    let Some(strace) = strace else {
        eprintln!("SKIPPED: this needs strace");
        return None;
    };
    let (strace, call) = (strace.trim(), inject.split(':').next()?);
    // With -D the daemon is the process that was started, and strace stands beside it.
    let command = format!("exec {strace} -D -f -qq -o /dev/null -e trace={call} -e inject={inject}");
    Some(program_after(folder, &command))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_once_is_not_asked_again_and_what_was_not_acknowledged_goes_into_a_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(program) = under_strace(folder.path(), "fdatasync:error=EIO:when=8") else {
        return;
    };
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::new(program, &upstream(&sink)).expect("a folder");
    store_settings(&gateway, "ballast = \"0B\"");
    gateway.restart().await.expect("it starts");
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for n in 0..20 {
        let name = format!("n{n}");
        match post(&gateway, &name, 3).await {
            Ok(ids) => acknowledged.extend(ids),
            Err(status) => {
                assert_eq!(status, 503);
                refused += 1;
                let before = crate::room::segments(&gateway).len();
                acknowledged.extend(post(&gateway, &name, 3).await.expect("the second try is stored"));
                assert_eq!(crate::room::segments(&gateway).len(), before + 1, "in a new file");
            }
        }
    }
    assert_eq!(refused, 1, "{}", gateway.log());
    assert!(all_is_delivered(&gateway, LATER).await);
    gateway.kill();
    let verified = gateway.ask(&["store", "verify"]).expect("it runs");
    assert_eq!(verified.status.code(), Some(0), "{}", crate::room::said(&verified));
    gateway.restart().await.expect("it starts");
    assert!(all_is_delivered(&gateway, LATER).await);
    let held = external_ids(&sink);
    assert!(acknowledged.iter().all(|id| held.get(id) == Some(&1)));
}

/// Syncs that take so long; the daemon is told by its watchdog to report often.
async fn through_slow_syncs(seconds: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let inject = format!("fdatasync:delay_exit={}:when=8..9", seconds * 1_000_000);
    let Some(program) = under_strace(folder.path(), &inject) else {
        return;
    };
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::new(program, &upstream(&sink)).expect("a folder");
    store_settings(&gateway, "ballast = \"0B\"");
    gateway.restart().await.expect("it starts");
    let began = std::time::Instant::now();
    let (mut slowest, mut stored) = (Duration::ZERO, 0);
    while slowest < Duration::from_secs(seconds) && began.elapsed() < Duration::from_secs(4 * seconds + 10) {
        let asked = std::time::Instant::now();
        // Whoever has no patience asks again, and it is one punch all the same.
        if post_patiently(&gateway, &format!("n{stored}"), seconds).await {
            stored += 1;
        }
        slowest = slowest.max(asked.elapsed());
        let health = call::get(gateway.admin(), "/healthz").await.expect("it lives");
        assert_eq!(health.status, 200);
    }
    assert!(slowest >= Duration::from_secs(seconds), "no sync was slow: {slowest:?}");
    assert!(gateway.ended().is_none(), "{}", gateway.log());
    assert!(post_patiently(&gateway, "after", seconds).await);
    assert!(all_is_delivered(&gateway, Duration::from_secs(2 * seconds + 10)).await);
    assert_eq!(external_ids(&sink).len(), stored + 1);
}

/// Posts one punch until it is stored, however long that takes; answers that never come are asked for again.
async fn post_patiently(gateway: &Gateway, name: &str, seconds: u64) -> bool {
    let items = serde_json::json!([punchgate_journeys::item(
        &format!("{name}-0"),
        "E001",
        "gps",
        "2026-03-02T08:00:00Z"
    )]);
    until(Duration::from_secs(3 * seconds + 10), async || {
        gateway.post(&items).await.is_ok_and(|answer| answer.status == 200)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn syncs_of_three_seconds_are_waited_for() {
    through_slow_syncs(3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: three minutes"]
async fn syncs_of_a_minute_are_waited_for() {
    through_slow_syncs(60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_held_back_is_for_readings_that_nobody_else_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let (at, port) = (folder.path().join("small"), folder.path().join("clock"));
    let Some(_mounted) = Small::tmpfs(&at, "size=24m") else {
        return;
    };
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let clock = Arc::new(TextClock::new(Knobs {
        acknowledge: Some(Acknowledge::Ack),
        repeat_after: Duration::from_millis(300),
        ..Knobs::default()
    }));
    let (pty, closing) = (Pty::open(&port).expect("a terminal"), CancellationToken::new());
    let options: Options = serde_json::from_value(serde_json::json!({"acknowledge": "ack"})).expect("options");
    tokio::spawn(serial::simulate(
        pty,
        clock.clone(),
        options,
        Clock::system(),
        closing.clone(),
    ));
    let punch = |number: u32| {
        clock.punch(SimPunch {
            credential: format!("{number:010}"),
            factor: Factor::Card,
            direction: Direction::In,
            at: Clock::system().now(),
        });
    };
    let acknowledged = async |many: usize| until(SOON, async || clock.ledger().acknowledged.len() == many).await;
    let device = format!(
        "[[device]]\nname = \"clock-1\"\ndriver = \"serial_line\"\nport = {:?}\ntimezone = \"UTC\"\nacknowledge = \"ack\"\n",
        port.display().to_string()
    );
    let mut gateway = Gateway::new(PROGRAM, "").expect("a folder");
    gateway.keep_state_in(at.join("state"));
    gateway.configure(&(upstream(&sink) + &device)).expect("written");
    store_settings(&gateway, "ballast = \"1MiB\"");
    gateway.restart().await.expect("it starts");
    punch(1);
    assert!(acknowledged(1).await, "{:#}", gateway.status().await);
    assert_eq!(gateway.status().await["journal"]["ballast"], true);
    let filler = at.join("filler");
    fill(&filler);
    // The app keeps what is not acknowledged; the card was only shown once.
    let mut refused = false;
    for n in 0..200 {
        if post(&gateway, &format!("n{n}"), 50).await.is_err() {
            refused = true;
            break;
        }
    }
    assert!(refused);
    // The first few may still fit into what the last page has left.
    for number in 2..40 {
        punch(number);
        assert!(
            acknowledged(usize::try_from(number).expect("small")).await,
            "{:#}",
            gateway.status().await
        );
    }
    assert!(
        !alarms(&gateway, "ballast-released").await.is_empty(),
        "{:#}",
        gateway.status().await
    );
    assert_eq!(
        post(&gateway, "still", 1).await,
        Err(503),
        "the room is not for those who wait"
    );
    fs::remove_file(&filler).expect("removed");
    assert!(
        is_stored_within(&gateway, "after", FIVE).await,
        "{:#}",
        gateway.status().await
    );
    let restored = async || alarms(&gateway, "ballast-released").await.is_empty();
    assert!(until(FIVE, restored).await, "{:#}", gateway.status().await);
    assert_eq!(gateway.status().await["journal"]["ballast"], true);
    closing.cancel();
}
