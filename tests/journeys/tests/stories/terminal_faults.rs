//! Terminals that are off, or do not let us in.

use std::time::Duration;

use punchgate_journeys::{LATER, SOON, all_is_delivered, as_ledger, device, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_switched_off_and_on_gives_what_it_logged_meanwhile() {
    let mut terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let gateway = Gateway::start(PROGRAM, &tables).await.expect("it starts");
    terminal.punch("0001", Duration::from_secs(300));
    assert!(until(SOON, async || as_ledger(&sink, "gate-1").len() == 1).await);
    for round in 0..2 {
        terminal.switch_off().await;
        let waiting = |status: &serde_json::Value| status["units"]["gate-1"]["state"] == "waiting";
        assert!(gateway.until(SOON, waiting).await, "{:#?}", gateway.status().await);
        for n in 0..10 {
            terminal.punch("0001", Duration::from_secs(200 - round * 50 - n));
        }
        terminal.switch_on().await.expect("its port is free");
        let there = async || as_ledger(&sink, "gate-1").len() as u64 == 11 + round * 10;
        assert!(until(LATER, there).await, "{:#?}", gateway.status().await);
    }
    assert!(all_is_delivered(&gateway, SOON).await);
    let mut issued = terminal.ledger().issued;
    issued.sort();
    assert_eq!(as_ledger(&sink, "gate-1"), issued);
    assert_eq!(sink.stats().repeats, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_comm_key_parks_the_unit_and_says_what_to_mend() {
    let terminal = Terminal::on(
        Carrier::Tcp,
        Knobs {
            comm_key: 2468,
            ..Knobs::default()
        },
    )
    .await
    .expect("a terminal");
    terminal.punch("0001", Duration::from_secs(60));
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "comm_key = { file = \"comm-key\" }");
    let mut gateway = Gateway::new(PROGRAM, &tables).expect("a folder");
    gateway.secret("comm-key", "1357").expect("written");
    gateway.restart().await.expect("it starts");
    let parked = |status: &serde_json::Value| status["units"]["gate-1"]["state"] == "parked";
    assert!(gateway.until(SOON, parked).await, "{:#?}", gateway.status().await);
    let why = gateway.status().await["units"]["gate-1"]["why"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(why.contains("comm key") || why.contains("comm_key"), "{why}");
    assert!(!why.contains("1357"), "{why}");
    let shown = String::from_utf8_lossy(&gateway.ask(&["status"]).expect("it runs").stdout).into_owned();
    assert!(shown.contains(&why), "{shown}");
    let shown = gateway.ask(&["status", "--lang", "zh-CN"]).expect("it runs").stdout;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(
        shown.contains("请把 gate-1 的 comm_key") && shown.contains("待人工处理"),
        "{shown}"
    );
    let tried = terminal.sim().commands().len();
    // Twice as long as the first pause of a unit that tries again.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(terminal.sim().commands().len(), tried, "it is left alone");
    assert!(!gateway.log().contains("1357"));
}
