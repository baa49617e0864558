//! What is kept long enough is removed, what is not delivered never, and a large journal does not delay the first punch.

use std::{
    fs,
    time::{Duration, Instant},
};

use punchgate_journeys::{LATER, SOON, all_is_delivered, external_ids, upstream};
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Fault, Sink, SinkOptions},
};

use crate::{
    PROGRAM,
    room::{alarms, exported, post, said, segments, store_settings},
};

const TEN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_makes_room_what_is_not_stops_acknowledgements_and_is_never_removed() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let people = "[[verification]]\nname = \"twice\"\nfirst = { factors = [\"gps\"] }\nsecond = { factors = [\"wifi\"] }\nwindow = \"15m\"\n";
    let mut gateway = Gateway::new(PROGRAM, &(upstream(&sink) + people)).expect("a folder");
    store_settings(&gateway, "max_size = \"1MiB\"\nballast = \"0B\"");
    gateway.restart().await.expect("it starts");
    sink.standing(Some(Fault::status(503)));
    let (mut acknowledged, mut full) = (0, false);
    for batch in 0..60 {
        match post(&gateway, &format!("b{batch}"), 200).await {
            Ok(ids) => acknowledged += ids.len(),
            Err(status) => {
                assert_eq!(status, 503);
                full = true;
                break;
            }
        }
    }
    assert!(full, "the limit was never met");
    assert!(
        !alarms(&gateway, "max-size").await.is_empty(),
        "{:#}",
        gateway.status().await
    );
    assert_eq!(
        gateway.status().await["journal"]["first"],
        1,
        "nothing undelivered was removed"
    );
    sink.standing(None);
    let delivered = async || external_ids(&sink).len() == acknowledged;
    assert!(until(LATER, delivered).await, "{:#}", gateway.status().await);
    let stored = async || post(&gateway, "after", 100).await.is_ok();
    assert!(until(SOON, stored).await, "{:#}", gateway.status().await);
    assert!(
        gateway.status().await["journal"]["first"].as_u64() > Some(1),
        "{:#}",
        gateway.status().await
    );
    assert!(alarms(&gateway, "max-size").await.is_empty());
    assert!(all_is_delivered(&gateway, LATER).await);

    // The removal is a record, and the rest is a whole chain.
    assert!(
        exported(&gateway)
            .iter()
            .any(|line| line["entry"]["retired"]["before"].as_u64() > Some(1))
    );
    let verified = gateway.ask(&["store", "verify"]).expect("it runs");
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    gateway.stop(TEN).await;
    // A rebuild knows what was in force, and does not take the removal for a loss.
    fs::remove_dir_all(gateway.state().join("buffer")).expect("removed");
    let sent = sink.stats().accepted;
    gateway.restart().await.expect("it starts");
    assert!(all_is_delivered(&gateway, LATER).await);
    let status = gateway.status().await;
    assert!(
        alarms(&gateway, "gap").await.is_empty() && status["journal"]["epoch"] == 0,
        "{status:#}"
    );
    assert_eq!(sink.stats().accepted, sent, "nothing is sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_its_retention_and_delivered_is_removed() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::new(PROGRAM, &upstream(&sink)).expect("a folder");
    store_settings(&gateway, "max_size = \"1MiB\"\nretention = \"1s\"\nballast = \"0B\"");
    gateway.restart().await.expect("it starts");
    for batch in 0..8 {
        post(&gateway, &format!("b{batch}"), 200).await.expect("stored");
    }
    assert!(all_is_delivered(&gateway, LATER).await);
    let before = segments(&gateway).len();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    // It is looked after at each start, and once a minute.
    gateway.stop(TEN).await;
    gateway.restart().await.expect("it starts");
    let fewer = async || segments(&gateway).len() < before;
    assert!(until(SOON, fewer).await, "{:#}", gateway.status().await);
    let told = |status: &serde_json::Value| status["journal"]["retired_bytes"].as_u64() > Some(0);
    assert!(gateway.until(SOON, told).await, "{:#}", gateway.status().await);
    assert_eq!(external_ids(&sink).len(), 1600);
}

/// How many readings the journal holds when its buffer is deleted, a thousand in each record.
fn many() -> usize {
    std::env::var("RECORDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(3_000)
}

/// A long run with figures: `RECORDS=1000000 cargo nextest run --release -p punchgate-journeys -E 'test(robbed_of_its_buffer_takes)'`.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_robbed_of_its_buffer_takes_punches_at_once_and_every_verdict_comes_out_the_same() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let policy = "[[verification]]\nname = \"twice\"\nfirst = { factors = [\"gps\"] }\nsecond = { factors = [\"wifi\"] }\nwindow = \"15m\"\n";
    let mut gateway = Gateway::start(PROGRAM, &(upstream(&sink) + policy))
        .await
        .expect("it starts");
    for batch in 0..many() / 1000 {
        post(&gateway, &format!("b{batch}"), 1000).await.expect("stored");
    }
    let patience = LATER * 4;
    assert!(
        all_is_delivered(&gateway, patience).await,
        "{:#}",
        gateway.status().await
    );
    gateway.stop(TEN).await;
    fs::remove_dir_all(gateway.state().join("buffer")).expect("removed");
    let began = Instant::now();
    gateway.spawn().expect("it is there");
    let stored = async || matches!(tokio::time::timeout(Duration::from_secs(1), gateway.post(&serde_json::json!([punchgate_journeys::item("first", "E001", "gps", "2026-03-03T08:00:00Z")]))).await, Ok(Ok(answer)) if answer.status == 200);
    assert!(until(Duration::from_secs(10), stored).await);
    let first = began.elapsed();
    assert!(
        all_is_delivered(&gateway, patience).await,
        "{:#}",
        gateway.status().await
    );
    let rebuilt = began.elapsed();
    println!(
        "{} readings: the first punch after {first:?}, rebuilt and forwarded after {rebuilt:?}",
        many()
    );
    assert!(first < Duration::from_secs(3), "{first:?}");
    gateway.stop(TEN).await;
    let output = gateway.ask(&["store", "rebuild", "--json"]).expect("it runs");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(told["before"].is_string() && told["before"] == told["digest"], "{told}");
    assert!(gateway.log().contains("buffer-rebuilt"), "{}", gateway.log());
}
