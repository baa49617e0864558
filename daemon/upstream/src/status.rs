//! What an operator may see of a pump.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use punchgate_model::{Span, Timestamp};

use crate::refusal::Reason;

/// How an upstream is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent yet.
    Fresh,
    /// It takes what it is sent.
    Up {
        /// Since when.
        since: Timestamp,
    },
    /// It does not, for now.
    Down {
        /// Since when.
        since: Timestamp,
        /// What happened last.
        why: Reason,
        /// When it is tried again.
        again_at: Timestamp,
    },
    /// It will not until a person mends something; everything is kept, and tried slowly.
    Misconfigured {
        /// Since when.
        since: Timestamp,
        /// What to mend.
        why: Reason,
        /// When it is tried again.
        again_at: Timestamp,
    },
    /// The pump was told to stop.
    Stopped,
}

/// A pump's state and counters. Holds nobody's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How the upstream is doing.
    pub state: State,
    /// How many events wait.
    pub backlog: u64,
    /// When the oldest event the pump knows to wait was queued.
    pub oldest: Option<Timestamp>,
    /// Events delivered since the start.
    pub sent: u64,
    /// Events that went to the dead letters since the start.
    pub dead: u64,
    /// Attempts that ended in a refusal since the start.
    pub refusals: u64,
    /// When the upstream last took something.
    pub last_delivery: Option<Timestamp>,
    /// What went wrong last, even if it is mended, and when.
    pub last_error: Option<(Timestamp, Reason)>,
}

impl Status {
    /// Whether the upstream takes what it is sent, as far as is known.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Fresh | State::Up { .. })
    }

    /// How long the oldest event has been waiting.
    pub fn oldest_age(&self, now: Timestamp) -> Span {
        let waited = self.oldest.map_or(0, |oldest| now.since(oldest));
        Span::from_millis(u64::try_from(waited).unwrap_or(0))
    }
}

impl Default for Status {
    fn default() -> Self {
        Self {
            state: State::Fresh,
            backlog: 0,
            oldest: None,
            sent: 0,
            dead: 0,
            refusals: 0,
            last_delivery: None,
            last_error: None,
        }
    }
}

/// The status, shared between the pump that writes it and those who read it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<Mutex<Status>>);

impl Board {
    pub(crate) fn read(&self) -> Status {
        self.status().clone()
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A delivery succeeded.
    pub(crate) fn up(&self, now: Timestamp, sent: u64) {
        let mut status = self.status();
        status.sent += sent;
        status.last_delivery = Some(now);
        if !matches!(status.state, State::Up { .. }) {
            status.state = State::Up { since: now };
        }
    }

    /// A delivery failed. A fault keeps its beginning for as long as nothing succeeds.
    pub(crate) fn down(&self, now: Timestamp, again_at: Timestamp, why: Reason, misconfigured: bool) {
        let mut status = self.status();
        let since = match status.state {
            State::Down { since, .. } | State::Misconfigured { since, .. } => since,
            State::Fresh | State::Up { .. } | State::Stopped => now,
        };
        status.last_error = Some((now, why.clone()));
        status.state = if misconfigured {
            State::Misconfigured { since, why, again_at }
        } else {
            State::Down { since, why, again_at }
        };
    }
}
