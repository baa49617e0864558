//! The daemon is killed again and again while punches come from a terminal's log, from its live events and from an app.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use punchgate_journeys::{LATER, all_is_delivered, as_ledger, device, external_ids, item, punches, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::{APP, Gateway, TOKEN},
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::PROGRAM;

/// How often the daemon is killed.
const KILLS: usize = 25;

/// An app that posts batches until it is told to stop, each until it is answered; gives back the ids that were.
async fn app(name: &'static str, ingest: std::net::SocketAddr, enough: Arc<AtomicBool>) -> BTreeSet<String> {
    let (mut acknowledged, mut batch) = (BTreeSet::new(), 0);
    while !enough.load(Ordering::Relaxed) {
        let ids: Vec<String> = (0..20).map(|n| format!("{name}-{batch}-{n}")).collect();
        let at = format!("2026-03-02T{:02}:{:02}:00Z", batch / 60 % 24, batch % 60);
        let punch = |(n, id): (usize, &String)| item(id, &format!("{name}{batch}.{n}"), "gps", &at);
        let items: Vec<Value> = ids.iter().enumerate().map(punch).collect();
        let body = json!({ "punches": items }).to_string();
        let key = format!("idempotency-key: {name}-{batch}\r\n");
        loop {
            match call::post(ingest, "/ingest/v1/punches", TOKEN, &key, &body).await {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) => assert!(answer.status == 503 || answer.status == 429, "{answer:?}"),
                Err(_) if enough.load(Ordering::Relaxed) => return acknowledged,
                Err(_) => {}
            }
            sleep(Duration::from_millis(5)).await;
        }
        acknowledged.extend(ids);
        batch += 1;
        sleep(Duration::from_millis(15)).await;
    }
    acknowledged
}

/// Kills the daemon under load; `between` is done while it is down.
async fn killed_under_load(kills: usize, between: impl Fn(usize, &Gateway)) {
    let (live, log) = (
        Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal"),
        // This one tells nothing as it happens: its punches are found in its log.
        Terminal::on(
            Carrier::Tcp,
            Knobs {
                event: 0,
                ..Knobs::default()
            },
        )
        .await
        .expect("a terminal"),
    );
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables =
        upstream(&sink) + &device("live", &live, Carrier::Tcp, "") + &device("log", &log, Carrier::Tcp, "live = false");
    let mut gateway = Gateway::start(PROGRAM, &tables).await.expect("it starts");
    let enough = Arc::new(AtomicBool::new(false));
    let apps = ["a", "b"].map(|name| tokio::spawn(app(name, gateway.ingest(), enough.clone())));
    for n in 0..kills {
        for punch in 0..5 {
            let ago = Duration::from_secs((10_000 - n * 5 - punch) as u64);
            live.punch(&format!("{:04}", n % 50), ago);
            log.punch(&format!("{:04}", n % 50), ago);
        }
        // Another instant each time: in the start, in the rebuild, in the middle of the work.
        sleep(Duration::from_millis((n as u64 * 37) % 230)).await;
        gateway.kill();
        between(n, &gateway);
        gateway.restart().await.expect("it starts again");
    }
    enough.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeSet::new();
    for app in apps {
        acknowledged.extend(app.await.expect("it posted to the end"));
    }
    let done = async || as_ledger(&sink, "live").len() >= kills * 5 && as_ledger(&sink, "log").len() >= kills * 5;
    assert!(until(LATER, done).await, "{:#?}", gateway.status().await);
    assert!(all_is_delivered(&gateway, LATER).await, "{:#?}", gateway.status().await);
    for (name, terminal) in [("live", &live), ("log", &log)] {
        let mut issued = terminal.ledger().issued;
        issued.sort();
        assert_eq!(as_ledger(&sink, name), issued, "{name}: each punch once");
    }
    let held = external_ids(&sink);
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !held.contains_key(*id)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} were lost: {lost:?}",
        lost.len(),
        acknowledged.len()
    );
    let doubled: Vec<_> = held.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "under two ids: {doubled:?}");
    assert!(acknowledged.len() >= kills, "there was load: {}", acknowledged.len());
    assert!(punches(&sink, APP).iter().all(|held| held.revision == 1));
    assert!(!gateway.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_again_and_again_loses_nothing_and_doubles_nothing() {
    killed_under_load(KILLS, |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_and_robbed_of_its_buffer_loses_nothing_and_doubles_nothing() {
    killed_under_load(4, |n, gateway| {
        if n % 2 == 1 {
            std::fs::remove_dir_all(gateway.state().join("buffer")).expect("a buffer");
        }
    })
    .await;
}
