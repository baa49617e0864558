//! What the daemon writes into its journal: everything that happened, one entry per fact.
//!
//! Payload version 1 is JSON with one key that names the kind: `{"reading":{…}}`. Promises: an entry reads back
//! equal; fields added later default when absent; a kind this program does not know is kept whole as
//! [`Entry::Unknown`] and written again unchanged; `Debug` never shows a credential. Decisions are a fold over these
//! entries in their order, so every fact that influences one is here, timers included.

use std::fmt;

use punchgate_model::{DeviceName, Reading, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::{Payload, Seq};

/// One fact. All instants were taken when it happened, by the gateway's clock unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A device said something.
    Reading {
        /// Which device.
        device: DeviceName,
        /// The device's log epoch, counted from 0; part of a punch's identity.
        epoch: u32,
        /// When the intake got it.
        received_at: Timestamp,
        /// What it said.
        reading: Reading,
    },
    /// A device said several things at once: a batch, or a piece of its log. They are decided together.
    Readings {
        /// Which device.
        device: DeviceName,
        /// The device's log epoch, counted from 0; part of a punch's identity.
        epoch: u32,
        /// When the intake got them.
        received_at: Timestamp,
        /// What it said, in its order.
        readings: Vec<Reading>,
    },
    /// A device was spoken to.
    Contact {
        /// Which device.
        device: DeviceName,
        /// When.
        at: Timestamp,
        /// The serial number it gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<String>,
        /// Its clock, measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<ClockMeasured>,
        /// How many records it says its log holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log_records: Option<u64>,
        /// Whether its log was read to the end.
        #[serde(default)]
        complete: bool,
        /// How many of its records are with us, where its log was read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<u64>,
        /// Everything that it logged up to here is with us.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        through: Option<Timestamp>,
        /// Marks of the last rows of its log, by which the same log is known again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        landmarks: Vec<u64>,
    },
    /// An upstream accepted everything up to an outbox number.
    Delivered {
        /// The upstream's configured name.
        upstream: String,
        /// The last outbox number accepted.
        through: u64,
        /// When it answered.
        at: Timestamp,
    },
    /// An upstream refused one event for good.
    Dead {
        /// The upstream's configured name.
        upstream: String,
        /// The event's outbox number.
        outbox_seq: u64,
        /// The event's id.
        event_id: String,
        /// The event's revision, from 1.
        revision: u32,
        /// What the upstream said, shortened by the pump.
        reason: String,
        /// When it answered.
        at: Timestamp,
    },
    /// A person asked for a dead event to be sent again.
    DeadRetried {
        /// The upstream's configured name.
        upstream: String,
        /// The event's outbox number.
        outbox_seq: u64,
        /// Who asked.
        actor: String,
        /// When.
        at: Timestamp,
    },
    /// A timer fired: what is decided may count on the data being complete up to an instant.
    Watermark {
        /// When the timer fired.
        at: Timestamp,
        /// Complete up to here.
        complete_until: Timestamp,
    },
    /// The daemon started.
    Started {
        /// When.
        at: Timestamp,
        /// The program's version.
        version: String,
    },
    /// The daemon stopped in order.
    Stopped {
        /// When.
        at: Timestamp,
    },
    /// A person or a program did something worth asking about later.
    Audit {
        /// When.
        at: Timestamp,
        /// Who.
        actor: String,
        /// What, as a word: `approve`, `reload` …
        action: String,
        /// On what.
        subject: String,
        /// More, where the action has more to say.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        details: Value,
    },
    /// The directory of people changed; this is all of it.
    Directory {
        /// When it was loaded.
        at: Timestamp,
        /// Hash of its source, as hex.
        digest: String,
        /// Everybody.
        rows: DirectoryRows,
    },
    /// A rule or a policy changed; decisions after this entry follow it.
    Policy {
        /// When it was loaded.
        at: Timestamp,
        /// Its name.
        name: String,
        /// Its text as JSON.
        policy: Value,
    },
    /// A person said which zone a device's clock showed: what it showed in this span means something else from now on.
    Reinterpreted {
        /// Which device.
        device: DeviceName,
        /// The IANA zone.
        zone: String,
        /// From this instant of its clock, read in that zone.
        from: Timestamp,
        /// To this one, which is not included; `None`: without end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Timestamp>,
        /// Who said so.
        actor: String,
        /// When.
        at: Timestamp,
    },
    /// A device began a new log epoch: its own numbers start again.
    Epoch {
        /// Which device.
        device: DeviceName,
        /// The new epoch.
        epoch: u32,
        /// Why: `log cleared`, `serial changed` …
        why: String,
        /// When it was noticed.
        at: Timestamp,
        /// Marks of rows of the new log that were reported before it was known to be a new one, each with the epoch it was
        /// reported under and keeps.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        carried: Vec<(u64, u32)>,
    },
    /// The gateway began a new epoch: something that was decided before may be lost, so what is said from here on
    /// counts as newer than anything said before.
    Began {
        /// When it was noticed.
        at: Timestamp,
        /// The epoch, from 1; what was there before the first of these is epoch 0.
        epoch: u32,
        /// Why, as a word: `copied`, `retired`.
        why: String,
    },
    /// Whole segments are removed: every upstream had what they held, for as long as it is kept.
    Retired {
        /// When.
        at: Timestamp,
        /// Every record with a number below this one.
        before: Seq,
        /// The hash of the last of them, as hex: the next segment's first record carries it.
        link: String,
        /// Bytes given back.
        bytes: u64,
        /// What of them still counts: settings, the directory, clocks, how far data were complete, punches nobody could
        /// be found for yet.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        carried: Vec<Entry>,
    },
    /// The answer given to a request with an idempotency key, to be given again.
    IdempotentAnswer {
        /// The device that asked.
        device: DeviceName,
        /// Its key.
        key: String,
        /// Hash of the request's body, as hex.
        body_hash: String,
        /// The answer.
        answer: Answered,
        /// When.
        at: Timestamp,
    },
    /// An entry of a kind this program does not know, or in a form it does not read.
    #[serde(skip)]
    Unknown(Raw),
}

