//! An upstream that is away, or answers strangely.

use std::time::Duration;

use punchgate_journeys::{LATER, SOON, all_is_delivered, external_ids, item, upstream};
use punchgate_lab::{
    gateway::Gateway,
    sink::{Fault, Sink, SinkOptions},
};
use serde_json::Value;

use crate::PROGRAM;

fn items(from: usize, to: usize) -> Value {
    (from..to)
        .map(|n| {
            item(
                &format!("p{n}"),
                "E001",
                "gps",
                &format!("2026-03-02T08:{:02}:{:02}Z", n / 60, n % 60),
            )
        })
        .collect()
}

async fn gateway_and_sink() -> (Gateway, Sink) {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    (gateway, sink)
}

async fn post(gateway: &Gateway, items: &Value) {
    assert_eq!(gateway.post(items).await.expect("an answer").status, 200);
}

fn each_once(sink: &Sink, count: usize) {
    let held = external_ids(sink);
    assert_eq!(held.len(), count);
    assert!(held.values().all(|times| *times == 1), "{held:?}");
}

/// The sink does these things wrong, one call after another; then everything is there once.
async fn survives(faults: Vec<Fault>) {
    let (gateway, sink) = gateway_and_sink().await;
    let wrong = faults.len() as u64;
    for fault in faults {
        sink.fault(fault);
    }
    post(&gateway, &items(0, 30)).await;
    assert!(
        sink.until(|stats| stats.faults >= wrong, LATER).await,
        "{:?}",
        sink.stats()
    );
    assert!(all_is_delivered(&gateway, LATER).await, "{:#?}", gateway.status().await);
    each_once(&sink, 30);
    assert_eq!(gateway.status().await["upstreams"]["erp"]["dead"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_captive_portal_is_no_delivery() {
    survives(vec![Fault::Html]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_no_delivery() {
    survives(vec![Fault::HalfBody, Fault::Cut]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_never_answers_is_asked_again() {
    survives(vec![Fault::Hang]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_in_trouble_is_asked_again() {
    survives(vec![Fault::status(500), Fault::status(503)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_taken_without_a_word_is_sent_again_and_counts_once() {
    survives(vec![Fault::AcceptThenCut, Fault::AcceptThenCut]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_batch_is_parted() {
    let (gateway, sink) = gateway_and_sink().await;
    sink.standing(Some(Fault::TooMany { most: 4 }));
    post(&gateway, &items(0, 30)).await;
    assert!(all_is_delivered(&gateway, LATER).await, "{:#?}", gateway.status().await);
    each_once(&sink, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_to_come_again_at_is_kept() {
    let (gateway, sink) = gateway_and_sink().await;
    // Dates have whole seconds: this one is 2 to 3 s away.
    let at = punchgate_kit::Clock::system().now().plus_millis(3_000).to_jiff();
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    sink.fault(Fault::status_with(429, "retry-after", &date));
    post(&gateway, &items(0, 5)).await;
    assert!(sink.until(|stats| stats.faults == 1, SOON).await);
    let began = std::time::Instant::now();
    assert!(all_is_delivered(&gateway, SOON).await);
    assert!(began.elapsed() > Duration::from_millis(1_500), "{:?}", began.elapsed());
    each_once(&sink, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_the_upstream_cannot_bear_is_a_dead_letter_and_the_rest_flows() {
    let (gateway, sink) = gateway_and_sink().await;
    // The id of a punch follows from source and external id: another gateway finds out which it will be.
    let bad = gateway.post(&items(0, 1)).await.expect("an answer").json()["results"][0]["id"].clone();
    drop((gateway, sink));
    let (gateway, sink) = gateway_and_sink().await;
    let bad = bad.as_str().expect("an id").to_owned();
    sink.standing(Some(Fault::Poison {
        ids: vec![bad.clone()],
        code: 400,
    }));
    post(&gateway, &items(0, 30)).await;
    assert!(all_is_delivered(&gateway, LATER).await, "{:#?}", gateway.status().await);
    assert!(sink.get(&bad).is_none());
    each_once(&sink, 29);
    assert_eq!(gateway.status().await["upstreams"]["erp"]["dead"], 1);
    sink.standing(None);
    post(&gateway, &items(30, 40)).await;
    assert!(all_is_delivered(&gateway, SOON).await);
    each_once(&sink, 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_rejects_by_name_is_a_dead_letter_also_after_a_kill() {
    let (mut gateway, sink) = gateway_and_sink().await;
    sink.standing(Some(Fault::Cut));
    let answer = gateway.post(&items(0, 10)).await.expect("an answer").json();
    let bad = answer["results"][3]["id"].as_str().expect("an id").to_owned();
    sink.standing(Some(Fault::RejectIds { ids: vec![bad.clone()] }));
    let dead = |status: &Value| status["upstreams"]["erp"]["dead"] == 1;
    assert!(gateway.until(LATER, dead).await, "{:#?}", gateway.status().await);
    gateway.kill();
    sink.standing(None);
    gateway.restart().await.expect("it starts");
    assert!(all_is_delivered(&gateway, SOON).await, "{:#}", gateway.status().await);
    post(&gateway, &items(10, 20)).await;
    assert!(all_is_delivered(&gateway, SOON).await);
    assert!(external_ids(&sink).len() >= 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_the_sink_was_away_is_delivered_when_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SinkOptions {
        listen: punchgate_lab::ports::free(),
        state: Some(folder.path().join("held")),
        ..SinkOptions::default()
    };
    let sink = Sink::start(options.clone()).await.expect("a sink");
    let gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    post(&gateway, &items(0, 50)).await;
    assert!(all_is_delivered(&gateway, SOON).await);
    sink.stop().await;
    for n in 1..10 {
        post(&gateway, &items(n * 50, n * 50 + 50)).await;
    }
    let down = |status: &Value| status["upstreams"]["erp"]["up"] == false;
    assert!(gateway.until(SOON, down).await, "{:#?}", gateway.status().await);
    let all_wait = |status: &Value| status["upstreams"]["erp"]["backlog"].as_u64() >= Some(450);
    assert!(gateway.until(SOON, all_wait).await, "{:#?}", gateway.status().await);
    let sink = Sink::start(options).await.expect("the port is free again");
    assert!(all_is_delivered(&gateway, LATER).await, "{:#?}", gateway.status().await);
    each_once(&sink, 500);
}
