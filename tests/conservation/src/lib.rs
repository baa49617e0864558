//! What must hold of any run of any gateway: nothing acknowledged is lost, nothing is made up, nothing is said twice in
//! different words, and what is said of the whole follows from the punches alone.
//!
//! ```text
//! devices ── issue, acknowledge ──▶ ┌────────┐ ◀── receive (the bytes) ── upstream
//!                                   │ Ledger │ ──▶ violations
//!                                   └────────┘
//! ```
//!
//! Shares no code with the gateway: it reads the JSON that left, as an upstream would, and has its verdicts from
//! `punchgate-oracle`. Naive and slow where that makes it plain. Deliberately absent: any idea of how the gateway works,
//! but for the two numbers it publishes, `sequence` and `revision`.

#![forbid(unsafe_code)]

mod cause;
mod event;
mod ledger;
mod reference;

pub use event::{Event, Kind, NoEvent};
pub use ledger::{Issued, Ledger};
pub use reference::Policy;

use std::fmt;

/// A law that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// What was acknowledged is delivered.
    AcknowledgedIsDelivered,
    /// What is delivered was issued.
    DeliveredWasIssued,
    /// One punch has one id.
    OneIdForOnePunch,
    /// A punch arrives as the device said it.
    PayloadsAreEqual,
    /// An id and a revision have one content, however often they are sent.
    OneContentForOneRevision,
    /// Revisions of an id come in order and leave none out.
    RevisionsIncrease,
    /// A revision says something else than the one before.
    RevisionsDiffer,
    /// A verdict changes only with punches of its own group.
    OnlyTheGroupChanges,
    /// The records are those of the reference.
    RecordsEqualTheReference,
    /// The verdicts are those of the reference.
    VerdictsEqualTheReference,
    /// Once the faults have ended, a fresh punch arrives in time.
    LiveAfterFaults,
    /// What left the gateway is what an upstream can read.
    EventsAreReadable,
}

/// A law that was broken, and by what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// By what.
    pub what: String,
}

impl Violation {
    /// A violation.
    pub fn of(law: Law, what: impl Into<String>) -> Self {
        Self { law, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.what)
    }
}
