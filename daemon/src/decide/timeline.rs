//! One subject's punches in order of time, as the rules read them.

use punchgate_journal::BufferError;
use punchgate_model::Timestamp;
use punchgate_rules::{Punch, Timeline};

use super::{days::Days, keys::Subject};

/// A subject's punches among all.
pub(crate) struct Kept<'a> {
    pub(crate) days: &'a Days,
    pub(crate) subject: &'a Subject,
}

impl Timeline for Kept<'_> {
    type Error = BufferError;

    fn before(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, BufferError> {
        let held = self.days.before(self.subject, at, limit)?;
        Ok(held.iter().map(|held| held.punch.clone()).collect())
    }

    fn after(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, BufferError> {
        let held = self.days.after(self.subject, at, limit)?;
        Ok(held.iter().map(|held| held.punch.clone()).collect())
    }
}
