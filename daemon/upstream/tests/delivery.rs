//! Pump, webhook and sink together over real sockets: what the outbox held is what the sink holds.

mod common;

use std::time::Duration;

use common::{Running, event, every, filled, revised};
use punchgate_lab::sink::{Fault, Sink, SinkOptions};
use punchgate_upstream::{Backoff, MemoryOutbox, Outbox, Webhook, WebhookConfig};

const PATIENCE: Duration = Duration::from_secs(8);

fn pump(url: String, outbox: &MemoryOutbox, max: usize) -> Running {
    let mut config = WebhookConfig::new("plant3-gate", url);
    config.timeout = Duration::from_millis(300);
    let webhook = Webhook::new(config).expect("a webhook");
    let quick = Backoff::new(Duration::from_millis(1), Duration::from_millis(20), 7);
    Running::start_with(webhook, outbox, every(max, 0), (quick.clone(), quick))
}

#[tokio::test]
async fn whatever_the_sink_does_it_ends_up_with_everything_once_and_in_order() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a free port");
    for fault in [
        Fault::status(500),
        Fault::Html,
        Fault::status(413),
        Fault::Hang,
        Fault::Cut,
        Fault::HalfBody,
        Fault::AcceptThenCut,
        Fault::AcceptThenHang,
        Fault::status(401),
        Fault::status(302),
        Fault::status(409),
        Fault::status_with(503, "retry-after", "soon"),
        Fault::Slow { millis: 100 },
    ] {
        sink.fault(fault);
    }
    let outbox = filled(1..=60);
    let pump = pump(sink.url(), &outbox, 20);
    assert!(
        sink.until(|stats| stats.held == 60, PATIENCE).await,
        "{:?}",
        pump.handle.status()
    );
    pump.stop().await;
    assert_eq!((outbox.dead().len(), sink.stats().out_of_order), (0, 0));
    assert!(sink.stats().faults >= 10, "{:?}", sink.stats());
}

#[tokio::test]
async fn a_sink_that_cannot_bear_one_event_gets_all_the_others() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a free port");
    sink.standing(Some(Fault::Poison {
        ids: vec!["p13".into()],
        code: 422,
    }));
    let outbox = filled(1..=40);
    let pump = pump(sink.url(), &outbox, 40);
    assert!(sink.until(|stats| stats.held == 39, PATIENCE).await);
    pump.stop().await;
    assert_eq!(
        outbox
            .dead()
            .iter()
            .map(|dead| dead.event.id.clone())
            .collect::<Vec<_>>(),
        ["p13"]
    );
    assert_eq!(outbox.cursor(), 40);
    assert_eq!(sink.stats().repeats, 0);
}

#[tokio::test]
async fn a_sink_that_takes_seven_at_a_time_gets_no_more() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a free port");
    sink.standing(Some(Fault::TooMany { most: 7 }));
    let outbox = filled(1..=50);
    let pump = pump(sink.url(), &outbox, 50);
    assert!(sink.until(|stats| stats.held == 50, PATIENCE).await);
    pump.stop().await;
    assert!(outbox.dead().is_empty());
}

#[tokio::test]
async fn a_sink_that_was_away_gets_what_it_missed_and_keeps_what_it_had() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = SinkOptions {
        state: Some(directory.path().join("held.jsonl")),
        ..SinkOptions::default()
    };
    let sink = Sink::start(options.clone()).await.expect("a free port");
    let (address, outbox) = (sink.address(), filled(1..=10));
    let pump = pump(sink.url(), &outbox, 5);
    assert!(sink.until(|stats| stats.held == 10, PATIENCE).await);
    sink.stop().await;
    (11..=20).for_each(|seq| outbox.push(event(seq)));
    pump.handle.wake();
    let sink = Sink::start(SinkOptions {
        listen: address,
        ..options
    })
    .await
    .expect("the same port");
    assert_eq!(sink.stats().held, 10);
    assert!(
        sink.until(|stats| stats.held == 20, PATIENCE).await,
        "{:?}",
        pump.handle.status()
    );
    pump.stop().await;
}

#[tokio::test]
async fn a_later_revision_replaces_the_earlier_one_and_both_may_share_a_batch() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a free port");
    let outbox = MemoryOutbox::default();
    for event in [revised(1, "verdict:v", 1), event(2), revised(3, "verdict:v", 2)] {
        outbox.push(event);
    }
    let pump = pump(sink.url(), &outbox, 3);
    assert!(sink.until(|stats| stats.accepted == 3, PATIENCE).await);
    pump.stop().await;
    assert_eq!(
        sink.get("verdict:v").map(|held| (held.revision, held.times)),
        Some((2, 2))
    );
    assert_eq!((sink.stats().held, sink.stats().repeats), (2, 0));
}
