//! The ingest contract (`surface.md`), over a real socket.

mod room;

use bytes::Bytes;
use http::{Request, Response};
use punchgate_kit::NotStored;
use punchgate_model::{Credential, Factor};
use punchgate_transports::http::client::Connection;
use room::Room;
use serde_json::json;

const GOOD: &str = r#"{"punches":[{"id":"a1","person":"E001","factor":"gps","at":"2026-03-02T08:40:00.000+08:00"}]}"#;

/// What only this file does with a room.
trait Calls {
    async fn usual() -> Room;
    async fn post(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes>;
    async fn call(&self, request: Request<Bytes>) -> Response<Bytes>;
}

impl Calls for Room {
    /// With one source `wecom` whose token is `t0p`, which may claim GPS and Wi-Fi.
    async fn usual() -> Self {
        Room::with(&[("wecom", r#"{"token":"t0p","factors":["gps","wifi"]}"#)]).await
    }

    /// Posts a body with the right token and these headers more.
    async fn post(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
        let mut request = Request::post("/ingest/v1/punches").header("authorization", "Bearer t0p");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(body.into()).expect("a request")).await
    }

    async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let mut connection = Connection::open(self.address).await.expect("the gateway listens");
        connection.call(request).await.expect("an answer")
    }
}

/// A body of an answer or problem as JSON.
fn json(response: &Response<Bytes>) -> serde_json::Value {
    serde_json::from_slice(response.body()).expect("a JSON body")
}

fn punch(person: &str, at: &str) -> String {
    format!(r#"{{"person":"{person}","factor":"gps","at":"{at}"}}"#)
}

#[tokio::test]
async fn a_punch_is_answered_with_its_punch_id_when_it_is_stored_and_again_as_a_duplicate() {
    let room = Room::usual().await;
    let first = room.post(&[], GOOD).await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["content-type"], "application/json");
    assert_eq!(json(&first), json!({"results":[{"id":"r0","status":"stored"}]}));
    let again = room.post(&[], GOOD).await;
    assert_eq!(json(&again), json!({"results":[{"id":"r0","status":"duplicate"}]}));
    let reading = room
        .desk
        .look(|taken| taken.readings.first().cloned())
        .expect("a reading");
    assert_eq!(reading.credential, Credential::Person("E001".into()));
    assert_eq!(reading.factor, Factor::Gps);
    assert_eq!(reading.external_id.as_deref(), Some("a1"));
    let time = reading.device_time.expect("a time");
    assert_eq!(time.printed, "2026-03-02T08:40:00.000+08:00");
    assert_eq!(time.offset_seconds, Some(28_800));
}

#[tokio::test]
async fn one_bad_item_does_not_spoil_the_rest() {
    let room = Room::usual().await;
    let good = punch("E002", "2026-03-02T00:40:00Z");
    let body = format!(
        r#"{{"punches":[{{"id":"x","person":7,"factor":"gps","at":"2026-03-02T00:40:00Z"}},{good},"what?",
            {{"id":"y","person":"E1","factor":"face","at":"2026-03-02T00:40:00Z"}}]}}"#
    );
    let answer = json(&room.post(&[], body).await);
    let results = answer["results"].as_array().expect("results");
    let statuses: Vec<_> = results
        .iter()
        .map(|result| result["status"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(statuses, ["rejected", "stored", "rejected", "rejected"]);
    assert_eq!(results[0]["id"], "x");
    assert_eq!(results[0]["error"], "person: wanted a text in quotes, got the number 7");
    assert!(results[2]["id"].is_null());
    assert_eq!(results[3]["id"], "y");
    assert_eq!(results[3]["error"], "factor: this source may claim gps wifi, got face");
}

#[tokio::test]
async fn every_field_says_what_it_wants() {
    let room = Room::usual().await;
    let at = r#""at":"2026-03-02T00:40:00Z""#;
    let base = format!(r#""person":"E1","factor":"gps",{at}"#);
    let long = "x".repeat(129);
    for (item, starts) in [
        (
            format!(r#"{{"factor":"gps",{at}}}"#),
            "person: wanted a text, got nothing",
        ),
        (
            format!(r#"{{"person":"","factor":"gps",{at}}}"#),
            "person: wanted 1 to 128 bytes",
        ),
        (
            format!(r#"{{"person":"{long}","factor":"gps",{at}}}"#),
            "person: wanted at most 128 bytes, got 129",
        ),
        (
            format!(r#"{{"person":"a\u0000b","factor":"gps",{at}}}"#),
            "person: wanted no control characters, got U+0000",
        ),
        (
            format!(r#"{{"person":null,"factor":"gps",{at}}}"#),
            "person: wanted a text, got nothing",
        ),
        (
            format!(r#"{{"person":"E1","factor":"finger",{at}}}"#),
            "factor: wanted one of face fingerprint",
        ),
        (format!(r#"{{"person":"E1",{at}}}"#), "factor: wanted"),
        (r#"{"person":"E1","factor":"gps"}"#.to_owned(), "at: wanted"),
        (
            r#"{"person":"E1","factor":"gps","at":"2026-03-02T08:40:00"}"#.to_owned(),
            "at: wanted RFC 3339 with an offset",
        ),
        (
            r#"{"person":"E1","factor":"gps","at":"2026-02-30T08:40:00Z"}"#.to_owned(),
            "at: wanted RFC 3339",
        ),
        (
            r#"{"person":"E1","factor":"gps","at":1772409600}"#.to_owned(),
            "at: wanted a text in quotes, got the number",
        ),
        (
            format!(r#"{{{base},"direction":"inside"}}"#),
            "direction: wanted one of in out unknown",
        ),
        (
            format!(r#"{{{base},"result":"ok"}}"#),
            "result: wanted one of granted denied pending",
        ),
        (
            format!(r#"{{{base},"uncertainty_ms":-1}}"#),
            "uncertainty_ms: wanted a whole number",
        ),
        (
            format!(r#"{{{base},"uncertainty_ms":1.5}}"#),
            "uncertainty_ms: wanted a whole number",
        ),
        (
            format!(r#"{{{base},"uncertainty_ms":4294967296}}"#),
            "uncertainty_ms: wanted a whole number",
        ),
        (
            format!(r#"{{{base},"uncertainty_ms":1e999}}"#),
            "the item: wanted an object",
        ),
        (
            format!(r#"{{{base},"zone":["a"]}}"#),
            "zone: wanted a text in quotes, got an array",
        ),
        (
            format!(r#"{{{base},"person":"E2"}}"#),
            "the item: wanted an object with the fields of a punch, got duplicate",
        ),
        (format!(r#"{{{base},"id":"\ud800"}}"#), "the item: wanted"),
        ("17".to_owned(), "the item: wanted an object"),
        ("null".to_owned(), "the item: wanted an object"),
        ("[]".to_owned(), "the item: wanted an object"),
        (
            r#"["a","E1","gps","2026-03-02T00:40:00Z",null,null,null,0]"#.to_owned(),
            "the item: wanted an object",
        ),
    ] {
        let answer = json(&room.post(&[], format!(r#"{{"punches":[{item}]}}"#)).await);
        let error = answer["results"][0]["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.starts_with(starts), "{item}\n  {error}\n  {answer}");
        assert_eq!(answer["results"][0]["status"], "rejected");
    }
    assert!(room.desk.look(|taken| taken.readings.is_empty()));
}

#[tokio::test]
async fn strange_names_come_through_to_the_letter() {
    let room = Room::usual().await;
    let names = [
        "007",
        " 7 ",
        "李伟",
        "\u{202e}E001",
        "Robert'); DROP TABLE--",
        "${jndi:x}",
        "a\u{301}",
        "=1+1",
    ];
    let items: Vec<_> = names
        .iter()
        .map(|name| json!({"person":name,"factor":"gps","at":"2026-03-02T00:40:00Z"}))
        .collect();
    let answer = json(&room.post(&[], json!({"punches":items}).to_string()).await);
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(names.len()));
    let kept: Vec<_> = room.desk.look(|taken| {
        taken
            .readings
            .iter()
            .map(|r| r.credential.number().to_owned())
            .collect()
    });
    assert_eq!(kept, names);
}

#[tokio::test]
async fn equal_rows_of_one_post_are_told_apart_and_the_same_post_again_is_all_duplicates() {
    let room = Room::usual().await;
    let row = punch("E001", "2026-03-02T00:40:00Z");
    let body = format!(r#"{{"punches":[{row},{row}]}}"#);
    let first = json(&room.post(&[], body.clone()).await);
    assert_eq!(
        first,
        json!({"results":[{"id":"r0","status":"stored"},{"id":"r1","status":"stored"}]})
    );
    let again = json(&room.post(&[], body).await);
    assert_eq!(
        again,
        json!({"results":[{"id":"r0","status":"duplicate"},{"id":"r1","status":"duplicate"}]})
    );
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_to_the_byte_and_is_refused_for_another_body() {
    let room = Room::usual().await;
    let first = room.post(&[("idempotency-key", "\"k-1\"")], GOOD).await;
    let bare = room.post(&[("idempotency-key", "k-1")], GOOD).await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.body(), bare.body());
    let other = room
        .post(&[("idempotency-key", "k-1")], GOOD.replace("E001", "E002"))
        .await;
    assert_eq!(other.status(), 422);
    assert_eq!(json(&other)["code"], "key-reused");
    for unusable in ["", "\"\"", "a\"b", &"k".repeat(256)] {
        let answer = room.post(&[("idempotency-key", unusable)], GOOD).await;
        assert_eq!(
            (answer.status().as_u16(), json(&answer)["code"].clone()),
            (422, json!("bad-key")),
            "{unusable:?}"
        );
    }
    let twice = room
        .post(&[("idempotency-key", "a"), ("idempotency-key", "a")], GOOD)
        .await;
    assert_eq!(twice.status(), 422);
    assert_eq!(room.desk.look(|taken| taken.readings.len()), 1);
}

#[tokio::test]
async fn a_body_that_is_not_understood_is_422_and_says_where() {
    let room = Room::usual().await;
    for body in [
        "",
        "x",
        "[]",
        "{}",
        "null",
        "17",
        r#"{"punches":null}"#,
        r#"{"punches":{}}"#,
        r#"{"punches":[1,]}"#,
        r#"{"punches":[]"#,
        r#"{"punches":[],"punches":[]}"#,
        r#"{"punches":[]} {}"#,
        "\u{feff}{\"punches\":[]}",
        r#"{"punch":[]}"#,
        "a=b&c=d",
    ] {
        let answer = room.post(&[], body).await;
        assert_eq!(answer.status(), 422, "{body:?}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(json(&answer)["code"], "not-understood");
        assert!(
            json(&answer)["detail"]
                .as_str()
                .is_some_and(|detail| detail.starts_with("at byte ")),
            "{body:?}"
        );
    }
    let not_utf8 = room
        .post(&[], Bytes::from_static(b"{\"punches\":[{\"person\":\"\xff\"}]}"))
        .await;
    assert_eq!(not_utf8.status(), 422);
}

#[tokio::test]
async fn an_empty_list_is_a_list_and_what_the_contract_does_not_know_is_ignored() {
    let room = Room::usual().await;
    assert_eq!(
        json(&room.post(&[("content-type", "text/plain")], r#"{"punches":[]}"#).await),
        json!({"results":[]})
    );
    let more = GOOD
        .replace(r#""id""#, r#""source":"other","lat":1.5,"id""#)
        .replacen('{', r#"{"app":{"v":[1]},"#, 1);
    assert_eq!(json(&room.post(&[], more).await)["results"][0]["status"], "stored");
}

#[tokio::test]
async fn a_thousand_punches_are_taken_and_one_more_is_refused_whole() {
    let room = Room::usual().await;
    let items = |n: usize| {
        (0..n)
            .map(|i| punch(&format!("E{i:04}"), "2026-03-02T00:40:00Z"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let answer = room.post(&[], format!(r#"{{"punches":[{}]}}"#, items(1001))).await;
    assert_eq!(
        (answer.status().as_u16(), json(&answer)["code"].clone()),
        (413, json!("too-many-punches"))
    );
    assert!(room.desk.look(|taken| taken.readings.is_empty()));
    let answer = json(&room.post(&[], format!(r#"{{"punches":[{}]}}"#, items(1000))).await);
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(1000));
}

#[tokio::test]
async fn only_the_right_token_is_known_and_the_scheme_may_be_in_any_case() {
    let room = Room::with(&[("a", r#"{"token":"t0p"}"#), ("b", r#"{"token":"other"}"#)]).await;
    let with = |authorization: &[&str]| {
        let mut request = Request::post("/ingest/v1/punches");
        for value in authorization {
            request = request.header("authorization", *value);
        }
        request.body(Bytes::from_static(GOOD.as_bytes())).expect("a request")
    };
    for known in ["Bearer t0p", "bearer t0p", "BEARER   t0p", "Bearer other"] {
        assert_eq!(room.call(with(&[known])).await.status(), 200, "{known}");
    }
    let unknown: [&[&str]; 8] = [
        &[],
        &["t0p"],
        &["Bearer"],
        &["Bearer "],
        &["Bearer t0"],
        &["Bearer t0pp"],
        &["Basic t0p"],
        &["Bearer t0p", "Bearer t0p"],
    ];
    for unknown in unknown {
        let answer = room.call(with(unknown)).await;
        assert_eq!(answer.status(), 401, "{unknown:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"punchgate\"");
        assert_eq!(json(&answer)["code"], "unauthorized");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let room = Room::usual().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let request = Request::builder()
            .method(method)
            .uri("/ingest/v1/punches")
            .header("authorization", "Bearer t0p");
        let answer = room.call(request.body(Bytes::new()).expect("a request")).await;
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers()["allow"], "POST");
    }
    for path in [
        "/",
        "/ingest/v1/punches/",
        "/ingest/v1/punches/x",
        "/ingest/v1/../v1/punches",
        "/ingest/v1/%70unches",
        "/ingest/v1/punches/..",
        "//ingest/v1/punches",
        "/ingest/v1/punches%2e",
        "/INGEST/v1/punches",
    ] {
        let request = Request::post(path).header("authorization", "Bearer t0p");
        let answer = room
            .call(request.body(Bytes::from_static(GOOD.as_bytes())).expect("a request"))
            .await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    let request = Request::post("/ingest/v1/punches?trace=1").header("authorization", "Bearer t0p");
    assert_eq!(
        room.call(request.body(Bytes::from_static(GOOD.as_bytes())).expect("a request"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn what_is_not_stored_is_503_and_says_when_to_come_again() {
    let room = Room::usual().await;
    for why in [
        NotStored::Busy,
        NotStored::DiskFull,
        NotStored::DiskFailed("io".into()),
        NotStored::Stopping,
    ] {
        room.desk.fail_with(Some(why));
        let answer = room.post(&[], GOOD).await;
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(json(&answer)["code"], "not-stored");
    }
    room.desk.fail_with(None);
    assert_eq!(json(&room.post(&[], GOOD).await)["results"][0]["status"], "stored");
}

#[tokio::test]
async fn a_source_that_is_too_fast_is_429_and_nothing_is_stored() {
    let room = Room::with(&[("a", r#"{"token":"t0p","max_per_second":1}"#)]).await;
    assert_eq!(room.post(&[], GOOD).await.status(), 200);
    let answer = room.post(&[], GOOD.replace("a1", "a2")).await;
    assert_eq!(
        (answer.status().as_u16(), json(&answer)["code"].clone()),
        (429, json!("too-fast"))
    );
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(room.desk.look(|taken| taken.readings.len()), 1);
}

#[tokio::test]
async fn a_body_above_the_limit_is_413() {
    let room = Room::usual().await;
    let answer = room.post(&[], vec![b' '; 4 * 1024 * 1024 + 1]).await;
    assert_eq!(
        (answer.status().as_u16(), json(&answer)["code"].clone()),
        (413, json!("too-large"))
    );
}

#[tokio::test]
async fn deep_and_wide_json_is_survived() {
    let room = Room::usual().await;
    let deep = "[".repeat(1_000_000);
    assert_eq!(room.post(&[], deep.clone()).await.status(), 422);
    assert_eq!(room.post(&[], format!(r#"{{"punches":{deep}"#)).await.status(), 422);
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = room
        .post(&[], format!(r#"{{"punches":[{{"person":{closed}}}]}}"#))
        .await;
    assert_eq!(json(&answer)["results"][0]["status"], "rejected");
    let wide = format!(r#"{{"punches":[{}1]}}"#, "1,".repeat(1_000_000));
    assert_eq!(room.post(&[], wide).await.status(), 413);
    let keys: Vec<_> = (0..100_000).map(|i| format!(r#""k{i}":1"#)).collect();
    let answer = room.post(&[], format!(r#"{{{},"punches":[]}}"#, keys.join(","))).await;
    assert_eq!(answer.status(), 200);
}

#[test]
fn options_are_checked() {
    let read = serde_json::from_str::<punchgate_http_ingest::Options>;
    for (options, says) in [
        (r#"{"token":""}"#, "token: wanted"),
        (r#"{"token":"a b"}"#, "token: wanted"),
        (r#"{"factors":["gps"]}"#, "token"),
        (r#"{"token":"x","tokn":"y"}"#, "unknown field `tokn`"),
        (r#"{"token":"x","factors":["finger"]}"#, "finger"),
        (r#"{"token":"x","max_per_second":0}"#, "nonzero"),
    ] {
        let error = read(options).expect_err(options).to_string();
        assert!(error.contains(says), "{options}: {error}");
    }
    assert!(!format!("{:?}", read(r#"{"token":"s3cret"}"#).expect("options")).contains("s3cret"));
}
