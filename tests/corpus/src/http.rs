//! HTTP requests: as text in a file, and as posts of punches.

use http::header;
use punchgate_http_ingest::{HttpIngest, Options, Post};
use punchgate_kit::{Driver, Reader, Secret, Wire, http1 as text, laws};

/// A request as text: what is read, written and read again is the same request; a fault lies within the bytes.
///
/// # Panics
/// When a law is broken.
pub fn http1(bytes: &[u8]) {
    let request = match text::request_from_bytes(bytes) {
        Ok(request) => request,
        Err(why) => return assert!(why.at <= bytes.len(), "a fault at {} of {} bytes", why.at, bytes.len()),
    };
    assert!(request.body().len() <= bytes.len(), "a body out of nothing");
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        // The body is held whole, the header still says chunks.
        return;
    }
    let written = text::request_to_bytes(&request);
    let again = text::request_from_bytes(&written).expect("what was written reads again");
    assert_eq!(again.method(), request.method());
    assert_eq!(again.uri(), request.uri());
    assert_eq!(again.body(), request.body());
    for name in request.headers().keys() {
        let values = |request: &http::Request<bytes::Bytes>| {
            let all = request.headers().get_all(name).iter();
            all.map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(values(&again), values(&request), "{name}");
    }
}

/// A request as text, read as a post of punches: it renders to an equal post, and every item is a reading or a complaint.
///
/// # Panics
/// When a law is broken.
pub fn ingest(bytes: &[u8]) {
    let Ok(request) = text::request_from_bytes(bytes) else {
        return;
    };
    let Ok(post) = Post::parse(&request) else { return };
    laws::rendering_then_parsing_is_identity(&post);
    post.describe();
    assert!(post.items().len() <= post.count(), "more items than were counted");
    let mut reader = HttpIngest::reader(&Options::with_token(Secret::new("example-token")));
    assert_eq!(
        reader.hear(&post).len(),
        post.items().len(),
        "an item without an answer"
    );
}
