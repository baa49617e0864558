//! The codec: captures, and the laws of every protocol.

use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};
use proptest::prelude::*;
use punchgate_http_ingest::{Claim, HttpIngest, Item, Options, Post, Problem, Reply};
use punchgate_kit::{
    Driver, Finding, NotStored, Reader, Refused, Secret, Wire, http1, laws::rendering_then_parsing_is_identity,
};
use punchgate_model::{DeviceTime, Direction, Factor, Outcome, Timestamp};
use serde_json::{Value, json};

fn findings(request: &Request<Bytes>) -> Vec<Value> {
    let post = Post::parse(request).expect("a post");
    let mut reader = HttpIngest::reader(&Options::with_token(Secret::new("example-token")));
    let found = reader.hear(&post).into_iter().map(|finding| match finding {
        Finding::Reading(reading) => json!({ "reading": reading }),
        Finding::Malformed(why) => json!({ "wanted": why.wanted }),
    });
    found.collect()
}

#[test]
fn captures_read_as_written_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("captures") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "http") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a capture");
        let expected = std::fs::read_to_string(path.with_extension("jsonl")).expect("its readings");
        let mut expected = expected
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let header = expected.next().expect("a header");
        assert!(header["origin"].is_string() && header["story"].is_string(), "{path:?}");
        let request = http1::request_from_bytes(&bytes).expect("a request");
        assert_eq!(findings(&request), expected.collect::<Vec<_>>(), "{path:?}");
        for end in 0..bytes.len() {
            if let Ok(cut) = http1::request_from_bytes(bytes.get(..end).unwrap_or_default()) {
                let _ = Post::parse(&cut).map(|post| post.describe());
            }
        }
        read += 1;
    }
    assert_eq!(read, 2);
}

#[test]
fn problems_read_back() {
    let problems = [
        Refused::Unknown,
        Refused::Nowhere,
        Refused::Method,
        Refused::Busy,
        Refused::TooMany,
        Refused::TooLarge { limit: 9 },
    ];
    for why in &problems {
        rendering_then_parsing_is_identity(&Reply::Problem(Problem::refusing(why)));
    }
    rendering_then_parsing_is_identity(&Reply::Problem(Problem::not_stored(&NotStored::DiskFull)));
    rendering_then_parsing_is_identity(&Reply::Problem(Problem::too_many_punches(1001)));
}

#[test]
fn a_post_tells_no_names_and_no_token_to_a_log() {
    let claim = Claim {
        id: None,
        person: "Li Wei".into(),
        factor: Factor::Gps,
        at: DeviceTime::from_rfc3339("2026-03-02T00:40:00Z").expect("a time"),
        zone: None,
        direction: Direction::In,
        result: Outcome::Granted,
        uncertainty_ms: 0,
    };
    let post = Post::new(Secret::new("s3cret"), None, &[claim]);
    let printed = format!("{post:?}");
    assert!(!printed.contains("Wei") && !printed.contains("s3cret"), "{printed}");
    assert!(
        !post
            .describe()
            .fields
            .values()
            .any(|value| value.to_string().contains("s3cret"))
    );
    assert!(!format!("{:?}", post.render().headers()).contains("s3cret"));
}

fn name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,32}"
}

prop_compose! {
    fn claim()(
        id in proptest::option::of(name()),
        person in name(),
        factor in proptest::sample::select(Factor::ALL),
        at in -60_000_000_000_000i64..250_000_000_000_000,
        zone in proptest::option::of(name()),
        direction in proptest::sample::select(Direction::ALL),
        result in proptest::sample::select(Outcome::ALL),
        uncertainty_ms: u32,
    ) -> Claim {
        let at = DeviceTime::from_rfc3339(&Timestamp::from_millis(at).to_string()).expect("an instant");
        Claim { id, person, factor, at, zone, direction, result, uncertainty_ms }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_post_reads_back(claims in proptest::collection::vec(claim(), 0..5), key in proptest::option::of("[!#-~]{1,40}")) {
        let post = Post::new(Secret::new("t0p"), key, &claims);
        rendering_then_parsing_is_identity(&post);
        prop_assert!(post.items().iter().all(|item| matches!(item, Item::Claim(_))));
    }

    #[test]
    fn any_body_is_survived(body in proptest::collection::vec(any::<u8>(), 0..200), status in 100u16..600) {
        let body = Bytes::from(body);
        let mut request = Request::new(body.clone());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("/ingest/v1/punches");
        let _ = Post::parse(&request).map(|post| (post.describe(), post.render()));
        let mut response = Response::new(body.clone());
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        let _ = Reply::parse(&response).map(|reply| (reply.describe(), reply.render()));
        let _ = http1::request_from_bytes(&body);
    }

    #[test]
    fn any_json_is_survived(item in "\\{(\"(id|person|factor|at|zone|direction|result|uncertainty_ms|x)\":(\"[a-zé\\\\\"u0-9]{0,6}\"|[0-9eE.+-]{1,5}|null|true|\\[\\]|\\{\\}),?){0,4}\\}") {
        let mut request = Request::new(Bytes::from(format!("{{\"punches\":[{item}]}}")));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("/ingest/v1/punches");
        if let Ok(post) = Post::parse(&request) {
            rendering_then_parsing_is_identity(&post);
        }
    }
}
