//! The sink itself: told over HTTP, killed, restarted.

use std::{io::Write, time::Duration};

use punchgate_lab::sink::{Sink, SinkOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn call(sink: &Sink, head: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(sink.address()).await.expect("it listens");
    let request = format!(
        "{head}\r\nhost: sink\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("it answers");
    answer
}

const POST: &str = "POST /punches HTTP/1.1\r\ncontent-type: application/cloudevents-batch+json";

fn event(id: &str, revision: u32) -> String {
    format!(
        concat!(
            r#"{{"specversion":"1.0","id":"{}","source":"urn:punchgate:gate","type":"punchgate.punch.v1","#,
            r#""time":"2026-03-02T00:55:00.000Z","subject":"E001","data":{{"revision":{}}}}}"#
        ),
        id, revision
    )
}

#[tokio::test]
async fn it_tells_over_http_what_it_holds_and_misbehaves_when_told() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a free port");
    let told = call(
        &sink,
        "POST /faults HTTP/1.1",
        r#"{"faults":[{"fault":"status","code":503,"headers":[["retry-after","2"]]}]}"#,
    )
    .await;
    assert!(told.starts_with("HTTP/1.1 204"), "{told}");
    let batch = format!("[{},{}]", event("a", 1), event("a", 2));
    let busy = call(&sink, POST, &batch).await;
    assert!(
        busy.starts_with("HTTP/1.1 503") && busy.contains("retry-after: 2"),
        "{busy}"
    );
    assert!(call(&sink, POST, &batch).await.starts_with("HTTP/1.1 200"));
    assert!(
        call(&sink, "GET /events HTTP/1.1", "")
            .await
            .contains(r#""id":"a","revision":2"#)
    );
    assert!(call(&sink, "GET /stats HTTP/1.1", "").await.contains(r#""held":1"#));
    assert!(sink.until(|stats| stats.calls == 2, Duration::from_secs(1)).await);
    let wrong = call(&sink, "POST /faults HTTP/1.1", r#"{"fault":"html"}"#).await;
    assert!(wrong.starts_with("HTTP/1.1 400"), "{wrong}");
}

#[tokio::test]
async fn what_is_no_batch_of_events_is_refused_and_counted() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a free port");
    let other_version = event("a", 1).replace(r#""specversion":"1.0""#, r#""specversion":"0.3""#);
    let no_subject = event("a", 1).replace(r#""subject":"E001","#, "");
    let bodies = [
        "",
        "{}",
        "[1]",
        "[{}]",
        &format!("[{other_version}]"),
        &format!("[{no_subject}]"),
    ];
    for body in bodies {
        let answer = call(&sink, POST, body).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{body}: {answer}");
    }
    assert!(
        call(&sink, "POST /punches HTTP/1.1", "[]")
            .await
            .starts_with("HTTP/1.1 400")
    );
    assert_eq!((sink.stats().malformed, sink.stats().held), (7, 0));
}

#[tokio::test]
async fn a_line_that_a_kill_left_unfinished_is_dropped_and_the_rest_is_held() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("held.jsonl");
    let mut file = std::fs::File::create(&path).expect("a file");
    write!(file, "{}\n{}\n{}", event("a", 1), event("b", 3), &event("c", 1)[..40]).expect("written");
    let options = SinkOptions {
        state: Some(path.clone()),
        ..SinkOptions::default()
    };
    let sink = Sink::start(options.clone()).await.expect("a free port");
    assert_eq!(sink.ids("punchgate.punch.v1"), ["a", "b"]);
    assert!(
        call(&sink, POST, &format!("[{}]", event("c", 1)))
            .await
            .starts_with("HTTP/1.1 200")
    );
    sink.stop().await;
    let again = Sink::start(options).await.expect("a free port");
    assert_eq!(again.ids("punchgate.punch.v1"), ["a", "b", "c"]);
    assert_eq!(again.get("b").map(|held| held.revision), Some(3));
}
