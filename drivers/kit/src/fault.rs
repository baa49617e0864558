//! Why a conversation ended before its time, and what helps.

use punchgate_model::Span;
use thiserror::Error;

use crate::{LinkGone, Malformed, NotStored, Unheard};

/// Why a conversation ended. The fault knows whether waiting helps; callers do not guess.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// Nobody could be reached.
    #[error("failed to reach {peer}: {why}")]
    Unreachable {
        /// The address or port.
        peer: String,
        /// What the operating system said.
        why: String,
    },
    /// Nothing was heard, or the link closed.
    #[error(transparent)]
    Unheard(#[from] Unheard),
    /// The device answered something its protocol does not allow here.
    #[error("failed to understand the device: {0}")]
    Confused(#[from] Malformed),
    /// The device said no to something that may work later.
    #[error("the device refused {what}: {why}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// What it answered.
        why: String,
    },
    /// The gateway could not store what the device reported.
    #[error("failed to store readings: {0}")]
    NotStored(#[from] NotStored),
    /// Waiting does not heal this: a person must change something.
    #[error("{what}; {mend}")]
    NeedsPerson {
        /// A stable word for the catalogue of messages, for example `wrong-comm-key`.
        code: &'static str,
        /// What is wrong.
        what: String,
        /// What to change, and where.
        mend: String,
    },
}

/// What helps against a [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Try again with the usual backoff.
    Again,
    /// Try again, but not before this time has passed.
    AgainIn(Span),
    /// Stop until a person has changed something.
    Park,
}

impl Fault {
    /// What helps.
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::NeedsPerson { .. } => Recovery::Park,
            _ => Recovery::Again,
        }
    }
}

impl From<LinkGone> for Fault {
    fn from(gone: LinkGone) -> Self {
        Self::Unheard(gone.into())
    }
}
