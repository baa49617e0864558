//! What has to be said about a stretch that was decided again (`semantics.md` section 5).
//!
//! Revisions of one id only grow, and are not used again after a withdrawal; what is unchanged is not said again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{PunchId, Record, Verdict, VerdictId};

/// A thing with an id that is published in revisions.
pub trait Told: Clone + PartialEq {
    /// What it is known by.
    type Id: Ord + Clone;

    /// Its id.
    fn told_as(&self) -> &Self::Id;
}

impl Told for Record {
    type Id = PunchId;

    fn told_as(&self) -> &PunchId {
        &self.id
    }
}

impl Told for Verdict {
    type Id = VerdictId;

    fn told_as(&self) -> &VerdictId {
        &self.id
    }
}

/// A verdict as it is published: whether it is final is part of what is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether every source that could contribute is complete past the point that decides it.
    #[serde(rename = "final")]
    pub is_final: bool,
}

impl Told for Published {
    type Id = VerdictId;

    fn told_as(&self) -> &VerdictId {
        &self.verdict.id
    }
}

/// The last thing said about an id. Kept after a withdrawal: its revision is never used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said<T> {
    /// From 1.
    pub revision: u32,
    /// What was said; in a withdrawal, what no longer holds.
    pub what: T,
    /// Whether it was withdrawn.
    #[serde(default)]
    pub withdrawn: bool,
}

/// One thing to say, and to be remembered as said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// It was never said before.
    New(Said<T>),
    /// It replaces what was said, or holds again after a withdrawal.
    Revised(Said<T>),
    /// It no longer holds.
    Withdrawn(Said<T>),
}

impl<T> Change<T> {
    /// What to publish and to remember.
    pub fn into_said(self) -> Said<T> {
        match self {
            Self::New(said) | Self::Revised(said) | Self::Withdrawn(said) => said,
        }
    }

    /// As [`Change::into_said`], to look at.
    pub fn said(&self) -> &Said<T> {
        match self {
            Self::New(said) | Self::Revised(said) | Self::Withdrawn(said) => said,
        }
    }
}

/// Compares what holds now with what was said, for all ids of the stretches decided again.
///
/// `said` must hold everything published about the stretches, and the last word on every id in `found`, also
/// where that was a withdrawal or lies in another stretch (a record keeps its id when its punch is re-timed).
/// Withdrawals come first, then what holds, in order of `found`.
pub fn changes<T: Told>(said: &BTreeMap<&T::Id, &Said<T>>, found: &[T]) -> Vec<Change<T>> {
    let holds: BTreeMap<&T::Id, &T> = found.iter().map(|thing| (thing.told_as(), thing)).collect();
    let gone = said
        .iter()
        .filter(|(id, old)| !old.withdrawn && !holds.contains_key(*id))
        .map(|(_, old)| {
            let revision = old.revision.saturating_add(1);
            Change::Withdrawn(Said {
                revision,
                what: old.what.clone(),
                withdrawn: true,
            })
        });
    let holding = found.iter().filter_map(|thing| match said.get(thing.told_as()) {
        None => Some(Change::New(Said {
            revision: 1,
            what: thing.clone(),
            withdrawn: false,
        })),
        Some(old) if !old.withdrawn && old.what == *thing => None,
        Some(old) => {
            let revision = old.revision.saturating_add(1);
            #[cfg(feature = "sabotage")]
            let revision = if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::KeepTheRevision) {
                old.revision
            } else {
                revision
            };
            Some(Change::Revised(Said {
                revision,
                what: thing.clone(),
                withdrawn: false,
            }))
        }
    });
    gone.chain(holding).collect()
}
