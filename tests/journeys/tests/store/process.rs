//! What may happen to the process: few files, a log that nobody reads, a stop under load, a kill while it starts.

use std::time::Duration;

use punchgate_journeys::{LATER, all_is_delivered, as_ledger, device, external_ids, item, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::{Gateway, TOKEN},
    patience::until,
    sink::{Fault, Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    PROGRAM,
    room::{post, program_after, store_settings},
};

const TEN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn with_64_files_a_crowd_of_callers_takes_none_of_those_that_storing_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program_after(folder.path(), "ulimit -n 64; exec");
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let mut gateway = Gateway::new(program, &tables).expect("a folder");
    // Small segments, so that storing needs new files all the time.
    store_settings(&gateway, "max_size = \"1MiB\"\nballast = \"0B\"");
    gateway.restart().await.expect("it starts");
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(gateway.ingest()).await);
    }
    for n in 0..20 {
        terminal.punch(&format!("{n:04}"), Duration::from_secs(60 * (30 - n)));
    }
    let arrived = async || as_ledger(&sink, "gate-1").len() == 20;
    assert!(until(LATER, arrived).await, "{:#}", gateway.status().await);
    let mut stored = 0;
    for batch in 0..10 {
        let name = format!("b{batch}");
        let items: Value = (0..200)
            .map(|n| item(&format!("{name}-{n}"), "E001", "gps", "2026-03-02T08:00:00Z"))
            .collect();
        let accepted = async || gateway.post(&items).await.is_ok_and(|answer| answer.status == 200);
        assert!(until(LATER, accepted).await, "{:#}", gateway.status().await);
        stored += 200;
    }
    assert!(until(LATER, async || external_ids(&sink).len() == stored).await);
    assert!(
        gateway.status().await["journal"]["failing"].is_null(),
        "{}",
        gateway.log()
    );
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
    drop(crowd);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_delays_no_punch() {
    let folder = tempfile::tempdir().expect("a folder");
    // Open for reading too, so that writing to it waits instead of failing.
    let pipe = folder.path().join("pipe");
    let commands = format!("PATH=/usr/bin:/bin; mkfifo {0}; exec 2<>{0}; exec", pipe.display());
    let program = program_after(folder.path(), &commands);
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + "[log]\nlevel = \"trace\"\n";
    let mut gateway = Gateway::new(program, &tables).expect("a folder");
    gateway.restart().await.expect("it starts");
    for batch in 0..200 {
        post(&gateway, &format!("b{batch}"), 5).await.expect("stored");
    }
    assert!(all_is_delivered(&gateway, LATER).await, "{:#}", gateway.status().await);
    assert_eq!(external_ids(&sink).len(), 1000);
    let status = gateway.stop(TEN).await;
    assert_eq!(status.and_then(|status| status.code()), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_with_ten_thousand_in_flight_it_ends_in_ten_seconds_and_keeps_its_word() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    sink.standing(Some(Fault::Hang));
    let ingest = gateway.ingest();
    let posting: Vec<_> = (0..50)
        .map(|batch| {
            tokio::spawn(async move {
                let ids: Vec<String> = (0..200).map(|n| format!("b{batch}-{n}")).collect();
                let items: Vec<Value> = ids
                    .iter()
                    .map(|id| item(id, id, "gps", "2026-03-02T08:00:00Z"))
                    .collect();
                let body = json!({ "punches": items }).to_string();
                let answer = call::post(ingest, "/ingest/v1/punches", TOKEN, "", &body).await;
                answer.is_ok_and(|answer| answer.status == 200).then_some(ids)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(60)).await;
    let status = gateway.stop(TEN).await;
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", gateway.log());
    let mut acknowledged = Vec::new();
    for posted in posting {
        acknowledged.extend(posted.await.expect("no panic").unwrap_or_default());
    }
    sink.standing(None);
    gateway.restart().await.expect("it starts");
    assert!(all_is_delivered(&gateway, LATER).await, "{:#}", gateway.status().await);
    let held = external_ids(&sink);
    let lost: Vec<_> = acknowledged.iter().filter(|id| held.get(*id) != Some(&1)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    println!("{} of 10000 were acknowledged before the end", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_runs_out_ends_the_process_and_the_next_one_has_every_acknowledged_punch() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    // Enough to start, and not for what follows.
    let kib = 300_000;
    let program = program_after(folder.path(), &format!("ulimit -v {kib}; exec"));
    let mut gateway = Gateway::new(program, &upstream(&sink)).expect("a folder");
    gateway.spawn().expect("it is there");
    sink.standing(Some(Fault::status(503)));
    let mut acknowledged = Vec::new();
    if gateway.is_ready_within(TEN).await {
        for batch in 0..60 {
            let ids: Vec<String> = (0..1000).map(|n| format!("b{batch}-{n}")).collect();
            let items: Value = ids
                .iter()
                .map(|id| item(id, id, "gps", "2026-03-02T08:00:00Z"))
                .collect();
            match gateway.post(&items).await {
                Ok(answer) if answer.status == 200 => acknowledged.extend(ids),
                _ if gateway.ended().is_some() => break,
                _ => {}
            }
        }
    }
    println!(
        "limit {kib} KiB: {} acknowledged, ended: {:?}",
        acknowledged.len(),
        gateway.ended()
    );
    gateway.kill();
    sink.standing(None);
    let state = gateway.state().to_owned();
    let mut next = Gateway::new(PROGRAM, "").expect("a folder");
    next.keep_state_in(state);
    next.configure(&upstream(&sink)).expect("written");
    next.restart().await.expect("it starts with memory enough");
    assert!(all_is_delivered(&next, LATER).await, "{:#}", next.status().await);
    let held = external_ids(&sink);
    assert!(
        acknowledged.iter().all(|id| held.get(id) == Some(&1)),
        "{} held",
        held.len()
    );
}
