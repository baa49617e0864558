//! What an operator may set for a terminal.

use std::fmt;

use punchgate_kit::{Secret, span};
use punchgate_model::Span;
use serde::{Deserialize, Deserializer, de};

use crate::verify::VerifyTable;

/// The options of one terminal; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The "Comm Key" of the terminal's menu; without it, 0 is shown to a terminal that asks.
    pub comm_key: Option<CommKey>,
    /// Whether to take events as they come. Without, punches arrive with the next poll.
    pub live: bool,
    /// How often clock and counts are read; also the keep-alive. At least a second.
    #[serde(with = "span")]
    pub poll: Span,
    /// How often the whole log is read although the counts say that nothing was missed.
    #[serde(with = "span")]
    pub full_read_every: Span,
    /// How long an answer may take. A question without an answer is asked once more. At least 100 ms.
    #[serde(with = "span")]
    pub patience: Span,
    /// Which meaning the verify types below 5 have.
    pub verify_table: VerifyTable,
    /// What the punch state says about the direction.
    pub direction: Option<StateMeans>,
    /// Whether packets with a wrong checksum are thrown away instead of being remarked on.
    pub strict_checksum: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            comm_key: None,
            live: true,
            poll: Span::from_secs(30),
            full_read_every: Span::from_secs(3600),
            patience: Span::from_secs(5),
            verify_table: VerifyTable::Auto,
            direction: None,
            strict_checksum: false,
        }
    }
}

/// What the punch state says about the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateMeans {
    /// The direction that people chose by function key: 0, 3, 4 in; 1, 2, 5 out.
    State,
    /// Nothing, as at the many sites where nobody presses a function key. What the driver does unless told otherwise.
    Ignore,
}

/// A comm key: 0 to 999999. Never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct CommKey(Secret);

impl CommKey {
    /// Reads a key of 1 to 6 decimal digits; white space around it, as at the end of a file, is passed over.
    pub fn new(text: &str) -> Option<Self> {
        let digits = text.trim();
        let right = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        right.then(|| Self(Secret::new(digits)))
    }

    /// The number.
    pub fn number(&self) -> u32 {
        self.0.reveal().parse().unwrap_or_default()
    }
}

impl fmt::Debug for CommKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for CommKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // What was there is not repeated: it may be most of a key.
        Self::new(&text).ok_or_else(|| de::Error::custom("a comm key has 1 to 6 decimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn nothing_set_means_the_defaults() {
        assert_eq!(from_value::<Options>(json!({})).expect("options"), Options::default());
    }

    #[test]
    fn everything_can_be_set() {
        let options: Options = from_value(json!({
            "comm_key": "2468\n", "live": false, "poll": "10s", "full_read_every": "6h", "patience": "800ms",
            "verify_table": "old", "direction": "state", "strict_checksum": true
        }))
        .expect("options");
        assert_eq!(options.comm_key.map(|key| key.number()), Some(2468));
        assert_eq!(options.full_read_every, Span::from_secs(6 * 3600));
        assert_eq!(options.direction, Some(StateMeans::State));
    }

    #[test]
    fn an_unknown_option_is_refused() {
        let error = from_value::<Options>(json!({"comkey": "1"})).expect_err("no such option");
        assert!(error.to_string().contains("comkey"), "{error}");
    }

    #[test]
    fn a_comm_key_has_digits_only_and_never_prints() {
        for text in ["", "1234567", "12a4", "-1"] {
            let error = from_value::<Options>(json!({"comm_key": text})).expect_err("no key");
            assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
        }
        let key = CommKey::new("002468").expect("a key");
        assert_eq!(format!("{key:?}"), "<secret>");
        assert_eq!(key.number(), 2468);
    }
}
