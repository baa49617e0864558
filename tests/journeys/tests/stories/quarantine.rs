//! A credential that nobody has: what it punches waits here until the directory knows it.

use std::time::Duration;

use punchgate_journeys::{SOON, all_is_delivered, device, punches, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::Gateway,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;

use crate::PROGRAM;

const HEAD: &str = "person,device,credential,kind,name,department\n";
const LI_WEI: &str = "E001,gate-1,1001,enrol,Li Wei,\n";
const OTTO: &str = "E002,gate-1,1002,enrol,Otto,\n";

/// A terminal on which E001 and somebody unknown have punched.
async fn site(unknown: &str) -> (Gateway, Sink, Terminal) {
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    terminal.punch("1001", Duration::from_secs(120));
    terminal.punch("1002", Duration::from_secs(60));
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let directory = "[directory]\nunknown = \"forward\"\n";
    let tables = upstream(&sink).replace(directory, &format!("[directory]\nfiles = [\"people.csv\"]\n{unknown}"));
    let tables = tables + &device("gate-1", &terminal, Carrier::Tcp, "");
    let mut gateway = Gateway::new(PROGRAM, &tables).expect("a folder");
    gateway
        .secret("people.csv", &format!("{HEAD}{LI_WEI}"))
        .expect("written");
    gateway.restart().await.expect("it starts");
    let stored = |status: &serde_json::Value| status["devices"]["gate-1"]["stored"] == 2;
    assert!(gateway.until(SOON, stored).await, "{:#?}", gateway.status().await);
    assert!(all_is_delivered(&gateway, SOON).await);
    (gateway, sink, terminal)
}

/// Who punched, as the sink knows it, sorted.
fn people(sink: &Sink) -> Vec<Option<String>> {
    let person = |held: punchgate_lab::sink::Held| held.data["person"].as_str().map(str::to_owned);
    let mut people: Vec<_> = punches(sink, "gate-1").into_iter().map(person).collect();
    people.sort();
    people
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_that_is_held_is_counted_and_sent_once_the_directory_knows_its_bearer() {
    let (mut gateway, sink, _terminal) = site("unknown = \"hold\"\n").await;
    assert_eq!(people(&sink), [Some("E001".to_owned())], "the other one is held");
    let status = gateway.status().await;
    assert_eq!(status["quarantine"], serde_json::json!({"punches": 1, "held": true}));
    let metrics = call::get(gateway.admin(), "/metrics").await.expect("an answer").body;
    assert!(metrics.contains("punchgate_quarantined_readings 1"), "{metrics}");
    let told = gateway.ask(&["status"]).expect("it runs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("1 punches of credentials that nobody has"), "{told}");

    gateway.stop(SOON).await.expect("it ends");
    gateway
        .secret("people.csv", &format!("{HEAD}{LI_WEI}{OTTO}"))
        .expect("written");
    gateway.restart().await.expect("it starts");
    let known = |status: &serde_json::Value| status["quarantine"]["punches"] == 0;
    assert!(gateway.until(SOON, known).await, "{:#?}", gateway.status().await);
    assert!(all_is_delivered(&gateway, SOON).await);
    assert_eq!(people(&sink), [Some("E001".to_owned()), Some("E002".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_of_an_unknown_credential_is_forwarded_without_a_person_where_that_is_wanted() {
    let (gateway, sink, _terminal) = site("unknown = \"forward\"\n").await;
    assert_eq!(people(&sink), [None, Some("E001".to_owned())]);
    let status = gateway.status().await;
    assert_eq!(status["quarantine"], serde_json::json!({"punches": 1, "held": false}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_punch_is_sent_without_a_person_and_again_once_the_directory_knows_its_bearer() {
    let (mut gateway, sink, _terminal) = site("").await;
    assert_eq!(people(&sink), [None, Some("E001".to_owned())]);
    assert_eq!(gateway.status().await["quarantine"]["punches"], 1);
    gateway.stop(SOON).await.expect("it ends");
    gateway
        .secret("people.csv", &format!("{HEAD}{LI_WEI}{OTTO}"))
        .expect("written");
    gateway.restart().await.expect("it starts");
    let known = |status: &serde_json::Value| status["quarantine"]["punches"] == 0;
    assert!(gateway.until(SOON, known).await, "{:#?}", gateway.status().await);
    assert!(all_is_delivered(&gateway, SOON).await);
    assert_eq!(people(&sink), [Some("E001".to_owned()), Some("E002".to_owned())]);
}
