//! What a driver says that is not a punch: device state, for people, metrics and the completeness ledger.

use punchgate_model::{DeviceTime, Span};

use crate::Malformed;

/// How far a conversation has come. Each stage implies those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The link is open.
    Reachable,
    /// The device accepted us, or we it.
    Authenticated,
    /// We know how many records the device holds.
    Counted,
    /// Its records were understood.
    Decoded,
    /// What it reported is on our disk.
    Stored,
    /// An upstream has it.
    Delivered,
}

impl Stage {
    /// The word in `status` and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Authenticated => "authenticated",
            Self::Counted => "counted",
            Self::Decoded => "decoded",
            Self::Stored => "stored",
            Self::Delivered => "delivered",
        }
    }
}

/// Something worth knowing that is no punch.
#[derive(Debug, Clone, PartialEq)]
pub enum Remark {
    /// A stage was reached.
    Reached(Stage),
    /// The device said who it is.
    Identity {
        /// Serial number.
        serial: String,
        /// Model, platform and firmware, as far as told.
        about: String,
    },
    /// The device's clock was read.
    Clock {
        /// What it showed.
        shows: DeviceTime,
        /// Request to answer; the reading belongs to the middle of it.
        round_trip: Span,
    },
    /// The device said how many records it holds.
    Log {
        /// Records it says it has.
        records: u64,
        /// Records it can hold, where known.
        capacity: Option<u64>,
    },
    /// The whole log was read and is reported next. Whether it is the log we know or another one, begun after a reset,
    /// is told by its rows; so this is said of logs that came whole, and of no others.
    LogRead {
        /// [`punchgate_model::Reading::row_mark`] of each row, in the device's order.
        rows: Vec<u64>,
    },
    /// A read of the whole log ended.
    Downloaded {
        /// Rows read.
        rows: u64,
        /// Records the device said it has after the read.
        records: u64,
        /// Whether the two agree, so that everything up to the start of the read is with us.
        complete: bool,
    },
    /// Something came that the protocol does not know.
    Garbled(Malformed),
    /// A message that is allowed but means nothing here.
    Unexpected(String),
    /// A device event that is no punch: tamper, alarm, door, low battery.
    Event {
        /// The protocol's own name for it.
        name: String,
        /// Its details.
        details: String,
    },
    /// Pictures, templates and the like that were thrown away before anything else saw them.
    Dropped {
        /// What it was.
        what: &'static str,
        /// How many bytes.
        bytes: usize,
    },
}
