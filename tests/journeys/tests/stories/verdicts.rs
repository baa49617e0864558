//! GPS at the app, a finger at the door: what the sink is told, and how it is told better.

use punchgate_journeys::{OFFICE_DOOR, SOON, all_is_delivered, upstream, verdicts};
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Held, Sink, SinkOptions},
};
use serde_json::{Value, json};

use crate::PROGRAM;

async fn office() -> (Gateway, Sink) {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let door = "[[device]]\nname = \"door\"\ndriver = \"http_ingest\"\ntoken = { file = \"door-token\" }\nzone = \"hq-door\"\n";
    let mut gateway = Gateway::new(PROGRAM, &(upstream(&sink) + door + OFFICE_DOOR)).expect("a folder");
    gateway.secret("door-token", "the-door").expect("written");
    gateway.restart().await.expect("it starts");
    (gateway, sink)
}

async fn gps(gateway: &Gateway, person: &str, at: &str) {
    let punch = json!([{"id": format!("gps {person} {at}"), "person": person, "factor": "gps", "at": at}]);
    let answer = gateway.post(&punch).await.expect("an answer");
    assert_eq!(answer.json()["results"][0]["status"], "stored", "{}", answer.body);
}

async fn finger(gateway: &Gateway, person: &str, at: &str) {
    let punch = json!([{"id": format!("fp {person} {at}"), "person": person, "factor": "fingerprint", "at": at}]);
    let body = json!({ "punches": punch }).to_string();
    let answer = punchgate_lab::call::post(gateway.ingest(), "/ingest/v1/punches", "the-door", "", &body).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.json()["results"][0]["status"], "stored", "{}", answer.body);
}

fn of<'a>(verdicts: &'a [Held], person: &str) -> Vec<&'a Value> {
    verdicts
        .iter()
        .filter(|held| held.data["person"] == person)
        .map(|held| &held.data)
        .collect()
}

/// Waits until the verdicts of a person have these outcomes and are final.
async fn told(sink: &Sink, person: &str, outcomes: &[&str]) -> bool {
    until(SOON, async || {
        let held = verdicts(sink);
        let mut found: Vec<&str> = of(&held, person)
            .iter()
            .filter_map(|data| data["outcome"].as_str())
            .collect();
        found.sort_unstable();
        found == outcomes && of(&held, person).iter().all(|data| data["state"] == "final")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_punches_has_the_outcome_of_the_rules() {
    let (gateway, sink) = office().await;
    gps(&gateway, "E001", "2026-03-02T08:45:00.000+08:00").await;
    finger(&gateway, "E001", "2026-03-02T09:00:00.000+08:00").await;
    gps(&gateway, "E002", "2026-03-02T08:45:00.000+08:00").await;
    finger(&gateway, "E002", "2026-03-02T09:00:00.001+08:00").await;
    finger(&gateway, "E003", "2026-03-02T08:50:00+08:00").await;
    gps(&gateway, "E003", "2026-03-02T08:52:00+08:00").await;
    gps(&gateway, "E004", "2026-03-02T08:44:00+08:00").await;
    finger(&gateway, "E005", "2026-03-02T08:44:00+08:00").await;
    for (person, outcome) in [
        ("E001", "verified"),
        ("E002", "late"),
        ("E003", "wrong_order"),
        ("E004", "missing_second"),
        ("E005", "missing_first"),
    ] {
        assert!(
            told(&sink, person, &[outcome]).await,
            "{person}: {:#?}",
            of(&verdicts(&sink), person)
        );
    }
    let held = verdicts(&sink);
    assert_eq!(of(&held, "E001")[0]["gap_ms"], 900_000);
    assert_eq!(of(&held, "E002")[0]["gap_ms"], 900_001);
    assert_eq!(of(&held, "E001")[0]["certain"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_that_comes_late_revises_the_verdict_and_withdraws_what_no_longer_holds() {
    let (gateway, sink) = office().await;
    finger(&gateway, "E001", "2026-03-02T08:55:00+08:00").await;
    assert!(told(&sink, "E001", &["missing_first"]).await, "{:#?}", verdicts(&sink));
    let first = verdicts(&sink).remove(0);
    gps(&gateway, "E001", "2026-03-02T08:45:00+08:00").await;
    assert!(told(&sink, "E001", &["verified"]).await, "{:#?}", verdicts(&sink));
    let revised = sink
        .get(&first.id)
        .expect("the same verdict, as its second punch is the same");
    assert!(revised.revision > first.revision, "{revised:?} after {first:?}");
    assert_eq!(revised.data["outcome"], "verified");

    gps(&gateway, "E002", "2026-03-02T08:45:00+08:00").await;
    assert!(told(&sink, "E002", &["missing_second"]).await, "{:#?}", verdicts(&sink));
    let lonely = verdicts(&sink)
        .into_iter()
        .find(|held| held.data["person"] == "E002")
        .expect("it is there");
    finger(&gateway, "E002", "2026-03-02T08:50:00+08:00").await;
    assert!(told(&sink, "E002", &["verified"]).await, "{:#?}", verdicts(&sink));
    let withdrawn = sink.get(&lonely.id).expect("it was told");
    assert_eq!(withdrawn.data["withdrawn"], true, "{withdrawn:?}");
    assert!(withdrawn.revision > lonely.revision);
    assert_eq!(sink.stats().out_of_order, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_merged_into_one_record_and_every_punch_is_still_sent() {
    let (gateway, sink) = office().await;
    for minute in ["00", "02", "05"] {
        finger(&gateway, "E001", &format!("2026-03-02T08:{minute}:00+08:00")).await;
    }
    finger(&gateway, "E001", "2026-03-02T08:05:00.001+08:00").await;
    assert!(all_is_delivered(&gateway, SOON).await);
    let kind = |name: &str| {
        sink.held()
            .into_iter()
            .filter(|held| held.event_type == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(kind("punchgate.punch.v1").len(), 4);
    let records: Vec<Held> = kind("punchgate.record.v1")
        .into_iter()
        .filter(|held| held.data["withdrawn"] != true)
        .collect();
    let mut repeats: Vec<usize> = records
        .iter()
        .map(|held| held.data["repeats"].as_array().map_or(0, Vec::len))
        .collect();
    repeats.sort_unstable();
    assert_eq!(repeats, [0, 2], "{records:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_stay_the_same_over_a_kill_and_a_lost_buffer() {
    let (mut gateway, sink) = office().await;
    gps(&gateway, "E001", "2026-03-02T08:45:00+08:00").await;
    finger(&gateway, "E001", "2026-03-02T08:55:00+08:00").await;
    gps(&gateway, "E002", "2026-03-02T08:45:00+08:00").await;
    assert!(told(&sink, "E001", &["verified"]).await && told(&sink, "E002", &["missing_second"]).await);
    assert!(all_is_delivered(&gateway, SOON).await);
    let before = sink
        .held()
        .into_iter()
        .map(|held| (held.id, held.revision, held.data))
        .collect::<Vec<_>>();
    gateway.kill();
    std::fs::remove_dir_all(gateway.state().join("buffer")).expect("a buffer");
    gateway.restart().await.expect("it starts");
    assert!(all_is_delivered(&gateway, SOON).await, "{:#}", gateway.status().await);
    let after = sink
        .held()
        .into_iter()
        .map(|held| (held.id, held.revision, held.data))
        .collect::<Vec<_>>();
    assert_eq!(after, before);
    finger(&gateway, "E002", "2026-03-02T08:50:00+08:00").await;
    assert!(told(&sink, "E002", &["verified"]).await, "{:#?}", verdicts(&sink));
}