/// A device's clock against the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMeasured {
    /// Device clock minus gateway clock, in milliseconds.
    pub offset_ms: i64,
    /// The round trip it was measured with, in milliseconds.
    pub uncertainty_ms: u32,
}

/// The people of a directory, as JSON rows. `Debug` shows their number only.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DirectoryRows(pub Vec<Value>);

impl fmt::Debug for DirectoryRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} rows>", self.0.len())
    }
}

/// A response body kept for repeating. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answered(pub String);

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

/// A payload as it was found. `Debug` shows its version and length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw {
    /// The payload's version.
    pub version: u8,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} <{} bytes>", self.version, self.bytes.len())
    }
}

impl Entry {
    /// The payload version this program writes.
    pub const VERSION: u8 = 1;

    /// The entry as a record's payload. [`Entry::Unknown`] comes out as it went in.
    pub fn to_payload(&self) -> Payload {
        match self {
            Self::Unknown(raw) => Payload {
                version: raw.version,
                bytes: raw.bytes.clone(),
            },
            // Writing to memory fails only for maps with keys that are no text, and there are none.
            known => Payload {
                version: Self::VERSION,
                bytes: serde_json::to_vec(known).unwrap_or_default(),
            },
        }
    }

    /// Reads a payload. Total: what is not understood is [`Entry::Unknown`].
    pub fn from_payload(payload: &Payload) -> Self {
        Self::read(payload.version, &payload.bytes).unwrap_or_else(|| {
            Self::Unknown(Raw {
                version: payload.version,
                bytes: payload.bytes.clone(),
            })
        })
    }

    fn read(version: u8, bytes: &[u8]) -> Option<Self> {
        (version == Self::VERSION)
            .then(|| serde_json::from_slice(bytes).ok())
            .flatten()
    }

    /// The word that names the kind, `unknown` for what is not understood.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Reading { .. } => "reading",
            Self::Readings { .. } => "readings",
            Self::Contact { .. } => "contact",
            Self::Delivered { .. } => "delivered",
            Self::Dead { .. } => "dead",
            Self::DeadRetried { .. } => "dead_retried",
            Self::Watermark { .. } => "watermark",
            Self::Started { .. } => "started",
            Self::Stopped { .. } => "stopped",
            Self::Audit { .. } => "audit",
            Self::Directory { .. } => "directory",
            Self::Policy { .. } => "policy",
            Self::Reinterpreted { .. } => "reinterpreted",
            Self::Epoch { .. } => "epoch",
            Self::Began { .. } => "began",
            Self::Retired { .. } => "retired",
            Self::IdempotentAnswer { .. } => "idempotent_answer",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// An entry with its number, as rules and pumps read them.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// The record's number.
    pub seq: Seq,
    /// The fact.
    pub entry: Entry,
}

impl From<&crate::record::Record> for Numbered {
    fn from(record: &crate::record::Record) -> Self {
        Self {
            seq: record.seq,
            entry: Entry::from_payload(&record.payload),
        }
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
