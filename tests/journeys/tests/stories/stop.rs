//! The daemon is asked to end.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use punchgate_journeys::{SOON, all_is_delivered, device, external_ids, item, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::{Gateway, TOKEN},
    sink::{Fault, Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::json;

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_under_load_it_ends_within_ten_seconds_and_nothing_acknowledged_is_lost() {
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let mut gateway = Gateway::start(PROGRAM, &tables).await.expect("it starts");
    // The last batch meets a sink that says nothing, and that must not keep it.
    sink.standing(Some(Fault::Hang));
    let ended = Arc::new(AtomicBool::new(false));
    let posting = |name: &'static str| {
        let (ended, ingest) = (ended.clone(), gateway.ingest());
        tokio::spawn(async move {
            let (mut acknowledged, mut n) = (BTreeSet::new(), 0);
            while !ended.load(Ordering::Relaxed) {
                let id = format!("{name}{n}");
                let body = json!({"punches": [item(&id, &id, "gps", "2026-03-02T08:00:00Z")]}).to_string();
                let answer = call::post(ingest, "/ingest/v1/punches", TOKEN, "", &body).await;
                if answer.is_ok_and(|answer| answer.status == 200) {
                    acknowledged.insert(id);
                }
                n += 1;
            }
            acknowledged
        })
    };
    let posters = ["a", "b", "c", "d"].map(posting);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let status = gateway.stop(Duration::from_secs(10)).await;
    ended.store(true, Ordering::Relaxed);
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", gateway.log());
    let mut acknowledged = BTreeSet::new();
    for poster in posters {
        acknowledged.extend(poster.await.expect("it posted to the end"));
    }
    assert!(acknowledged.len() > 20, "there was load: {}", acknowledged.len());
    sink.standing(None);
    gateway.restart().await.expect("it starts");
    assert!(all_is_delivered(&gateway, SOON).await, "{:#?}", gateway.status().await);
    let held = external_ids(&sink);
    assert!(acknowledged.iter().all(|id| held.get(id) == Some(&1)));
    assert!(
        !gateway.log().contains("built again"),
        "the buffer was closed well: {}",
        gateway.log()
    );
}
