//! Captured conversations as plain text, so that a diff of one is reviewable.
//!
//! ```text
//! device: maker, model, firmware
//! origin: real | vendor-doc | public | made
//! story:  one fingerprint punch pushed in real time
//! > 00.000  50 50 82 7d     # record
//! < 00.031  50 50 82 7d     # ack
//! ```
//!
//! `>` is device to us, `<` is us to device; a line without a mark is device to us. The time is optional, hex digits may
//! be grouped as one likes, and `#` starts a comment. Bare hex lines without a header are a capture too.

use std::collections::BTreeMap;

use thiserror::Error;

/// Who sent a line of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The device.
    Device,
    /// The gateway.
    Gateway,
}

/// One line of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line number in the file, from 1.
    pub number: usize,
    /// Who sent it.
    pub from: From,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A captured conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capture {
    /// `device`, `origin`, `story` and whatever else stands at the head.
    pub header: BTreeMap<String, String>,
    /// The conversation.
    pub lines: Vec<Line>,
}

/// A line that is neither header nor hex.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: wanted {wanted}, got {got:?}")]
pub struct CaptureError {
    /// Line number, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What was wanted there.
    pub wanted: &'static str,
    /// What was there.
    pub got: String,
}

impl Capture {
    /// Reads a capture. Lines that cannot be read are reported; the others still count.
    pub fn parse(text: &str) -> (Self, Vec<CaptureError>) {
        let mut capture = Self::default();
        let mut errors = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default().trim_end();
            if content.trim().is_empty() {
                continue;
            }
            if let Some((key, value)) = header(content) {
                capture.header.insert(key.to_owned(), value.to_owned());
                continue;
            }
            match bytes_of(index + 1, content) {
                Ok(line) => capture.lines.push(line),
                Err(error) => errors.push(error),
            }
        }
        (capture, errors)
    }
}

/// `key: value`, where the key is a word.
fn header(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(':')?;
    let word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    word.then(|| (key, value.trim()))
}

fn bytes_of(number: usize, content: &str) -> Result<Line, CaptureError> {
    let (from, rest) = match content.trim_start().strip_prefix('>') {
        Some(rest) => (From::Device, rest),
        None => match content.trim_start().strip_prefix('<') {
            Some(rest) => (From::Gateway, rest),
            None => (From::Device, content),
        },
    };
    let rest = without_time(rest.trim_start());
    let offset = content.chars().count() - rest.chars().count();
    let mut digits = Vec::new();
    for (place, c) in rest.chars().enumerate().filter(|(_, c)| !c.is_whitespace()) {
        let error = || CaptureError {
            line: number,
            column: offset + place + 1,
            wanted: "a hex digit",
            got: c.to_string(),
        };
        digits.push(c.to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or_else(error)?);
    }
    if digits.len() % 2 != 0 {
        let column = content.chars().count();
        return Err(CaptureError {
            line: number,
            column,
            wanted: "an even number of hex digits",
            got: digits.len().to_string(),
        });
    }
    let bytes = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d))
        .collect();
    Ok(Line { number, from, bytes })
}

/// Takes away a leading time like `00.031`: digits with one point.
fn without_time(rest: &str) -> &str {
    match rest.split_once(char::is_whitespace) {
        Some((first, after)) if first.contains('.') && first.chars().all(|c| c.is_ascii_digit() || c == '.') => {
            after.trim_start()
        }
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_reads_as_header_and_lines() {
        let text =
            "device: ACME, T1, 1.0\norigin: made\nstory:  a punch\n> 00.000  50 50 827d # record\n< 00.031 06\n15\n";
        let (capture, errors) = Capture::parse(text);
        assert_eq!(errors, []);
        assert_eq!(capture.header.get("origin").map(String::as_str), Some("made"));
        let said: Vec<_> = capture.lines.iter().map(|l| (l.from, l.bytes.clone())).collect();
        assert_eq!(
            said,
            [
                (From::Device, vec![0x50, 0x50, 0x82, 0x7d]),
                (From::Gateway, vec![6]),
                (From::Device, vec![0x15])
            ]
        );
    }

    #[test]
    fn a_bad_line_is_named_and_the_rest_still_counts() {
        let (capture, errors) = Capture::parse("> 50 5x\n> 06\n> 123\n");
        assert_eq!(capture.lines.len(), 1);
        assert_eq!(errors.len(), 2);
        assert_eq!(errors.first().map(|e| (e.line, e.column)), Some((1, 7)));
    }
}
