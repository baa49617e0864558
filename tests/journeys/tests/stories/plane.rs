//! What the admin plane answers.

use punchgate_journeys::{SOON, all_is_delivered, item, upstream};
use punchgate_lab::{
    call,
    gateway::Gateway,
    sink::{Sink, SinkOptions},
};
use serde_json::json;

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics_answer_and_no_person_is_in_a_metric() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    let punch = json!([item("an-external-id", "E77123", "gps", "2026-03-02T08:00:00Z")]);
    let id = gateway.post(&punch).await.expect("an answer").json()["results"][0]["id"].clone();
    assert!(all_is_delivered(&gateway, SOON).await);
    let get = async |path: &str| call::get(gateway.admin(), path).await.expect("an answer");
    assert_eq!((get("/healthz").await.status, get("/readyz").await.status), (200, 200));
    assert_eq!(get("/readyz").await.json(), json!({"ready": true, "reasons": []}));
    let metrics = get("/metrics").await;
    assert_eq!(metrics.status, 200);
    for name in [
        "punchgate_readings_stored_total{device=\"wecom\"} 1",
        "punchgate_upstream_up{upstream=\"erp\"} 1",
        "punchgate_upstream_backlog_events{upstream=\"erp\"} 0",
        "punchgate_journal_bytes",
        "punchgate_dead_letters",
    ] {
        assert!(metrics.body.contains(name), "{name} is not in {}", metrics.body);
    }
    for person in ["E77123", "an-external-id", id.as_str().expect("an id")] {
        assert!(!metrics.body.contains(person), "{person} is in {}", metrics.body);
        assert!(!gateway.status().await.to_string().contains(person));
        assert!(!gateway.log().contains(person), "{}", gateway.log());
    }
    let unknown = get("/api/v1/nothing").await;
    assert_eq!(
        (unknown.status, unknown.json()["code"].clone()),
        (404, json!("not-found"))
    );
}
