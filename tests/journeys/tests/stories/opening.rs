//! What the daemon found of its own files when it started.

use std::{fs, io::Write, path::PathBuf};

use punchgate_journeys::{SOON, all_is_delivered, item, upstream};
use punchgate_lab::{
    gateway::Gateway,
    sink::{Sink, SinkOptions},
};
use serde_json::{Value, json};

use crate::PROGRAM;

/// The codes of what opening found.
async fn found(gateway: &Gateway) -> Vec<String> {
    let status = gateway.status().await;
    let told = status["journal"]["opening"].as_array().cloned().unwrap_or_default();
    let code = |told: &Value| told["code"].as_str().unwrap_or_default().to_owned();
    told.iter().map(code).collect()
}

/// The newest file of the journal.
fn newest(gateway: &Gateway) -> PathBuf {
    let files = fs::read_dir(gateway.state().join("journal")).expect("it was begun");
    let segments = files.filter_map(|file| Some(file.ok()?.path()));
    let mut segments: Vec<PathBuf> = segments
        .filter(|path| path.extension().is_some_and(|e| e == "pgj"))
        .collect();
    segments.sort();
    segments.pop().expect("a segment")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opening_found_and_repaired_is_shown_in_status() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    assert_eq!(found(&gateway).await, Vec::<String>::new(), "there was nothing to find");
    let punch = json!([item("a", "E001", "gps", "2026-03-02T08:00:00Z")]);
    assert_eq!(gateway.post(&punch).await.expect("an answer").status, 200);
    assert!(all_is_delivered(&gateway, SOON).await);

    gateway.kill();
    let mut torn = fs::OpenOptions::new()
        .append(true)
        .open(newest(&gateway))
        .expect("a segment");
    torn.write_all(&[0x5a; 17]).expect("written");
    gateway.restart().await.expect("it starts");
    assert_eq!(found(&gateway).await, ["opening-cut", "opening-rebuild"]);
    for (lang, word) in [("en", "cut off"), ("zh-CN", "截去")] {
        let told = gateway.ask(&["--lang", lang, "status"]).expect("it runs");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains(word), "{told}");
    }

    gateway.stop(SOON).await.expect("it ends");
    gateway.restart().await.expect("it starts");
    assert_eq!(found(&gateway).await, Vec::<String>::new(), "it was closed well");
}
