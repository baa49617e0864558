//! The loop between a byte stream and a conversation, on an in-memory link.

use bytes::Bytes;
use punchgate_kit::{Clock, Cut, Described, Framer, Malformed, Session, Turn, Wire};
use punchgate_transports::{Orders, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_util::sync::CancellationToken;

/// Lines that end with a newline.
struct Lines;

impl Framer for Lines {
    fn longest(&self) -> usize {
        64
    }

    fn cut(&self, bytes: &[u8]) -> Cut {
        match bytes.iter().take(64).position(|b| *b == b'\n') {
            Some(end) => Cut::Frame {
                take: end + 1,
                body: 0..end,
            },
            None if bytes.len() >= 64 => Cut::Junk {
                skip: 64,
                why: Malformed::new(64, "a newline", bytes),
            },
            None => Cut::More,
        }
    }

    fn wrap(&self, body: &[u8]) -> Vec<u8> {
        [body, b"\n"].concat()
    }
}

#[derive(Debug, PartialEq)]
struct Word(String);

impl Wire for Word {
    type Raw = Bytes;

    fn parse(raw: &Bytes) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(raw).map_err(|_| Malformed::new(0, "text", raw))?;
        Ok(Self(text.to_owned()))
    }

    fn render(&self) -> Bytes {
        self.0.clone().into()
    }

    fn describe(&self) -> Described {
        Described::new("word")
    }
}

fn session() -> (Session<Word, Word>, punchgate_kit::Heard<Word, Word>) {
    Session::with("a peer", Clock::from_fn(Default::default))
}

async fn heard(session: &mut Session<Word, Word>) -> String {
    match session.hear().await {
        Ok(Turn::Message(word)) => word.0,
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_the_link_closed_is_heard_before_the_closing() {
    let (ours, mut theirs) = duplex(1024);
    let (mut session, ends) = session();
    let carrying =
        tokio::spawn(async move { stream::carry(ours, &Lines, ends, Orders::closing(CancellationToken::new())).await });
    theirs
        .write_all(b"one\ntwo\nthree\nfour\nfive\nsix\n")
        .await
        .expect("written");
    drop(theirs);
    for word in ["one", "two", "three", "four", "five", "six"] {
        assert_eq!(heard(&mut session).await, word);
    }
    assert!(session.hear().await.is_err());
    assert!(matches!(carrying.await, Ok(stream::Ended::HungUp(None))));
}

#[tokio::test(start_paused = true)]
async fn the_last_words_of_a_conversation_reach_the_device() {
    let (ours, mut theirs) = duplex(1024);
    let (mut session, ends) = session();
    let talking = async move {
        session.say(Word("good".into())).await.expect("said");
        session.say(Word("bye".into())).await.expect("said");
    };
    tokio::join!(
        talking,
        stream::carry(ours, &Lines, ends, Orders::closing(CancellationToken::new()))
    );
    let mut all = String::new();
    theirs.read_to_string(&mut all).await.expect("read to the end");
    assert_eq!(all, "good\nbye\n");
}

#[tokio::test(start_paused = true)]
async fn noise_is_told_once_and_the_next_frame_is_read() {
    let (ours, mut theirs) = duplex(4096);
    let (mut session, ends) = session();
    tokio::spawn(async move { stream::carry(ours, &Lines, ends, Orders::closing(CancellationToken::new())).await });
    theirs.write_all(&[b'x'; 128]).await.expect("written");
    theirs.write_all(b"word\n").await.expect("written");
    assert!(heard(&mut session).await.starts_with("Ok(Garbled"));
    assert_eq!(heard(&mut session).await, "word");
}

#[tokio::test(start_paused = true)]
async fn a_closing_gateway_is_heard_while_the_device_is_silent() {
    let (ours, _theirs) = duplex(64);
    let (mut session, ends) = session();
    let closing = CancellationToken::new();
    let orders = Orders::closing(closing.clone());
    tokio::spawn(async move { stream::carry(ours, &Lines, ends, orders).await });
    closing.cancel();
    assert!(matches!(session.hear().await, Ok(Turn::Closing)));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_talks_faster_than_we_listen_is_held_back_by_its_link() {
    let (ours, mut theirs) = duplex(256);
    let (mut session, ends) = session();
    tokio::spawn(async move { stream::carry(ours, &Lines, ends, Orders::closing(CancellationToken::new())).await });
    let flood = tokio::spawn(async move {
        for n in 0..20_000_u32 {
            theirs.write_all(format!("{n}\n").as_bytes()).await.expect("written");
        }
    });
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert!(!flood.is_finished(), "the link must fill up while nobody listens");
    for n in 0..20_000_u32 {
        assert_eq!(heard(&mut session).await, n.to_string());
    }
}
