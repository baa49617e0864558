//! Spans of time as an operator writes them: a number and a unit, `"250ms"`, `"30s"`, `"15m"`, `"1h"`, `"35d"`.
//!
//! For a field of a driver's options: `#[serde(with = "punchgate_kit::span")]`. A bare number is refused, because nobody
//! remembers whether it was seconds or milliseconds.

use std::borrow::Cow;

use punchgate_model::Span;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// The units, and how many milliseconds each has; longer names first.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads a span; `None` when it is not a whole number followed by one of `ms s m h d`.
pub fn parse(text: &str) -> Option<Span> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*millis).map(Span::from_millis)
}

/// Writes a span in the largest unit that takes a whole number; what is below a millisecond is dropped.
pub fn render(span: Span) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let whole = UNITS.iter().rev().find(|(_, unit)| millis > 0 && millis % unit == 0);
    whole.map_or_else(|| "0s".to_owned(), |(name, unit)| format!("{}{name}", millis / unit))
}

/// For `#[serde(with)]`.
///
/// # Errors
/// When the value is not a text that [`parse`] reads.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    parse(text.trim()).ok_or_else(|| {
        D::Error::custom(format!(
            "{text:?} is no span; write a number and a unit, like 30s or 1h"
        ))
    })
}

/// For `#[serde(with)]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&render(*span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_carry_their_unit() {
        let cases = [
            ("250ms", 250),
            ("30s", 30_000),
            ("15m", 900_000),
            ("1h", 3_600_000),
            ("35d", 3_024_000_000),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text), Some(Span::from_millis(millis)), "{text}");
            assert_eq!(render(Span::from_millis(millis)), text);
        }
        assert_eq!(parse("5 min"), None);
        assert_eq!(render(Span::ZERO), "0s");
    }

    #[test]
    fn a_span_without_a_unit_is_refused() {
        for text in [
            "",
            "30",
            "s",
            "-5s",
            "1.5h",
            "99999999999999999999s",
            "9999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
