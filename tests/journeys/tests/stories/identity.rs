//! One punch is one punch, however often and by whatever way it comes; and two are two.

use std::{collections::BTreeSet, time::Duration};

use punchgate_journeys::{LATER, SOON, all_is_delivered, device, punches, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::Value;

use crate::PROGRAM;

fn ids(sink: &Sink) -> BTreeSet<String> {
    punches(sink, "gate-1").into_iter().map(|held| held.id).collect()
}

async fn site(knobs: Knobs) -> (Gateway, Sink, Terminal) {
    let terminal = Terminal::on(Carrier::Tcp, knobs).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let gateway = Gateway::new(PROGRAM, &tables(&sink, &terminal)).expect("a folder");
    (gateway, sink, terminal)
}

/// An upstream that hears of devices too, and the terminal.
fn tables(sink: &Sink, terminal: &Terminal) -> String {
    let send = "timeout = \"2s\"\nsend = [\"punch\", \"device\"]\n";
    upstream(sink).replace("timeout = \"2s\"\n", send) + &device("gate-1", terminal, Carrier::Tcp, "")
}

async fn has(gateway: &Gateway, sink: &Sink, count: usize) {
    let there = until(LATER, async || ids(sink).len() == count).await;
    assert!(there, "{} of {count}: {:#?}", ids(sink).len(), gateway.status().await);
}

/// Waits until the log was looked at twice more, and nothing new is on its way.
async fn looked_at_again(gateway: &Gateway) {
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(all_is_delivered(gateway, SOON).await);
}

fn events(sink: &Sink, word: &str) -> Vec<Value> {
    let held = sink.held().into_iter();
    let of_device = held.filter(|held| held.event_type == "punchgate.device.v1" && held.data["event"] == word);
    of_device.map(|held| held.data).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_has_one_id_live_in_bulk_read_again_after_a_restart_and_on_a_replaced_gateway() {
    let (mut gateway, sink, terminal) = site(Knobs::default()).await;
    for n in 0..3 {
        terminal.punch("0007", Duration::from_secs(600 - n));
    }
    gateway.restart().await.expect("it starts");
    has(&gateway, &sink, 3).await;
    terminal.punch("0007", Duration::ZERO);
    terminal.punch("0008", Duration::ZERO);
    has(&gateway, &sink, 5).await;
    gateway.stop(SOON).await.expect("it ends");
    gateway.restart().await.expect("it starts");
    looked_at_again(&gateway).await;
    assert_eq!(ids(&sink).len(), 5);
    assert_eq!(sink.stats().repeats, 0);
    gateway.stop(SOON).await.expect("it ends");

    let other_sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let replaced = Gateway::start(PROGRAM, &tables(&other_sink, &terminal)).await;
    let replaced = replaced.expect("it starts");
    has(&replaced, &other_sink, 5).await;
    assert_eq!(ids(&other_sink), ids(&sink));
}

#[tokio::test(flavor = "multi_thread")]
async fn punches_of_a_terminal_whose_clock_stands_still_do_not_collide() {
    let (mut gateway, sink, terminal) = site(Knobs {
        clock_stands: Some("2026-03-02T08:00:00".parse().expect("a time")),
        ..Knobs::default()
    })
    .await;
    for credential in ["0007", "0007", "0008"] {
        terminal.punch(credential, Duration::from_secs(60));
    }
    gateway.restart().await.expect("it starts");
    has(&gateway, &sink, 3).await;
    for credential in ["0007", "0008", "0009"] {
        terminal.punch(credential, Duration::ZERO);
    }
    has(&gateway, &sink, 6).await;
    gateway.stop(SOON).await.expect("it ends");
    gateway.restart().await.expect("it starts");
    looked_at_again(&gateway).await;
    assert_eq!(ids(&sink).len(), 6);
}

/// F22.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_was_reset_and_writes_the_same_rows_again_loses_none_and_doubles_none() {
    let (mut gateway, sink, terminal) = site(Knobs {
        clock_stands: Some("2026-03-02T08:00:00".parse().expect("a time")),
        ..Knobs::default()
    })
    .await;
    for credential in ["0007", "0008", "0009"] {
        terminal.punch(credential, Duration::from_secs(60));
    }
    gateway.restart().await.expect("it starts");
    has(&gateway, &sink, 3).await;
    // Reset while the gateway runs: a row like the first one of the old log, and somebody new.
    terminal.sim().reset();
    looked_at_again(&gateway).await;
    terminal.punch("0007", Duration::ZERO);
    has(&gateway, &sink, 4).await;
    terminal.punch("0010", Duration::ZERO);
    has(&gateway, &sink, 5).await;
    looked_at_again(&gateway).await;
    let epochs: Vec<Value> = events(&sink, "log-epoch")
        .iter()
        .map(|data| data["epoch"].clone())
        .collect();
    assert_eq!(epochs, [1]);
    // Reset while it does not.
    gateway.stop(SOON).await.expect("it ends");
    terminal.sim().reset();
    terminal.punch("0008", Duration::from_secs(60));
    gateway.restart().await.expect("it starts");
    has(&gateway, &sink, 6).await;
    gateway.kill();
    gateway.restart().await.expect("it starts");
    looked_at_again(&gateway).await;
    assert_eq!(ids(&sink).len(), 6, "the epoch outlives a kill");
}

/// F20: cleared at the menu, as the yearly round does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cleared_between_two_live_punches_doubles_neither() {
    let (mut gateway, sink, terminal) = site(Knobs::default()).await;
    terminal.punch("0007", Duration::from_secs(60));
    gateway.restart().await.expect("it starts");
    has(&gateway, &sink, 1).await;
    terminal.punch("0008", Duration::ZERO);
    has(&gateway, &sink, 2).await;
    terminal.sim().clear();
    terminal.punch("0009", Duration::ZERO);
    has(&gateway, &sink, 3).await;
    looked_at_again(&gateway).await;
    terminal.punch("0010", Duration::ZERO);
    has(&gateway, &sink, 4).await;
    looked_at_again(&gateway).await;
    gateway.stop(SOON).await.expect("it ends");
    gateway.restart().await.expect("it starts");
    looked_at_again(&gateway).await;
    assert_eq!(ids(&sink).len(), 4, "{:#?}", punches(&sink, "gate-1"));
}
