//! `punchgate device time`: what the devices' clocks show, and setting them.

use std::{
    io::{Read, Write},
    time::Duration,
};

use punchgate_journeys::{SOON, device, punches, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::Gateway,
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::{Knobs, codec::Code};
use serde_json::Value;

use crate::PROGRAM;

async fn site(clock_offset: i64) -> (Gateway, Sink, Terminal) {
    let knobs = Knobs {
        clock_offset,
        ..Knobs::default()
    };
    let terminal = Terminal::on(Carrier::Tcp, knobs).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let send = "timeout = \"2s\"\nsend = [\"punch\", \"device\"]\n";
    let tables = upstream(&sink).replace("timeout = \"2s\"\n", send) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let gateway = Gateway::start(PROGRAM, &tables).await.expect("it starts");
    let measured = |status: &Value| status["devices"]["gate-1"]["clock_offset_ms"].is_i64();
    assert!(gateway.until(SOON, measured).await, "{:#?}", gateway.status().await);
    (gateway, sink, terminal)
}

fn told(gateway: &Gateway, arguments: &[&str]) -> (i32, String, String) {
    let output = gateway.ask(arguments).expect("it runs");
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn json(gateway: &Gateway, arguments: &[&str]) -> Value {
    let (_, out, err) = told(gateway, arguments);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_shown_and_set_only_when_asked_and_that_is_noted() {
    let (mut gateway, sink, terminal) = site(95).await;
    let (exit, out, _) = told(&gateway, &["device", "time"]);
    assert_eq!(exit, 0);
    assert!(
        out.contains("gate-1: +95.000 s ± 1.0") && out.contains("zone UTC"),
        "{out}"
    );
    assert!(out.contains("nothing was set"), "{out}");
    let (_, out, _) = told(&gateway, &["device", "time", "gate-1", "--lang", "zh-CN"]);
    assert!(out.contains("与网关相差 +95.000 秒"), "{out}");
    let shown = &json(&gateway, &["device", "time", "--json"])[0];
    assert_eq!(
        (&shown["device"], &shown["offset_ms"]),
        (&"gate-1".into(), &95_000.into())
    );
    assert!(shown["uncertainty_ms"].as_i64() >= Some(1_000), "{shown}");
    assert!(shown["measured_at"].is_string(), "{shown}");
    let before = terminal.sim().commands();
    assert!(
        before.iter().all(|code| format!("{code:?}") != "SET_TIME"),
        "{before:?}"
    );

    let (exit, out, err) = told(&gateway, &["device", "time", "--set"]);
    assert_eq!(exit, 0, "{out}{err}");
    assert!(out.contains("set: the clock was set to"), "{out}");
    let right = |status: &Value| status["devices"]["gate-1"]["clock_offset_ms"] == 0;
    assert!(gateway.until(SOON, right).await, "{:#?}", gateway.status().await);
    // What happened is told upstream, and who wanted it is in the journal.
    let stepped = async || {
        let held = sink.held().into_iter();
        held.filter(|held| held.data["event"] == "clock-step")
            .any(|held| held.data["device"] == "gate-1" && held.data["stepped_ms"] == -95_000)
    };
    assert!(until(SOON, stepped).await, "{:#?}", sink.held());
    gateway.stop(SOON).await.expect("it ends");
    let (_, journal, _) = told(&gateway, &["store", "export"]);
    let orders: Vec<&str> = journal.lines().filter(|line| line.contains("set-clock")).collect();
    assert_eq!(orders.len(), 2, "the order and the answer: {orders:?}");
    assert!(
        orders[0].contains("\"actor\":\"unknown\"") && orders[0].contains("95000"),
        "{orders:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_set_is_said_with_the_reason() {
    let (mut gateway, _sink, mut terminal) = site(0).await;
    let (exit, out, _) = told(&gateway, &["device", "time", "wecom", "--set"]);
    assert_eq!(exit, 1);
    assert!(out.contains("wecom: has no clock"), "{out}");
    let (exit, _, err) = told(&gateway, &["device", "time", "gate-9", "--set"]);
    assert_eq!(exit, 1);
    assert!(
        err.contains("there is no device \"gate-9\"; known: gate-1 wecom"),
        "{err}"
    );
    terminal.switch_off().await;
    let waits = |status: &Value| status["units"]["gate-1"]["state"] == "waiting";
    assert!(gateway.until(SOON, waits).await);
    let (exit, out, _) = told(&gateway, &["device", "time", "gate-1", "--set"]);
    assert_eq!(exit, 1);
    assert!(out.contains("gate-1 is not being talked to"), "{out}");
    let set = &json(&gateway, &["device", "time", "gate-1", "--set", "--json"])[0]["not_set"];
    assert_eq!(set["code"], "device-time-not-connected", "{set}");
    gateway.stop(SOON).await.expect("it ends");
    let (exit, _, err) = told(&gateway, &["device", "time", "--set"]);
    assert_eq!(exit, 69);
    assert!(err.contains("no gateway answers"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_a_browser_cannot_set_a_clock() {
    let (gateway, _sink, terminal) = site(95).await;
    let form = "POST /api/v1/devices/gate-1/time HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\
                content-type: text/plain\r\ncontent-length: 2\r\n\r\n{}";
    let mut link = std::net::TcpStream::connect(gateway.admin()).expect("it listens");
    link.write_all(form.as_bytes()).expect("sent");
    let mut answer = String::new();
    link.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(!terminal.sim().commands().contains(&Code::SET_TIME));
}

/// F34.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_somebody_steps_is_told_and_its_punches_are_corrected_again() {
    let (gateway, sink, terminal) = site(0).await;
    terminal.punch("0007", Duration::ZERO);
    assert!(until(SOON, async || punches(&sink, "gate-1").len() == 1).await);
    terminal.sim().step_clock(-600);
    // Before the clock is looked at again: placed ten minutes early at first, corrected when the step is known.
    terminal.punch("0008", Duration::ZERO);
    let corrected = async || {
        let held = punches(&sink, "gate-1")
            .into_iter()
            .find(|held| held.data["credential"] == "0008");
        held.is_some_and(|held| {
            let at = |key: &str| {
                held.data[key]
                    .as_str()
                    .and_then(|at| at.parse::<punchgate_model::Timestamp>().ok())
            };
            let apart = at("received_at").zip(at("at")).map(|(received, at)| received.since(at));
            apart.is_some_and(|apart| apart.abs() < 5_000)
        })
    };
    assert!(until(SOON, corrected).await, "{:#?}", punches(&sink, "gate-1"));
    let steps: Vec<Value> = sink
        .held()
        .into_iter()
        .map(|held| held.data)
        .filter(|data| data["event"] == "clock-step")
        .collect();
    assert_eq!(steps.len(), 1, "{steps:#?}");
    assert_eq!(steps[0]["stepped_ms"], -600_000);
    let metrics = call::get(gateway.admin(), "/metrics").await.expect("an answer").body;
    assert!(
        metrics.contains("punchgate_device_clock_offset_seconds{device=\"gate-1\"} -600"),
        "{metrics}"
    );
}
