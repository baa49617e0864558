//! Refuses what two HTTP parsers could read differently, before the parser sees it (RFC 9112 sections 2.2, 6.1, 11.2).
//!
//! httparse takes a bare line feed for the end of a line, and hyper lets `Transfer-Encoding` win over
//! `Content-Length`. Behind a reverse proxy that decides otherwise this is request smuggling. The guard follows heads
//! and sized bodies through the stream, and spoils the end of an offending line with a zero byte: the parser then
//! answers 400 and closes, as for any other broken head. After a chunked head it looks at nothing any more, because
//! such a request is made the last of its connection: whatever follows is never read as a request.

/// The part of a line that is kept while its end has not come.
const KEPT: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Head,
    /// In a body, with so many bytes to come.
    Body(u64),
    /// In the last request of the connection, or behind a spoilt line.
    Last,
}

/// Follows one connection's bytes from the caller.
#[derive(Debug, Default)]
pub(super) struct HeadGuard {
    place: Place,
    /// The start of a line whose end has not come.
    begun: Vec<u8>,
    begun_ends_with_cr: bool,
    lines: usize,
    length: Option<u64>,
    chunked: bool,
}

impl HeadGuard {
    /// Looks at the next bytes, and spoils the end of the first line that is not allowed.
    pub(super) fn feed(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            match self.place {
                Place::Last => return,
                Place::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let left = left - here as u64;
                    self.place = if left == 0 { Place::Head } else { Place::Body(left) };
                    bytes = bytes.split_at_mut(here).1;
                }
                Place::Head => {
                    let Some(end) = memchr::memchr(b'\n', bytes) else {
                        self.keep(bytes);
                        return;
                    };
                    let (line, rest) = bytes.split_at_mut(end + 1);
                    if self.line(line).is_none() {
                        if let Some(last) = line.last_mut() {
                            *last = 0;
                        }
                        self.place = Place::Last;
                    }
                    bytes = rest;
                }
            }
        }
    }

    /// Whether no request may follow the one in hand on this connection.
    pub(super) fn is_last(&self) -> bool {
        self.place == Place::Last
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.begun.len());
        self.begun.extend(bytes.iter().take(room));
        self.begun_ends_with_cr = bytes.last() == Some(&b'\r');
    }

    /// Judges a line that ends with a line feed; `None` when it is not allowed.
    fn line(&mut self, line: &[u8]) -> Option<()> {
        if self.begun.is_empty() {
            return self.judge(line.strip_suffix(b"\r\n")?);
        }
        let ends_with_cr = match line {
            [b'\n'] => self.begun_ends_with_cr,
            _ => line.ends_with(b"\r\n"),
        };
        let mut whole = std::mem::take(&mut self.begun);
        let room = KEPT.saturating_sub(whole.len());
        whole.extend(line.iter().take(room));
        ends_with_cr.then_some(())?;
        let content = whole
            .iter()
            .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(0, |at| at + 1);
        self.judge(whole.get(..content)?)
    }

    fn judge(&mut self, line: &[u8]) -> Option<()> {
        match line.first() {
            // Empty lines before a request are skipped by every parser.
            None if self.lines == 0 => return Some(()),
            None => return self.end_of_head(),
            // A folded line: what it belongs to depends on the parser.
            Some(b' ' | b'\t') => return None,
            Some(_) => self.lines += 1,
        }
        if let Some(value) = value_of(line, b"content-length") {
            let fresh = self.length.replace(digits(value)?).is_none();
            return (fresh && !self.chunked).then_some(());
        }
        if let Some(value) = value_of(line, b"transfer-encoding") {
            let fresh = !std::mem::replace(&mut self.chunked, true);
            return (fresh && self.length.is_none() && value.eq_ignore_ascii_case(b"chunked")).then_some(());
        }
        Some(())
    }

    fn end_of_head(&mut self) -> Option<()> {
        self.place = match (self.chunked, self.length) {
            (true, _) => Place::Last,
            (false, None | Some(0)) => Place::Head,
            (false, Some(length)) => Place::Body(length),
        };
        self.lines = 0;
        self.length = None;
        self.chunked = false;
        Some(())
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn digits(value: &[u8]) -> Option<u64> {
    let all_digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| all_digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the parser gets to see, with the bytes arriving in pieces of this size.
    fn seen(text: &str, piece: usize) -> Vec<u8> {
        let mut guard = HeadGuard::default();
        let mut bytes = text.as_bytes().to_vec();
        bytes.chunks_mut(piece).for_each(|piece| guard.feed(piece));
        bytes
    }

    fn is_spoilt(text: &str) -> bool {
        let whole = seen(text, text.len());
        for piece in 1..text.len() {
            assert_eq!(seen(text, piece), whole, "in pieces of {piece}");
        }
        whole != text.as_bytes()
    }

    #[test]
    fn a_plain_request_passes_untouched() {
        assert!(!is_spoilt(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{\n\n\n}\r\nGET / HTTP/1.1\r\n\r\n"
        ));
        assert!(!is_spoilt(
            "\r\nPOST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n1\nx"
        ));
        assert!(!is_spoilt("GET / HTTP/1.1\r\nContent-Length-Of-Mine: x\r\n\r\n"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_spoilt() {
        for head in [
            "Host: x\nFoo: y\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999999\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Foo: x\r\n folded: y\r\n",
        ] {
            assert!(is_spoilt(&format!("POST / HTTP/1.1\r\n{head}\r\n")), "{head:?}");
        }
        assert!(is_spoilt("GET / HTTP/1.1\r\n\n"));
        assert!(is_spoilt("GET / HTTP/1.1\n\n"));
    }

    #[test]
    fn a_request_behind_a_body_is_guarded_too() {
        assert!(is_spoilt(
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\nHost: x\r\n\r\n"
        ));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "(GET|Content-Length: [0-9]{1,2}|Transfer-Encoding: chunked|[a-z\r\n :]{0,9}|\r\n|\n){0,12}", piece in 1usize..9) {
            prop_assert_eq!(seen(&text, piece), seen(&text, text.len().max(1)));
        }
    }
}
