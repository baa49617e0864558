//! One delivery over real sockets, for every row of the fault table (`trust.md` F70, F74–F79).

mod common;

use std::time::Duration;

use common::{event, events};
use punchgate_lab::sink::{Fault, Sink, SinkOptions};
use punchgate_upstream::{Delivered, Refusal, SigningKey, Webhook, WebhookConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const SECRET: &str = "whsec_cHVuY2hnYXRlLXdlYmhvb2stc2VjcmV0LTMyYnl0ZXM=";

async fn sink() -> Sink {
    let options = SinkOptions {
        secret: Some(SECRET.into()),
        ..SinkOptions::default()
    };
    Sink::start(options).await.expect("a free port")
}

fn webhook(url: &str, timeout: Duration) -> Webhook {
    let mut config = WebhookConfig::new("plant3-gate", url);
    config.keys = vec![SigningKey::parse(SECRET).expect("a key")];
    config.timeout = timeout;
    Webhook::new(config).expect("a webhook")
}

fn patient(url: &str) -> Webhook {
    webhook(url, Duration::from_secs(10))
}

#[tokio::test]
async fn a_batch_arrives_signed_and_in_the_promised_shape() {
    let sink = sink().await;
    let delivered = patient(&sink.url()).deliver(&events(1..=3)).await;
    assert_eq!(delivered, Ok(Delivered::default()));
    let stats = sink.stats();
    assert_eq!((stats.held, stats.unsigned, stats.malformed), (3, 0, 0));
    let held = sink.get("p2").expect("held");
    assert_eq!(
        (held.event_type.as_str(), held.subject.as_str()),
        ("punchgate.punch.v1", "E002")
    );
    assert_eq!(held.data["credential"], "0007");
    let call = sink.calls().pop().expect("a call");
    assert_eq!(call.idempotency_key, format!("\"{}\"", call.webhook_id));
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_for_the_operator() {
    let sink = sink().await;
    let mut config = WebhookConfig::new("plant3-gate", sink.url());
    config.keys = vec![SigningKey::parse("another secret").expect("a key")];
    let mut webhook = Webhook::new(config).expect("a webhook");
    let refusal = webhook.deliver(&events([1])).await.expect_err("refused");
    assert!(matches!(refusal, Refusal::Misconfigured { .. }), "{refusal}");
    assert_eq!((sink.stats().unsigned, sink.stats().held), (1, 0));
}

#[tokio::test]
async fn a_page_a_cut_and_half_an_answer_are_no_acknowledgements() {
    let sink = sink().await;
    let mut webhook = patient(&sink.url());
    for fault in [Fault::Html, Fault::Cut, Fault::HalfBody, Fault::AcceptThenCut] {
        sink.fault(fault.clone());
        let refusal = webhook.deliver(&events([1])).await.expect_err("no acknowledgement");
        assert!(matches!(refusal, Refusal::Down { .. }), "{fault:?}: {refusal}");
    }
    sink.fault(Fault::HalfBody);
    let refusal = webhook.deliver(&events([1])).await.expect_err("no acknowledgement");
    assert!(refusal.to_string().contains("broke off"), "{refusal}");
}

#[tokio::test]
async fn a_sink_that_never_answers_is_left_at_the_deadline() {
    let sink = sink().await;
    let mut webhook = webhook(&sink.url(), Duration::from_millis(150));
    for fault in [Fault::Hang, Fault::AcceptThenHang, Fault::Slow { millis: 50 }] {
        sink.fault(fault.clone());
        let refusal = webhook.deliver(&events([1])).await.expect_err("too slow");
        assert!(matches!(refusal, Refusal::TimedOut { .. }), "{fault:?}: {refusal}");
    }
    assert!(webhook.deliver(&events([2])).await.is_ok());
}

#[tokio::test]
async fn a_lost_acknowledgement_is_asked_for_with_the_same_id_and_changes_nothing() {
    let sink = sink().await;
    sink.fault(Fault::AcceptThenCut);
    let batch = events(1..=3);
    assert!(patient(&sink.url()).deliver(&batch).await.is_err());
    let before = sink
        .held()
        .into_iter()
        .map(|held| (held.id, held.data))
        .collect::<Vec<_>>();
    // A new process after a restart knows nothing of the first attempt.
    assert!(patient(&sink.url()).deliver(&batch).await.is_ok());
    let after = sink
        .held()
        .into_iter()
        .map(|held| (held.id, held.data))
        .collect::<Vec<_>>();
    assert_eq!(before, after);
    let ids: Vec<String> = sink.calls().into_iter().map(|call| call.webhook_id).collect();
    assert_eq!(ids.first(), ids.last());
    assert_eq!((ids.len(), sink.stats().repeats), (2, 3));
}

#[tokio::test]
async fn a_partial_acceptance_is_honoured_event_by_event() {
    let sink = sink().await;
    sink.fault(Fault::RejectIds { ids: vec!["p2".into()] });
    let delivered = patient(&sink.url()).deliver(&events(1..=3)).await.expect("delivered");
    let refused: Vec<_> = delivered
        .refused
        .iter()
        .map(|refused| (refused.index, refused.why.as_str()))
        .collect();
    assert_eq!(refused, [(1, "rejected as asked")]);
    assert_eq!(sink.ids("punchgate.punch.v1"), ["p1", "p3"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (sink, other) = (sink().await, sink().await);
    for code in [301, 302, 303, 307, 308] {
        sink.fault(Fault::status_with(code, "location", &other.url()));
        let refusal = patient(&sink.url()).deliver(&events([1])).await.expect_err("refused");
        assert!(matches!(refusal, Refusal::Misconfigured { .. }), "{code}: {refusal}");
    }
    assert_eq!(other.stats().calls, 0);
}

#[tokio::test]
async fn retry_after_is_read_from_the_answer() {
    let sink = sink().await;
    for (value, seconds) in [
        ("7", 7),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("999999999", 900),
        ("-3", 1),
    ] {
        sink.fault(Fault::status_with(429, "retry-after", value));
        let refusal = patient(&sink.url()).deliver(&events([1])).await.expect_err("busy");
        let wanted = Some(Duration::from_secs(seconds));
        assert!(
            matches!(refusal, Refusal::Busy { again_in, .. } if again_in == wanted),
            "{value}: {refusal:?}"
        );
    }
}

#[tokio::test]
async fn nobody_listening_is_no_acknowledgement() {
    let sink = sink().await;
    let url = sink.url();
    sink.stop().await;
    let refusal = patient(&url).deliver(&events([1])).await.expect_err("down");
    assert!(matches!(refusal, Refusal::Down { .. }), "{refusal}");
    assert!(refusal.to_string().to_lowercase().contains("refused"), "{refusal}");
}

/// A server that reads one request and says exactly these bytes, over and over.
async fn saying(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 65_536];
            let mut len = 0;
            // The request ends with the array's bracket.
            while !request.get(..len).is_some_and(|got| got.ends_with(b"]")) {
                match socket.read(&mut request[len..]).await {
                    Ok(0) | Err(_) => break,
                    Ok(more) => len += more,
                }
            }
            let _ = socket.write_all(&bytes).await;
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn every_status_on_the_wire_is_answered_as_the_table_says() {
    for code in (0..=599).chain([999]) {
        let url = saying(format!("HTTP/1.1 {code:03} Word\r\ncontent-length: 0\r\n\r\n").into_bytes()).await;
        let outcome = webhook(&url, Duration::from_secs(5)).deliver(&events(1..=2)).await;
        let right = match code {
            200..=299 => outcome.is_ok(),
            300..=399 | 401 | 403 => matches!(outcome, Err(Refusal::Misconfigured { .. })),
            400 | 409 | 422 => matches!(
                outcome,
                Err(Refusal::Poison {
                    nobody_there: false,
                    ..
                })
            ),
            404 | 410 => matches!(outcome, Err(Refusal::Poison { nobody_there: true, .. })),
            413 => matches!(outcome, Err(Refusal::TooLarge { .. })),
            408 | 425 | 429 | 500..=599 => matches!(outcome, Err(Refusal::Busy { again_in: None, .. })),
            _ => matches!(outcome, Err(Refusal::Down { .. })),
        };
        assert!(right, "{code}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_cut_at_any_byte_is_no_acknowledgement() {
    let whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{\"results\":[]}";
    for end in 0..whole.len() {
        let url = saying(whole[..end].to_vec()).await;
        let outcome = patient(&url).deliver(&events([1])).await;
        assert!(matches!(outcome, Err(Refusal::Down { .. })), "{end}: {outcome:?}");
    }
    assert!(
        patient(&saying(whole.to_vec()).await)
            .deliver(&events([1]))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n".to_vec();
    answer.resize(answer.len() + (2 << 20), b'x');
    let outcome = patient(&saying(answer).await).deliver(&events([1])).await;
    assert!(
        matches!(&outcome, Err(Refusal::Down { why }) if why.as_str().contains("longer than")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_flood_of_headers_is_no_acknowledgement() {
    let flood: String = (0..20_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let url = saying(format!("HTTP/1.1 200 OK\r\n{flood}content-length: 0\r\n\r\n").into_bytes()).await;
    let outcome = patient(&url).deliver(&events([1])).await;
    assert!(matches!(outcome, Err(Refusal::Down { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_password_in_the_address_is_not_repeated_in_the_reason() {
    let refusal = patient("http://gate:hunter2@127.0.0.1:1/")
        .deliver(&[event(1)])
        .await
        .expect_err("down");
    assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
}

#[tokio::test]
async fn what_answers_tls_with_plain_text_is_refused() {
    let url = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec())
        .await
        .replace("http:", "https:");
    let mut config = WebhookConfig::new("plant3-gate", url);
    config.timeout = Duration::from_millis(500);
    // A system without certificate authorities refuses even earlier.
    if let Ok(mut webhook) = Webhook::new(config) {
        assert!(webhook.deliver(&[event(1)]).await.is_err());
    }
}
