//! What was found when a journal was opened, exactly.

use serde::{Deserialize, Serialize};

use crate::record::Seq;

/// The report of [`crate::Journal::open`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// The first number kept: 1, or later after retention. `tail + 1` when there are no records.
    pub first: Seq,
    /// The number of the last record, 0 when there never was one.
    pub tail: Seq,
    /// Segments in use.
    pub segments: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// Records read and checked; those of [`Opening::unscanned`] segments are not among them.
    pub records: u64,
    /// The unfinished end that was cut off: an append that never was acknowledged, or a damaged last record.
    pub cut: Option<Cut>,
    /// Stretches whose records are lost; everything around them is readable.
    pub gaps: Vec<Gap>,
    /// Segments of which one header copy is damaged, or both while records are readable. Nothing is lost.
    pub damaged_headers: Vec<String>,
    /// Records whose checksum is true but whose link does not fit the record before: somebody rewrote something.
    pub broken_links: Vec<Seq>,
    /// Files that are not of this journal, renamed and kept.
    pub set_aside: Vec<SetAside>,
    /// Segments that were begun and never held a record; removed.
    pub unfinished: Vec<String>,
    /// Older segments beyond the scan budget; damage in them shows when they are read or verified.
    pub unscanned: Vec<String>,
    /// The end could not be cut or synced; the next append begins a new segment.
    pub suspect: bool,
    /// Whether the ballast file lies ready.
    pub ballast: bool,
}

impl Opening {
    /// Whether nothing was wrong (an unfinished end is what any kill leaves behind).
    pub fn is_clean(&self) -> bool {
        self.gaps.is_empty()
            && self.damaged_headers.is_empty()
            && self.broken_links.is_empty()
            && self.set_aside.is_empty()
            && !self.suspect
    }
}

/// A tail that was cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The segment's file name.
    pub segment: String,
    /// Where the last valid record ends.
    pub from_byte: u64,
    /// Where the file ended.
    pub to_byte: u64,
    /// The last valid record.
    pub after_seq: Seq,
}

/// Records that are gone: those between two numbers, neither included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The segment's file name; for a missing segment, the one before the hole.
    pub segment: String,
    /// First byte that is no record.
    pub from_byte: u64,
    /// First byte after them; equal to `from_byte` where a whole file is missing.
    pub to_byte: u64,
    /// The last record before the gap.
    pub after_seq: Seq,
    /// The first record after the gap; `None` where the journal ends in it.
    pub before_seq: Option<Seq>,
    /// Whether the medium refused to read it (else the bytes were wrong).
    pub unreadable: bool,
}

impl Gap {
    /// The oldest records are gone, from a number up to the first that is there.
    pub fn at_the_start(from: Seq, first: Seq) -> Self {
        Self {
            segment: String::new(),
            from_byte: 0,
            to_byte: 0,
            after_seq: from.saturating_sub(1),
            before_seq: Some(first),
            unreadable: false,
        }
    }

    /// How many records are lost; `None` where the journal ends in the gap and it cannot be known.
    pub fn records(&self) -> Option<u64> {
        self.before_seq
            .map(|before| before.saturating_sub(self.after_seq).saturating_sub(1))
    }
}

/// A file that was renamed because it is not of this journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Its name.
    pub name: String,
    /// Its name now; the same where renaming failed, and then it is only ignored.
    pub renamed_to: String,
    /// Why.
    pub why: Stranger,
}

/// Why a file with a segment's name is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stranger {
    /// It has no bytes.
    Empty,
    /// It belongs to another journal.
    Foreign,
    /// Its header gives another first number than its name.
    Misnamed,
    /// No header and no record could be made out.
    Unreadable,
}
