//! A punch from a terminal to the sink.

use std::time::Duration;

use punchgate_journeys::{SOON, all_is_delivered, as_ledger, device, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;

use crate::PROGRAM;

const MINUTE: Duration = Duration::from_secs(60);

async fn from_terminal_to_sink(carrier: Carrier, knobs: Knobs, more: &str) {
    let terminal = Terminal::on(carrier, knobs).await.expect("a terminal");
    for n in 0..40 {
        terminal.punch(&format!("{:04}", 7 + n), MINUTE * (50 - n));
    }
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, carrier, more);
    let mut gateway = Gateway::new(PROGRAM, &tables).expect("a folder");
    gateway.secret("comm-key", "2468\n").expect("written");
    gateway.restart().await.expect("it starts");
    let whole_log = async || as_ledger(&sink, "gate-1").len() == 40;
    assert!(
        until(SOON, whole_log).await,
        "{} of 40 arrived",
        as_ledger(&sink, "gate-1").len()
    );
    for n in 0..10 {
        terminal.punch(&format!("{:04}", 7 + n), Duration::ZERO);
    }
    let everything = async || terminal.ledger().acknowledged.len() == 50 && as_ledger(&sink, "gate-1").len() >= 50;
    assert!(until(SOON, everything).await, "{:?}", gateway.status().await);
    assert!(all_is_delivered(&gateway, SOON).await);
    let mut issued = terminal.ledger().issued;
    issued.sort();
    assert_eq!(as_ledger(&sink, "gate-1"), issued);
    assert_eq!(sink.stats().repeats, 0);
    assert_eq!(sink.stats().out_of_order, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_goes_from_a_terminal_to_the_sink_by_tcp() {
    from_terminal_to_sink(Carrier::Tcp, Knobs::default(), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_goes_from_a_terminal_to_the_sink_by_udp() {
    from_terminal_to_sink(
        Carrier::Udp,
        Knobs {
            frame: 1024,
            ..Knobs::default()
        },
        "",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_goes_from_a_terminal_with_a_comm_key_to_the_sink() {
    let knobs = Knobs {
        comm_key: 2468,
        ..Knobs::default()
    };
    from_terminal_to_sink(Carrier::Tcp, knobs, "comm_key = { file = \"comm-key\" }").await;
}
