//! Callers by HTTP: slow ones, ones that ask twice, ones that say something else the second time.

use std::time::{Duration, Instant};

use punchgate_journeys::{SOON, all_is_delivered, external_ids, item, punches, upstream};
use punchgate_lab::{
    gateway::{APP, Gateway, TOKEN},
    patience::until,
    sink::{Sink, SinkOptions},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::PROGRAM;

async fn gateway_and_sink() -> (Gateway, Sink) {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    (gateway, sink)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_callers_who_never_finish_do_not_keep_a_good_one_waiting() {
    let (gateway, _sink) = gateway_and_sink().await;
    let mut slow = Vec::new();
    for n in 0..50 {
        let mut link = TcpStream::connect(gateway.ingest()).await.expect("it listens");
        let half = [
            "POST /ingest/v1/punches HTTP/1.1\r\nhost: x\r\ncontent-le",
            "POST /ingest/v1/punches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a-token-for-tests\r\ncontent-length: 500\r\n\r\n{\"punches\":[",
        ];
        link.write_all(half[n % 2].as_bytes()).await.expect("it reads");
        slow.push(link);
    }
    for n in 0..20 {
        let began = Instant::now();
        let punch = json!([item(&format!("g{n}"), "E001", "gps", "2026-03-02T08:00:00Z")]);
        assert_eq!(gateway.post(&punch).await.expect("an answer").status, 200);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_has_the_same_answer_also_after_a_kill() {
    let (mut gateway, sink) = gateway_and_sink().await;
    let punch = json!([item("a", "E001", "gps", "2026-03-02T08:00:00Z"), {"id": "b", "factor": "gps"}]);
    let key = "idempotency-key: k-1\r\n";
    let first = gateway.post_once(&punch, key).await.expect("an answer");
    assert_eq!(first.json()["results"][0]["status"], "stored");
    assert_eq!(first.json()["results"][1]["status"], "rejected");
    assert_eq!(
        gateway.post_once(&punch, key).await.expect("an answer").body,
        first.body
    );
    gateway.kill();
    gateway.restart().await.expect("it starts");
    assert_eq!(
        gateway.post_once(&punch, key).await.expect("an answer").body,
        first.body
    );
    let other = json!([item("c", "E001", "gps", "2026-03-02T08:00:00Z")]);
    let refused = gateway.post_once(&other, key).await.expect("an answer");
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(all_is_delivered(&gateway, SOON).await);
    assert_eq!(
        external_ids(&sink).into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), 1)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_punch_sent_again_is_a_duplicate_with_and_without_an_id_and_over_a_kill() {
    let (mut gateway, sink) = gateway_and_sink().await;
    let punch = json!([
        item("a", "E001", "gps", "2026-03-02T08:00:00Z"),
        {"person": "E002", "factor": "wifi", "at": "2026-03-02T08:00:00+08:00"}
    ]);
    let statuses = async |gateway: &Gateway| {
        let answer = gateway.post(&punch).await.expect("an answer").json();
        let results = answer["results"].as_array().cloned().unwrap_or_default();
        results
            .iter()
            .map(|result| (result["id"].clone(), result["status"].clone()))
            .unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let (ids, first) = statuses(&gateway).await;
    assert_eq!(first, ["stored", "stored"]);
    assert_eq!(
        statuses(&gateway).await,
        (ids.clone(), vec![json!("duplicate"), json!("duplicate")])
    );
    gateway.kill();
    gateway.restart().await.expect("it starts");
    assert_eq!(
        statuses(&gateway).await,
        (ids, vec![json!("duplicate"), json!("duplicate")])
    );
    assert!(all_is_delivered(&gateway, SOON).await);
    assert_eq!(punches(&sink, APP).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_longer_than_configured_is_413_and_nothing_of_it_is_stored() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway =
        Gateway::new(PROGRAM, &(upstream(&sink) + "[ingest.limits]\nbody = \"2KiB\"\n")).expect("a folder");
    gateway.restart().await.expect("it starts");
    let posted = async |gateway: &Gateway, bytes: usize| {
        let mut body = json!({"punches": [item("a", "E001", "gps", "2026-03-02T08:00:00Z")]}).to_string();
        body.push_str(&" ".repeat(bytes - body.len()));
        let answer = punchgate_lab::call::post(gateway.ingest(), "/ingest/v1/punches", TOKEN, "", &body).await;
        answer.expect("an answer")
    };
    let refused = posted(&gateway, 2049).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (413, &json!("too-large")),
        "{}",
        refused.body
    );
    assert_eq!(gateway.status().await["devices"][APP]["stored"], 0);
    assert_eq!(posted(&gateway, 2048).await.status, 200);
    // What is taken without a word about it is what the reference shows as the default.
    gateway.stop(SOON).await.expect("it ends");
    gateway.configure(&upstream(&sink)).expect("written");
    gateway.restart().await.expect("it starts");
    assert_eq!(posted(&gateway, 4 << 20).await.status, 200);
    let mut link = TcpStream::connect(gateway.ingest()).await.expect("it listens");
    let head = format!(
        "POST /ingest/v1/punches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n",
        (4 << 20) + 1
    );
    link.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = [0; 12];
    link.read_exact(&mut answer)
        .await
        .expect("an answer before the body is sent");
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_made_again_at_once_after_a_kill_never_hears_another_answer() {
    let (mut gateway, _sink) = gateway_and_sink().await;
    let mut answers = Vec::new();
    for n in 0..6 {
        let punch = json!([item(&format!("k{n}"), "E001", "gps", "2026-03-02T08:00:00Z")]);
        let key = format!("idempotency-key: k-{n}\r\n");
        let answer = gateway.post_once(&punch, &key).await.expect("an answer");
        assert_eq!(answer.status, 200);
        answers.push((punch, key, answer.body));
        gateway.kill();
        gateway.spawn().expect("it starts");
        for (punch, key, before) in &answers {
            // Nobody answers yet, or it is too early to say: the caller comes again.
            let again = until(SOON, async || {
                let again = gateway.post_once(punch, key).await;
                again.is_ok_and(|again| {
                    again.status != 503 && {
                        assert_eq!(&again.body, before);
                        true
                    }
                })
            });
            assert!(again.await);
        }
    }
}
