//! Codec laws, one line for each protocol. They panic with a story when a law is broken; call them from tests.

use bytes::Bytes;

use crate::{Cut, Framer, Wire};

/// Every frame that a framer finds in `bytes`, however they arrive; panics when a law of [`Framer`] is broken.
///
/// `chunk` says how many bytes arrive at a time (at least 1).
///
/// # Panics
/// When a cut makes no progress, lies outside the bytes, or wants more than [`Framer::longest`].
pub fn frames(framer: &impl Framer, bytes: &[u8], chunk: usize) -> Vec<Bytes> {
    let mut found = Vec::new();
    let mut buffer: Vec<u8> = Vec::new();
    for piece in bytes.chunks(chunk.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match framer.cut(&buffer) {
                Cut::More => break,
                Cut::Junk { skip, why } => {
                    assert!(
                        skip > 0 && skip <= buffer.len(),
                        "junk of {skip} in {} bytes: {why}",
                        buffer.len()
                    );
                    buffer.drain(..skip);
                }
                Cut::Frame { take, body } => {
                    assert!(
                        take > 0 && take <= buffer.len(),
                        "a frame of {take} in {} bytes",
                        buffer.len()
                    );
                    let body = buffer
                        .get(body.clone())
                        .unwrap_or_else(|| panic!("the body {body:?} lies outside"));
                    found.push(Bytes::copy_from_slice(body));
                    buffer.drain(..take);
                }
            }
        }
        assert!(
            buffer.len() <= framer.longest(),
            "{} bytes wait, the longest frame is {}",
            buffer.len(),
            framer.longest()
        );
    }
    found
}

/// Any chunking gives the same frames.
///
/// # Panics
/// When it does not.
pub fn any_chunking_gives_the_same_frames(framer: &impl Framer, bytes: &[u8]) {
    let whole = frames(framer, bytes, bytes.len().max(1));
    for chunk in [1, 2, 3, 5, 7, 16, 61, 1024] {
        assert_eq!(frames(framer, bytes, chunk), whole, "in chunks of {chunk}");
    }
}

/// What a framer wraps it cuts again, also with the same frame following.
///
/// # Panics
/// When it does not.
pub fn wrapping_then_cutting_is_identity(framer: &impl Framer, body: &[u8]) {
    let mut twice = framer.wrap(body);
    twice.extend(framer.wrap(body));
    assert_eq!(
        frames(framer, &twice, twice.len()),
        [Bytes::copy_from_slice(body), Bytes::copy_from_slice(body)]
    );
}

/// Rendering then parsing gives the same message.
///
/// # Panics
/// When it does not.
pub fn rendering_then_parsing_is_identity<W: Wire + PartialEq>(message: &W) {
    let raw = message.render();
    let parsed = W::parse(&raw).unwrap_or_else(|why| panic!("{message:?} does not parse again: {why}"));
    assert_eq!(&parsed, message);
}

/// Any bytes either parse or are malformed; what parses can be described and rendered.
pub fn any_bytes_are_survived<W: Wire<Raw = Bytes>>(bytes: &[u8]) {
    if let Ok(message) = W::parse(&Bytes::copy_from_slice(bytes)) {
        let _ = message.describe();
        let _ = message.render();
    }
}

/// Every prefix of a message either parses or is malformed, and never panics.
pub fn any_truncation_is_survived<W: Wire<Raw = Bytes>>(bytes: &[u8]) {
    for end in 0..=bytes.len() {
        any_bytes_are_survived::<W>(bytes.get(..end).unwrap_or_default());
    }
}
