//! One person's punches, in the buffer, in order of time.

use std::ops::Bound;

use punchgate_journal::{Buffer, BufferError};
use punchgate_model::Timestamp;
use punchgate_rules::{Punch, Stretch, Timeline};

use super::{
    keys::Subject,
    tables::{HeldPunch, PUNCHES},
};

/// A subject's punches as they lie in the buffer.
pub(crate) struct Kept<'a> {
    pub(crate) buffer: &'a Buffer,
    pub(crate) subject: &'a Subject,
}

impl Kept<'_> {
    /// The punches of a stretch.
    pub(crate) fn within(&self, stretch: Stretch) -> Result<Vec<Punch>, BufferError> {
        let from = self.subject.at(stretch.from);
        let to = stretch.to.map_or_else(|| self.subject.end(), |to| self.subject.at(to));
        let pairs = self
            .buffer
            .range(PUNCHES, Bound::Included(&from), Bound::Excluded(&to), usize::MAX)?;
        Ok(punches(pairs))
    }
}

fn punches(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Punch> {
    let held = pairs
        .iter()
        .filter_map(|(_, value)| serde_json::from_slice::<HeldPunch>(value).ok());
    held.map(|held| held.punch).collect()
}

impl Timeline for Kept<'_> {
    type Error = BufferError;

    fn before(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, BufferError> {
        let (from, to) = (self.subject.prefix(), self.subject.at(at));
        let mut pairs = self
            .buffer
            .range_back(PUNCHES, Bound::Included(&from), Bound::Excluded(&to), limit)?;
        pairs.reverse();
        Ok(punches(pairs))
    }

    fn after(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, BufferError> {
        let (from, to) = (self.subject.at(at.plus_millis(1)), self.subject.end());
        Ok(punches(self.buffer.range(
            PUNCHES,
            Bound::Included(&from),
            Bound::Excluded(&to),
            limit,
        )?))
    }
}
