//! Somebody else has the port, or the state directory.

use punchgate_journeys::{LATER, SOON, item, upstream};
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Sink, SinkOptions},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_process_holds_is_named_and_taken_when_it_is_free() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::new(PROGRAM, &upstream(&sink)).expect("a folder");
    let other = TcpListener::bind(gateway.ingest()).await.expect("a port");
    gateway.restart().await.expect("it starts all the same");
    let waiting = |status: &Value| status["units"]["ingest"]["state"] == "waiting";
    assert!(gateway.until(SOON, waiting).await, "{:#?}", gateway.status().await);
    let why = gateway.status().await["units"]["ingest"]["why"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        why.contains(&gateway.ingest().to_string()) && why.contains("listen"),
        "{why}"
    );
    drop(other);
    let punch = json!([item("a", "E001", "gps", "2026-03-02T08:00:00Z")]);
    let taken = until(LATER, async || {
        gateway.post(&punch).await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    assert!(taken, "{:#?}", gateway.status().await);
    assert_eq!(gateway.status().await["units"]["ingest"]["state"], "talking");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_state_directory_says_so_and_ends() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let first = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    let mut second = Gateway::new(PROGRAM, "").expect("a folder");
    second.keep_state_in(first.state());
    second.configure(&upstream(&sink)).expect("written");
    second.spawn().expect("it runs");
    assert!(!second.is_ready_within(SOON).await);
    let status = second.ended().expect("it ended");
    assert_eq!(status.code(), Some(75), "{}", second.log());
    assert!(
        second.log().contains(&first.state().display().to_string()),
        "{}",
        second.log()
    );
    let punch = json!([item("a", "E001", "gps", "2026-03-02T08:00:00Z")]);
    assert_eq!(first.post(&punch).await.expect("the first still answers").status, 200);
}
