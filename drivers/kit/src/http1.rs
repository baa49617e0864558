//! HTTP requests as text in a file: for `punchgate decode`, captures and tests. Pure.
//!
//! Reads what a person pastes, so a bare line feed ends a line here. The listener that faces devices is strict and lives
//! in the transports.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};

use crate::Malformed;

/// The most headers one request may have, beside its length.
const MOST_HEADERS: usize = 100;

/// Reads one request: head and body. Without a length, everything after the head is the body; with
/// `Content-Length`, what follows the body is not looked at.
///
/// # Errors
/// [`Malformed`] with the offset of the line, or of the place in the body, that is not HTTP/1.
pub fn request_from_bytes(bytes: &[u8]) -> Result<Request<Bytes>, Malformed> {
    let mut room = [httparse::EMPTY_HEADER; MOST_HEADERS + 1];
    let mut head = httparse::Request::new(&mut room);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => {
            return Err(Malformed::within(
                bytes,
                bytes.len(),
                "the empty line that ends the head",
            ));
        }
        Err(_) => {
            return Err(Malformed::within(
                bytes,
                offending_line(bytes),
                "a line of an HTTP/1 head",
            ));
        }
    };
    let at_start = |wanted: &'static str| Malformed::within(bytes, 0, wanted);
    let method = Method::from_bytes(head.method.unwrap_or_default().as_bytes()).map_err(|_| at_start("a method"))?;
    let uri: Uri = head
        .path
        .unwrap_or_default()
        .parse()
        .map_err(|_| at_start("a request target"))?;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| at_start("a header name"))?;
        let value = HeaderValue::from_bytes(header.value).map_err(|_| at_start("a header value"))?;
        request.headers_mut().append(name, value);
    }
    let sizes = request.headers().get_all(header::CONTENT_LENGTH).iter().count();
    if request.headers().len().saturating_sub(sizes) > MOST_HEADERS {
        return Err(Malformed::within(bytes, length, "at most 100 headers"));
    }
    let after = bytes.get(length..).unwrap_or_default();
    *request.body_mut() = body(&request, after).map_err(|mut why| {
        why.at += length;
        why
    })?;
    Ok(request)
}

/// Writes one request: head and body. `Content-Length` is added where there is a body and no length yet.
pub fn request_to_bytes(request: &Request<Bytes>) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let sized = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    if !request.body().is_empty() && !sized.iter().any(|name| request.headers().contains_key(name)) {
        out.extend_from_slice(format!("content-length: {}\r\n", request.body().len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(request.body());
    out
}

fn body(request: &Request<Bytes>, after: &[u8]) -> Result<Bytes, Malformed> {
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        return unchunked(after);
    }
    let Some(length) = request.headers().get(header::CONTENT_LENGTH) else {
        return Ok(Bytes::copy_from_slice(after));
    };
    let length: usize = length
        .to_str()
        .ok()
        .and_then(|digits| digits.trim().parse().ok())
        .ok_or_else(|| Malformed::new(0, "a Content-Length in digits", length.as_bytes()))?;
    let whole = after.get(..length);
    whole
        .map(Bytes::copy_from_slice)
        .ok_or_else(|| Malformed::within(after, after.len(), format!("a body of {length} bytes")))
}

/// Takes a chunked body apart (RFC 9112 section 7.1); trailers are not looked at.
fn unchunked(after: &[u8]) -> Result<Bytes, Malformed> {
    let mut whole = Vec::new();
    let mut at = 0;
    loop {
        let rest = after.get(at..).unwrap_or_default();
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(rest) else {
            return Err(Malformed::within(after, at, "a chunk size"));
        };
        if size == 0 {
            return Ok(whole.into());
        }
        let end = usize::try_from(size).ok().and_then(|size| line.checked_add(size));
        let chunk = end.and_then(|end| rest.get(line..end));
        let Some(chunk) = chunk else {
            return Err(Malformed::within(after, at, format!("a chunk of {size} bytes")));
        };
        whole.extend_from_slice(chunk);
        at += line + chunk.len();
        let rest = after.get(at..).unwrap_or_default();
        let ends = [b"\r\n".as_slice(), b"\n"];
        let Some(end) = ends.iter().find(|end| rest.starts_with(end)) else {
            return Err(Malformed::within(after, at, "the end of a line"));
        };
        at += end.len();
    }
}

/// Where the first line starts that makes the head unreadable.
fn offending_line(bytes: &[u8]) -> usize {
    let ends = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    let mut start = 0;
    for end in ends {
        let mut room = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut head = httparse::Request::new(&mut room);
        if head.parse(bytes.get(..end).unwrap_or_default()).is_err() {
            break;
        }
        start = end;
    }
    start.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_request_reads_as_head_and_body() {
        let text = "POST /a?b=1 HTTP/1.1\nHost: x\nContent-Length: 2\n\nhi and an editor's newline\n";
        let request = request_from_bytes(text.as_bytes()).expect("a request");
        assert_eq!(request.uri(), "/a?b=1");
        assert_eq!(request.body().as_ref(), b"hi");
        let again = request_from_bytes(&request_to_bytes(&request)).expect("it reads back");
        assert_eq!(again.body(), request.body());
        assert_eq!(again.headers(), request.headers());
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let text = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(request_from_bytes(text).expect("a request").body().as_ref(), b"abcde");
    }

    #[test]
    fn a_bad_line_is_named_by_its_offset() {
        let why = request_from_bytes(b"GET / HTTP/1.1\r\nHost: x\r\nbad line\r\n\r\n").expect_err("not HTTP");
        assert_eq!(why.at, 25);
    }

    #[test]
    fn every_truncation_is_survived() {
        let text = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nffffffffffffffff\r\n";
        for end in 0..=text.len() {
            let _ = request_from_bytes(text.get(..end).unwrap_or_default());
        }
    }
}
