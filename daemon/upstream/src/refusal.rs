//! How a delivery ends: [`Delivered`], or a [`Refusal`] that knows what to do about it.

use std::fmt;

use punchgate_model::Span;

/// What an upstream or the network said, in one line for an operator. Control characters are spelled out and the
/// length is capped, for it quotes strangers.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The longest reason, in characters.
    pub const LONGEST: usize = 300;

    /// Makes a reason of any text.
    pub fn new(text: impl AsRef<str>) -> Self {
        let mut said = String::new();
        for c in text.as_ref().trim().chars().take(Self::LONGEST) {
            if c.is_control() {
                said.extend(c.escape_default());
            } else {
                said.push(c);
            }
        }
        Self(said)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The upstream has the batch. To the cursor this is what `Stored` is to a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Delivered {
    /// The events of the batch it took note of and will never accept.
    pub refused: Vec<Refused>,
}

/// One event an upstream will never accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// What the upstream said.
    pub why: Reason,
}

/// Why an upstream does not have the batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It asked for patience, or failed on its side.
    #[error("deliver: the upstream is busy: {why}")]
    Busy {
        /// How long it asked to wait, clamped to [1 s, 15 min]; `None` if it did not say.
        again_in: Option<Span>,
        /// What it said.
        why: Reason,
    },
    /// It cannot be reached, or what answered was not it.
    #[error("deliver: {why}")]
    Down {
        /// What happened.
        why: Reason,
    },
    /// It did not answer in time. The link may be too slow for so much: the next batch is smaller.
    #[error("deliver: {why}")]
    TimedOut {
        /// What was waited for.
        why: Reason,
    },
    /// So much at once it does not take.
    #[error("deliver: the batch is too large: {why}")]
    TooLarge {
        /// What it said.
        why: Reason,
    },
    /// Something in the batch will never be accepted, and it did not say what.
    #[error("deliver: something in the batch is not acceptable: {why}")]
    Poison {
        /// It may be the address that is wrong and not the event (404, 410).
        nobody_there: bool,
        /// What it said.
        why: Reason,
    },
    /// Only a person can mend it: everything is kept, and tried again slowly.
    #[error("deliver: the configuration does not fit the upstream: {why}")]
    Misconfigured {
        /// What to mend.
        why: Reason,
    },
}

impl Refusal {
    /// What happened, without the advice.
    pub fn why(&self) -> &Reason {
        match self {
            Self::Busy { why, .. }
            | Self::Down { why }
            | Self::TimedOut { why }
            | Self::TooLarge { why }
            | Self::Poison { why, .. }
            | Self::Misconfigured { why } => why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_cannot_paint_the_terminal_or_fill_it() {
        assert_eq!(
            Reason::new("a\u{1b}[31mred\r\nline").as_str(),
            "a\\u{1b}[31mred\\r\\nline"
        );
        assert_eq!(Reason::new("x".repeat(5_000)).as_str().len(), Reason::LONGEST);
    }
}
