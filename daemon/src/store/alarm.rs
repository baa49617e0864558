//! What an operator should know of the store: as data in `status`, as a line in the log, as a sentence in each language.

use punchgate_journal::{Gap, Opening, Reader};
use punchgate_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{decide::time_of, messages::Message};

/// One thing worth knowing. `code` is stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Alarm {
    /// Records are lost; those around them are whole. Devices that keep a log are read again.
    Gap {
        /// Where.
        #[serde(flatten)]
        gap: Gap,
        /// How many; `None` where the journal ends in the gap.
        records: Option<u64>,
        /// When the last record before was stored, where it says.
        since: Option<Timestamp>,
        /// When the first record after was stored, where it says.
        until: Option<Timestamp>,
    },
    /// The journal was copied here: restored from a backup, or cloned.
    Copied {
        /// The epoch that begins.
        epoch: u32,
    },
    /// Segments lost their files while the gateway runs.
    FilesGone {
        /// Their names.
        names: Vec<String>,
    },
    /// The ballast is given up; only readings that nobody else holds are stored.
    BallastReleased,
    /// The journal has reached its limit.
    MaxSize {
        /// Bytes it has.
        bytes: u64,
        /// Bytes it may have.
        limit: u64,
    },
}

impl Alarm {
    /// A gap, with the instants around it as far as the journal says them.
    pub fn of_gap(gap: &Gap, reader: &mut Reader) -> Self {
        let mut at = |seq: u64| -> Option<Timestamp> {
            let page = reader.after(seq.checked_sub(1)?, 1, 1).ok()?;
            page.records
                .first()
                .filter(|record| record.seq == seq)
                .and_then(time_of)
        };
        Self::Gap {
            records: gap.records(),
            since: at(gap.after_seq),
            until: gap.before_seq.and_then(at),
            gap: gap.clone(),
        }
    }

    /// What of a journal is lost, as opening it found.
    pub fn of_opening(opening: &Opening, reader: &mut Reader) -> Vec<Self> {
        opening.gaps.iter().map(|gap| Self::of_gap(gap, reader)).collect()
    }

    /// Whether both say the same sort of thing.
    pub fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether there can be several of its kind at a time.
    pub fn is_many(&self) -> bool {
        matches!(self, Self::Gap { .. })
    }

    /// The sentence.
    pub fn message(&self) -> Message {
        let unknown = |at: &Option<Timestamp>| at.map_or_else(|| "?".to_owned(), |at| at.to_string());
        match self {
            Self::Gap {
                gap,
                records: Some(records),
                since,
                until,
            } => Message::new("store-gap")
                .with("records", records)
                .with("first", gap.after_seq.saturating_add(1))
                .with("last", gap.before_seq.unwrap_or(0).saturating_sub(1))
                .with("segment", &gap.segment)
                .with("from_byte", gap.from_byte)
                .with("to_byte", gap.to_byte)
                .with("since", unknown(since))
                .with("until", unknown(until)),
            Self::Gap { gap, since, .. } => Message::new("store-gap-open")
                .with("first", gap.after_seq.saturating_add(1))
                .with("segment", &gap.segment)
                .with("from_byte", gap.from_byte)
                .with("to_byte", gap.to_byte)
                .with("since", unknown(since)),
            Self::Copied { epoch } => Message::new("store-copied").with("epoch", epoch),
            Self::FilesGone { names } => Message::new("store-files-gone").with("names", names.join(", ")),
            Self::BallastReleased => Message::new("store-ballast-released"),
            Self::MaxSize { bytes, limit } => Message::new("store-max-size").with("bytes", bytes).with("limit", limit),
        }
    }
}
