//! Terminals whose clock is wrong, and people whose number begins with zero.

use std::time::Duration;

use punchgate_journeys::{LATER, SOON, device, item, punches, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Held, Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_model::Timestamp;
use punchgate_zk_tcp::Knobs;
use serde_json::{Value, json};

use crate::PROGRAM;

/// What the sink is told about a punch that was in the log at the start and one that came live.
async fn log_and_live(knobs: Knobs) -> (Held, Held) {
    let terminal = Terminal::on(Carrier::Tcp, knobs).await.expect("a terminal");
    terminal.punch("0007", Duration::from_secs(600));
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let gateway = Gateway::start(PROGRAM, &tables).await.expect("it starts");
    let arrived = async |count| until(SOON, async || punches(&sink, "gate-1").len() == count).await;
    assert!(arrived(1).await, "{:#?}", gateway.status().await);
    let log = punches(&sink, "gate-1").remove(0);
    terminal.punch("0008", Duration::ZERO);
    assert!(arrived(2).await, "{:#?}", gateway.status().await);
    let live = punches(&sink, "gate-1")
        .into_iter()
        .find(|held| held.id != log.id)
        .expect("another one");
    (log, live)
}

fn instant(text: &Value) -> Timestamp {
    text.as_str().and_then(|text| text.parse().ok()).expect("an instant")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_keeps_its_leading_zeros() {
    let (log, live) = log_and_live(Knobs::default()).await;
    assert_eq!(
        (&log.data["credential"], &live.data["credential"]),
        (&json!("0007"), &json!("0008"))
    );
    assert_eq!(log.data["time_quality"], "synced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_in_2000_is_a_reset_and_a_live_punch_has_the_time_of_its_arrival() {
    let knobs = Knobs {
        clock_stands: Some("2000-01-01T00:00:00".parse().expect("a time")),
        ..Knobs::default()
    };
    let (log, live) = log_and_live(knobs).await;
    assert_eq!(log.data["time_quality"], "reset", "{log:#?}");
    assert_eq!(live.data["time_quality"], "reset", "{live:#?}");
    assert_eq!(live.data["at"], live.data["received_at"]);
    assert_eq!(live.data["device_time"], "2000-01-01T00:00:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_runs_in_2099_is_corrected_by_what_it_is_ahead() {
    let knobs = Knobs {
        clock_offset: 73 * 365 * 86_400,
        ..Knobs::default()
    };
    let (log, live) = log_and_live(knobs).await;
    for (held, ago) in [(log, 600_000), (live, 0)] {
        assert!(held.data["device_time"].as_str() > Some("2099"), "{held:#?}");
        let ahead = instant(&held.data["received_at"]).since(instant(&held.data["at"])) - ago;
        assert!((-1_000..3_000).contains(&ahead), "{ahead} ms: {held:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_fast_is_corrected() {
    let knobs = Knobs {
        clock_offset: 95,
        ..Knobs::default()
    };
    let (log, live) = log_and_live(knobs).await;
    for held in [log, live] {
        let printed = json!(held.data["device_time"].as_str().expect("a time").to_owned() + "Z");
        let ahead = instant(&printed).since(instant(&held.data["at"]));
        assert!((94_000..=96_000).contains(&ahead), "{ahead} ms: {held:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_30th_of_february_arrives_as_it_was_printed_and_blocks_nobody() {
    let knobs = Knobs {
        invalid_every: 2,
        ..Knobs::default()
    };
    let (log, live) = log_and_live(knobs).await;
    assert_eq!(log.data["time_quality"], "synced");
    let printed = live.data["device_time"].as_str().unwrap_or_default();
    assert!(printed.contains("-02-30T"), "{live:#?}");
    assert_eq!(live.data["time_quality"], "reset", "{live:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_says_2099_is_believed_no_more_than_a_terminal() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    let punch = json!([
        item("a", "007", "gps", "2099-01-01T00:00:00Z"),
        item("b", "007", "gps", "2026-02-30T00:00:00Z"),
        item("c", "007", "gps", "2026-03-02T08:00:00Z")
    ]);
    let answer = gateway.post(&punch).await.expect("an answer").json();
    assert_eq!(answer["results"][1]["status"], "rejected", "{answer}");
    assert!(until(LATER, async || punches(&sink, "wecom").len() == 2).await);
    for held in punches(&sink, "wecom") {
        let wanted = if held.data["external_id"] == "a" {
            "reset"
        } else {
            "claimed"
        };
        assert_eq!(held.data["time_quality"], wanted, "{held:#?}");
        assert_eq!(held.data["person"], "007");
    }
}
