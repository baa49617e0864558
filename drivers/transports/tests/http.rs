//! The listener against callers that behave badly, over raw sockets on loopback. Limits are short here.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use punchgate_transports::http::{Limits, Plain, client::Connection, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// The longest body that the listener of these tests takes.
const LONGEST_BODY: usize = 256 * 1024;

fn short() -> Limits {
    Limits {
        head: Duration::from_millis(300),
        idle: Duration::from_millis(500),
        body: Duration::from_millis(600),
        stall: Duration::from_millis(200),
        write: Duration::from_millis(300),
        body_bytes: LONGEST_BODY,
        ..Limits::default()
    }
}

struct Listener {
    address: SocketAddr,
    closing: CancellationToken,
    serving: JoinHandle<()>,
}

/// A listener that answers method, path and the length of the body; `/slow` takes 200 ms, `/big` answers 64 MiB, `/panic`
/// panics.
async fn listen(limits: Limits) -> Listener {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let closing = CancellationToken::new();
    let handler = Plain::new(|request: Request<Bytes>, _peer| async move {
        if request.uri().path() == "/slow" {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(request.uri().path() != "/panic", "a defect, planted");
        if request.uri().path() == "/big" {
            return Response::new(Bytes::from(vec![b'x'; 64 * 1024 * 1024]));
        }
        let said = format!(
            "{} {} {};",
            request.method(),
            request.uri().path(),
            request.body().len()
        );
        Response::new(Bytes::from(said))
    });
    let serving = tokio::spawn(serve(listener, limits, Arc::new(handler), closing.clone()));
    Listener {
        address,
        closing,
        serving,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_over_one_request_costs_its_connection_and_no_other() {
    let listener = listen(short()).await;
    let mut other = open(&listener).await;
    for _ in 0..20 {
        let mut bad = open(&listener).await;
        bad.write_all(b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .expect("written");
        let (answer, _) = until_closed(&mut bad).await;
        assert_eq!(answer, "", "nothing is said where nothing is known");
    }
    other
        .write_all(b"GET /fine HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("written");
    let (answer, _) = until_closed(&mut other).await;
    assert!(answer.contains("GET /fine 0;"), "{answer}");
    listener.closing.cancel();
    listener.serving.await.expect("the listener itself did not panic");
}

async fn open(listener: &Listener) -> TcpStream {
    TcpStream::connect(listener.address)
        .await
        .expect("the listener accepts")
}

/// Everything that comes until the listener closes, and after how long.
async fn until_closed(stream: &mut TcpStream) -> (String, Duration) {
    let start = Instant::now();
    let mut all = Vec::new();
    let done = timeout(Duration::from_secs(5), stream.read_to_end(&mut all)).await;
    // A reset after the answer is a close, too.
    let _ = done.expect("the listener closes");
    (String::from_utf8_lossy(&all).into_owned(), start.elapsed())
}

async fn say_and_listen(listener: &Listener, words: &str) -> String {
    let mut stream = open(listener).await;
    stream.write_all(words.as_bytes()).await.expect("it can be sent");
    until_closed(&mut stream).await.0
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

async fn is_served(listener: &Listener) -> Duration {
    let start = Instant::now();
    let mut connection = Connection::open(listener.address).await.expect("the listener accepts");
    let request = Request::post("/good")
        .body(Bytes::from_static(b"hello"))
        .expect("a request");
    let answer = connection.call(request).await.expect("an answer");
    assert_eq!(answer.body().as_ref(), b"POST /good 5;");
    start.elapsed()
}

#[tokio::test]
async fn a_head_that_drips_is_cut_in_time() {
    let listener = listen(short()).await;
    let stream = open(&listener).await;
    let (mut reader, mut writer) = stream.into_split();
    let dripping = tokio::spawn(async move {
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "
            .iter()
            .chain(std::iter::repeat(&b'a'))
        {
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let start = Instant::now();
    let mut all = Vec::new();
    let _ = reader.read_to_end(&mut all).await;
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    dripping.abort();
}

#[tokio::test]
async fn a_silent_connection_is_cut_after_the_idle_limit_before_and_after_a_request() {
    let listener = listen(short()).await;
    let mut silent = open(&listener).await;
    let (said, after) = until_closed(&mut silent).await;
    assert_eq!(said, "");
    assert!(
        after >= Duration::from_millis(450) && after < Duration::from_secs(2),
        "{after:?}"
    );
    let mut once = open(&listener).await;
    once.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it can be sent");
    let (said, after) = until_closed(&mut once).await;
    assert_eq!(status(&said), "200");
    assert!(
        after >= Duration::from_millis(450) && after < Duration::from_secs(2),
        "{after:?}"
    );
}

#[tokio::test]
async fn a_body_that_stands_still_or_drips_is_cut_in_time() {
    let listener = listen(short()).await;
    let mut still = open(&listener).await;
    still
        .write_all(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
        .await
        .expect("sent");
    let (said, after) = until_closed(&mut still).await;
    assert_ne!(status(&said), "200");
    assert!(
        after >= Duration::from_millis(150) && after < Duration::from_millis(1200),
        "{after:?}"
    );

    let (mut reader, mut writer) = open(&listener).await.into_split();
    writer
        .write_all(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
        .await
        .expect("sent");
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let start = Instant::now();
    let mut all = Vec::new();
    let _ = reader.read_to_end(&mut all).await;
    assert!(
        start.elapsed() >= Duration::from_millis(500) && start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    dripping.abort();
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_answer_is_cut() {
    let listener = listen(short()).await;
    let mut deaf = open(&listener).await;
    deaf.write_all(b"GET /big HTTP/1.1\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(900)).await;
    let mut all = Vec::new();
    let _ = timeout(Duration::from_secs(5), deaf.read_to_end(&mut all))
        .await
        .expect("the connection has ended");
    assert!(all.len() < 64 * 1024 * 1024, "{} bytes", all.len());
}

#[tokio::test]
async fn two_gibibytes_are_refused_before_they_are_sent() {
    let listener = listen(Limits::default()).await;
    let answer = say_and_listen(&listener, "POST / HTTP/1.1\r\nContent-Length: 2147483648\r\n\r\n").await;
    assert_eq!(status(&answer), "413");
    let answer = say_and_listen(
        &listener,
        "POST / HTTP/1.1\r\nContent-Length: 2147483648\r\nExpect: 100-continue\r\n\r\n",
    )
    .await;
    assert_eq!(status(&answer), "413");
}

#[tokio::test]
async fn a_chunked_body_above_the_limit_is_refused_while_it_comes() {
    let listener = listen(Limits::default().with_body(LONGEST_BODY)).await;
    let mut stream = open(&listener).await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut words = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    (0..5).for_each(|_| words.push_str(&chunk));
    stream.write_all(words.as_bytes()).await.expect("sent");
    assert_eq!(status(&until_closed(&mut stream).await.0), "413");
}

#[tokio::test]
async fn large_bodies_share_the_memory_set_aside_for_them() {
    let limits = Limits {
        bodies_bytes: 300 * 1024,
        stall: Duration::from_secs(5),
        body: Duration::from_secs(5),
        ..short()
    };
    let listener = listen(limits).await;
    let mut first = open(&listener).await;
    first
        .write_all(b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n")
        .await
        .expect("sent");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = say_and_listen(&listener, "POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n").await;
    assert_eq!(status(&second), "503");
    assert!(second.contains("retry-after: 1"), "{second}");
    first.write_all(&vec![b'x'; 200_000]).await.expect("sent");
    let answer = until_closed(&mut first).await.0;
    assert!(answer.ends_with("POST / 200000;"), "{answer}");
    let third = format!(
        "POST / HTTP/1.1\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n{}",
        "x".repeat(200_000)
    );
    assert_eq!(status(&say_and_listen(&listener, &third).await), "200");
}

#[tokio::test]
async fn a_thousand_silent_connections_do_not_keep_a_good_caller_out() {
    let limits = Limits {
        connections: 300,
        per_address: 250,
        reserved: 20,
        ..Limits::default()
    };
    let listener = listen(limits).await;
    let mut crowd = Vec::new();
    for number in 0..1000 {
        let Ok(mut stream) = TcpStream::connect(listener.address).await else {
            break;
        };
        if number % 3 == 0 {
            let _ = stream.write_all(b"POST / HTTP/1.1\r\nX-Slow: ").await;
        }
        crowd.push(stream);
        if number % 250 == 249 {
            let took = is_served(&listener).await;
            assert!(took < Duration::from_millis(250), "{took:?}");
        }
    }
    assert!(
        crowd.len() > 400,
        "only {} connections could be opened here",
        crowd.len()
    );
}

#[tokio::test]
async fn a_request_in_hand_keeps_its_seat_and_a_newcomer_is_turned_away() {
    let limits = Limits {
        connections: 1,
        per_address: 1,
        reserved: 0,
        ..Limits::default()
    };
    let listener = listen(limits).await;
    let mut busy = open(&listener).await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let turned_away = until_closed(&mut open(&listener).await).await.0;
    assert!(matches!(status(&turned_away), "503" | "none"), "{turned_away}");
    assert!(until_closed(&mut busy).await.0.ends_with("GET /slow 0;"));
}

#[tokio::test]
async fn connections_that_open_and_close_at_once_are_forgotten() {
    let listener = listen(short()).await;
    for _ in 0..2000 {
        drop(open(&listener).await);
    }
    assert!(is_served(&listener).await < Duration::from_millis(500));
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_order() {
    let listener = listen(short()).await;
    let words = "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /slow HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    let answers = say_and_listen(&listener, words).await;
    let places: Vec<_> = ["POST /1 3;", "GET /slow 0;", "POST /3 1;"]
        .iter()
        .map(|said| answers.find(said))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{answers}");
}

#[tokio::test]
async fn one_byte_at_a_time_is_still_a_request() {
    let listener = listen(Limits::default()).await;
    let mut stream = open(&listener).await;
    stream.set_nodelay(true).expect("a socket option");
    for byte in b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc" {
        stream.write_all(&[*byte]).await.expect("sent");
        tokio::task::yield_now().await;
    }
    assert!(until_closed(&mut stream).await.0.ends_with("POST /a 3;"));
}

#[tokio::test]
async fn a_chunked_request_is_read_and_is_the_last_of_its_connection() {
    let listener = listen(Limits::default()).await;
    let words = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n";
    let answer = say_and_listen(&listener, words).await;
    assert!(
        answer.contains("POST /c 5;") && answer.contains("connection: close"),
        "{answer}"
    );
    assert!(!answer.contains("smuggled"), "{answer}");
}

#[tokio::test]
async fn a_caller_that_asks_first_is_told_to_continue() {
    let listener = listen(Limits::default()).await;
    let mut stream = open(&listener).await;
    stream
        .write_all(b"POST /e HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    let mut room = [0; 64];
    let read = stream.read(&mut room).await.expect("an answer");
    assert!(room.get(..read).is_some_and(|said| said.starts_with(b"HTTP/1.1 100 ")));
    stream.write_all(b"abc").await.expect("sent");
    assert!(until_closed(&mut stream).await.0.ends_with("POST /e 3;"));
}

#[tokio::test]
async fn what_two_parsers_could_read_differently_is_400_and_the_end() {
    let listener = listen(Limits::default()).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for head in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length : 5\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X: y\nContent-Length: 5\r\n",
        "X: y\rContent-Length: 5\r\n",
        "X: y\r\n Content-Length: 5\r\n",
        "X: \0\r\n",
        ": x\r\n",
        "X Y: z\r\n",
        "no colon\r\n",
    ] {
        let answer = say_and_listen(
            &listener,
            &format!("POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n{smuggled}"),
        )
        .await;
        assert_eq!(status(&answer), "400", "{head:?}: {answer}");
        assert!(!answer.contains("smuggled"), "{head:?}: {answer}");
    }
    for whole in [
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "G\x01T / HTTP/1.1\r\n\r\n",
        "GET /\x7f\0 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let answer = say_and_listen(&listener, &format!("{whole}{smuggled}")).await;
        assert_eq!(status(&answer), "400", "{whole:?}: {answer}");
        assert!(!answer.contains("smuggled"), "{whole:?}: {answer}");
    }
}

#[tokio::test]
async fn broken_chunks_never_make_a_request() {
    let listener = listen(Limits::default()).await;
    for chunks in [
        "5\nhello\n0\n\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "fffffffffffffffff\r\nx",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "\r\n\r\n",
        "5;a\n=b\r\nhello\r\n0\r\n\r\n",
    ] {
        let words =
            format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET /smuggled HTTP/1.1\r\n\r\n");
        let answer = say_and_listen(&listener, &words).await;
        assert_eq!(status(&answer), "400", "{chunks:?}: {answer}");
        assert!(!answer.contains("smuggled"), "{chunks:?}: {answer}");
    }
}

#[tokio::test]
async fn heads_and_targets_have_a_longest() {
    let listener = listen(Limits::default()).await;
    let long = "x".repeat(100_000);
    let answer = say_and_listen(&listener, &format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n")).await;
    assert_eq!(status(&answer), "431");
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!(
        status(&say_and_listen(&listener, &format!("GET / HTTP/1.1\r\n{many}\r\n")).await),
        "431"
    );
    let target = format!("GET /?{} HTTP/1.1\r\n\r\n", "a=b&".repeat(10_000));
    assert_eq!(status(&say_and_listen(&listener, &target).await), "414");
    let target = format!("GET /{long} HTTP/1.1\r\n\r\n");
    assert!(matches!(
        status(&say_and_listen(&listener, &target).await),
        "414" | "431"
    ));
}

#[tokio::test]
async fn other_protocols_get_no_answer_of_theirs() {
    let listener = listen(short()).await;
    let h2 = say_and_listen(&listener, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_ne!(status(&h2), "200", "{h2}");
    let mut tls = open(&listener).await;
    tls.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])
        .await
        .expect("sent");
    assert_ne!(status(&until_closed(&mut tls).await.0), "200");
}

#[tokio::test]
async fn head_requests_are_answered_without_a_body() {
    let listener = listen(Limits::default()).await;
    let answer = say_and_listen(&listener, "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), "200");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn closing_answers_what_is_in_hand_and_ends_idle_connections() {
    let listener = listen(Limits::default()).await;
    let mut idle = open(&listener).await;
    idle.write_all(b"GET /1 HTTP/1.1\r\n\r\n").await.expect("sent");
    let mut busy = open(&listener).await;
    busy.write_all(b"GET /slow HTTP/1.1\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(50)).await;
    listener.closing.cancel();
    let start = Instant::now();
    assert!(until_closed(&mut busy).await.0.ends_with("GET /slow 0;"));
    assert!(until_closed(&mut idle).await.0.ends_with("GET /1 0;"));
    listener.serving.await.expect("it ends");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn however_few_connections_there_are_a_caller_gets_one() {
    for connections in 1..40 {
        let limits = Limits::default().with_connections(connections);
        assert!((1..=connections).contains(&limits.per_address), "{limits:?}");
        assert!(limits.per_address + limits.reserved <= connections.max(1), "{limits:?}");
        assert!(is_served(&listen(limits).await).await < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn one_body_of_the_greatest_length_can_always_be_read() {
    let longest = 40 * 1024 * 1024;
    let listener = listen(Limits::default().with_body(longest)).await;
    let body = "x".repeat(longest);
    let words = format!("POST / HTTP/1.1\r\nContent-Length: {longest}\r\nConnection: close\r\n\r\n{body}");
    assert_eq!(status(&say_and_listen(&listener, &words).await), "200");
    let longer = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", longest + 1);
    assert_eq!(status(&say_and_listen(&listener, &longer).await), "413");
}
