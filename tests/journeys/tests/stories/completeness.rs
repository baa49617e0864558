//! How far what we hold is everything: per device, for the site, in status, metrics and events.

use std::time::Duration;

use punchgate_journeys::{OFFICE_DOOR, SOON, device, item, punches, upstream};
use punchgate_kit::{Carrier, Clock};
use punchgate_lab::{
    call,
    gateway::Gateway,
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_model::Timestamp;
use punchgate_zk_tcp::{Knobs, codec::Code};
use serde_json::Value;

use crate::PROGRAM;

async fn site(knobs: Knobs, more: &str) -> (Gateway, Sink, Terminal) {
    let terminal = Terminal::on(Carrier::Tcp, knobs).await.expect("a terminal");
    for n in 0..5 {
        terminal.punch("0007", Duration::from_secs(600 - n));
    }
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let send = "timeout = \"2s\"\nsend = [\"punch\", \"verdict\", \"device\"]\n";
    let tables = upstream(&sink).replace("timeout = \"2s\"\n", send) + &device("gate-1", &terminal, Carrier::Tcp, more);
    let gateway = Gateway::start(PROGRAM, &(tables + OFFICE_DOOR))
        .await
        .expect("it starts");
    assert!(until(SOON, async || punches(&sink, "gate-1").len() == 5).await);
    (gateway, sink, terminal)
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| text.parse().ok())
}

fn newest(sink: &Sink, event: &str) -> Option<Value> {
    let held = sink.held().into_iter().map(|held| held.data);
    held.rev().find(|data| data["event"] == event)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_and_the_site_say_how_far_they_are_complete() {
    let (mut gateway, sink, mut terminal) = site(Knobs::default(), "").await;
    let complete = |status: &Value| {
        let row = &status["devices"]["gate-1"];
        row["log_records"] == 5
            && row["log_held"] == 5
            && row["log_missing"] == 0
            && instant(&row["complete_through"]) >= instant(&status["complete_through"])
            && instant(&status["complete_through"]).is_some()
    };
    assert!(gateway.until(SOON, complete).await, "{:#?}", gateway.status().await);
    let metrics = call::get(gateway.admin(), "/metrics").await.expect("an answer").body;
    for line in [
        "punchgate_device_log_records{device=\"gate-1\"} 5",
        "punchgate_device_log_missing_records{device=\"gate-1\"} 0",
        "punchgate_complete_through_timestamp_seconds{device=\"gate-1\"}",
        "punchgate_site_complete_through_timestamp_seconds ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let told = async || newest(&sink, "ledger").is_some_and(|data| data["held"] == 5 && data["missing"] == 0);
    assert!(until(SOON, told).await, "{:#?}", newest(&sink, "ledger"));
    // The watermark is written when a verdict waits for it.
    let long_ago = Clock::system().now().plus_millis(-20 * 60_000).to_string();
    let waits = serde_json::json!([item("a", "E001", "gps", &long_ago)]);
    assert_eq!(gateway.post(&waits).await.expect("an answer").status, 200);
    let said = async || newest(&sink, "complete").is_some_and(|data| data["complete_through"].is_string());
    assert!(until(SOON, said).await, "{:#?}", gateway.status().await);
    let text = String::from_utf8_lossy(&gateway.ask(&["status"]).expect("it runs").stdout).into_owned();
    assert!(text.contains("complete through 20"), "{text}");

    // A terminal that is away holds the site back, also over a restart.
    terminal.switch_off().await;
    let away = |status: &Value| status["units"]["gate-1"]["state"] == "waiting";
    assert!(gateway.until(SOON, away).await);
    gateway.stop(SOON).await.expect("it ends");
    gateway.restart().await.expect("it starts");
    let held_back = |status: &Value| {
        let through = instant(&status["devices"]["gate-1"]["complete_through"]);
        through.is_some() && through == instant(&status["complete_through"])
    };
    assert!(gateway.until(SOON, held_back).await, "{:#?}", gateway.status().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_between_the_devices_count_and_ours_is_shown_and_read_again() {
    let knobs = Knobs {
        count_off: 2,
        ..Knobs::default()
    };
    let (gateway, sink, terminal) = site(knobs, "").await;
    let gap = |status: &Value| {
        let row = &status["devices"]["gate-1"];
        row["log_records"] == 7 && row["log_held"] == 5 && row["log_missing"] == 2 && row["complete_through"].is_null()
    };
    assert!(gateway.until(SOON, gap).await, "{:#?}", gateway.status().await);
    let text =
        |lang| String::from_utf8_lossy(&gateway.ask(&["status", "--lang", lang]).expect("it runs").stdout).into_owned();
    assert!(
        text("en").contains("7 records, 5 of them are here; the 2 missing ones"),
        "{}",
        text("en")
    );
    assert!(text("zh-CN").contains("缺少的 2 条会再次读取"), "{}", text("zh-CN"));
    assert!(
        until(SOON, async || newest(&sink, "ledger")
            .is_some_and(|data| data["missing"] == 2))
        .await
    );
    let reads = || {
        let commands = terminal.sim().commands();
        commands.iter().filter(|code| **code == Code::DATA_WRRQ).count()
    };
    let before = reads();
    assert!(before > 0, "{:?}", terminal.sim().commands());
    assert!(until(SOON, async || reads() > before).await, "it is asked for again");
}

/// F37, and a future or reset date that hides nobody: what comes after it arrives, and the ledger goes on.
#[tokio::test(flavor = "multi_thread")]
async fn dates_of_2099_and_2000_move_no_cursor_and_hide_no_punch() {
    for clock in ["correct", "trust"] {
        let (gateway, sink, terminal) = site(Knobs::default(), &format!("clock = \"{clock}\"")).await;
        for (seconds_fast, credential) in [
            (73 * 365 * 86_400, "0099"),
            (-26 * 365 * 86_400, "0000"),
            (3 * 86_400, "0003"),
        ] {
            terminal.sim().step_clock(seconds_fast);
            terminal.punch(credential, Duration::ZERO);
        }
        terminal.sim().step_clock(0);
        terminal.punch("0008", Duration::ZERO);
        let there = async || punches(&sink, "gate-1").len() == 9;
        assert!(until(SOON, there).await, "{clock}: {:#?}", gateway.status().await);
        let honest = punches(&sink, "gate-1")
            .into_iter()
            .find(|held| held.data["credential"] == "0008");
        let honest = honest.expect("it arrived").data;
        assert!(honest["time_quality"] != "reset", "{clock}: {honest:#}");
        for held in punches(&sink, "gate-1") {
            let year = held.data["at"].as_str().unwrap_or_default().to_owned();
            assert!(
                year.as_str() < "2030" && year.as_str() > "2020",
                "{clock}: {:#}",
                held.data
            );
        }
        let complete = |status: &Value| {
            let row = &status["devices"]["gate-1"];
            let through = instant(&row["complete_through"]);
            row["log_records"] == 9 && row["log_missing"] == 0 && through <= instant(&status["at"]) && through.is_some()
        };
        assert!(
            gateway.until(SOON, complete).await,
            "{clock}: {:#?}",
            gateway.status().await
        );
    }
}
