//! What a change can touch (`semantics.md` section 5: the cost must not grow with the length of the history).
//!
//! A person's history is cut where the state of every rule provably starts afresh; only the stretch between the
//! cuts around a change is decided again. A cut is only believed when everything that proves it lies on its own
//! side of the change, so it is a cut before and after it, and nothing outside the stretch can differ.
//! `README.md` has the argument; `tests/stretches.rs` has the proof by example.
//!
//! Deliberately absent: any stored state. The bound is therefore the longest run of punches that never pauses
//! longer than `repeats.within` (and, with `order = "any"`, than `unrelated_after` between unlike factors).

mod cuts;

use std::collections::BTreeSet;

use punchgate_model::Timestamp;

use crate::{Groups, Punch, Record, Rules, Verdict, merge_repeats, verify};
use cuts::{Beyond, Cuts};

/// Everything the rules say about some punches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// By person and first punch.
    pub records: Vec<Record>,
    /// By policy, then person and time.
    pub verdicts: Vec<Verdict>,
}

/// Decides a whole history: punches in any order, duplicates allowed.
///
/// Data are complete up to `complete_until`, or altogether where it is `None`.
pub fn evaluate(punches: &[Punch], groups: &dyn Groups, rules: &Rules, complete_until: Option<Timestamp>) -> Findings {
    let verdicts = rules.policies.iter();
    Findings {
        records: merge_repeats(punches, rules.repeats_within),
        verdicts: verdicts
            .flat_map(|policy| verify(punches, policy, groups, rules.repeats_within, complete_until))
            .collect(),
    }
}

/// Decides one stretch of a history: the punches in it, in any order.
///
/// Where another stretch follows, nothing at the end of this one waits: what follows it, or its window lapsing, has
/// ended whatever was open. That is part of what proves a cut.
pub fn evaluate_stretch(
    punches: &[Punch],
    stretch: Stretch,
    groups: &dyn Groups,
    rules: &Rules,
    complete_until: Option<Timestamp>,
) -> Findings {
    evaluate(punches, groups, rules, complete_until.filter(|_| stretch.to.is_none()))
}

/// A part of one person's history that is decided on its own: `from <= at < to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Where it begins.
    pub from: Timestamp,
    /// Where the next one begins; `None`: it reaches to the end.
    pub to: Option<Timestamp>,
}

impl Stretch {
    /// Whether an instant lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }

    /// Joins stretches that overlap, in order, so that each punch is decided once.
    pub fn joined(mut stretches: Vec<Self>) -> Vec<Self> {
        stretches.sort_unstable();
        let mut joined: Vec<Self> = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            match joined.last_mut().filter(|last| last.contains(stretch.from)) {
                Some(last) => last.to = last.to.zip(stretch.to).map(|(a, b)| a.max(b)),
                None => joined.push(stretch),
            }
        }
        joined
    }
}

/// One person's punches, wherever they are kept.
///
/// Both answers are in order of `at`. Punches that do not count (denied, pending) may be left out.
pub trait Timeline {
    /// Why the punches could not be read.
    type Error;

    /// The `limit` latest punches with `at` before the instant, earliest first.
    ///
    /// # Errors
    /// When the punches cannot be read.
    fn before(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, Self::Error>;

    /// The `limit` earliest punches with `at` after the instant, earliest first.
    ///
    /// # Errors
    /// When the punches cannot be read.
    fn after(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, Self::Error>;
}

/// A person's punches in memory, in order of `at`.
impl Timeline for [Punch] {
    type Error = std::convert::Infallible;

    fn before(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, Self::Error> {
        let end = self.partition_point(|p| p.at < at);
        Ok(self.iter().take(end).skip(end.saturating_sub(limit)).cloned().collect())
    }

    fn after(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, Self::Error> {
        let start = self.partition_point(|p| p.at <= at);
        Ok(self.iter().skip(start).take(limit).cloned().collect())
    }
}

/// How many punches are read at first; doubled until a cut is found.
const FIRST_LOOK: usize = 3;

/// The stretch of one person's history that punches added, removed or altered at `at` can touch.
///
/// [`evaluate_stretch`] gives what evaluating everything would say about it, and everything outside is as
/// it was. In the tail that is not yet complete a cut needs a punch that ends what was open before it, because without
/// one that would be pending. When `complete_until` moves, decide the stretches around pending verdicts again.
/// A punch whose time changes has two such instants; join their stretches with [`Stretch::joined`].
///
/// # Errors
/// Those of the timeline.
pub fn stretch_around<T: Timeline + ?Sized>(
    timeline: &T,
    at: Timestamp,
    groups: &dyn Groups,
    rules: &Rules,
    complete_until: Option<Timestamp>,
) -> Result<Stretch, T::Error> {
    let cuts = Cuts {
        rules,
        groups,
        complete_until,
    };
    Ok(Stretch {
        from: begin(timeline, at, &cuts)?,
        to: end(timeline, at, &cuts)?,
    })
}

/// The stretches that several changes at once can touch, joined.
///
/// Of changes that lie in one stretch only the first and the last are looked around: a cut found before the first is
/// proven by what lies before all of them, one found after the last by what lies after all of them.
///
/// # Errors
/// Those of the timeline.
pub fn stretches_around<T: Timeline + ?Sized>(
    timeline: &T,
    instants: &BTreeSet<Timestamp>,
    groups: &dyn Groups,
    rules: &Rules,
    complete_until: Option<Timestamp>,
) -> Result<Vec<Stretch>, T::Error> {
    let around = |at| stretch_around(timeline, at, groups, rules, complete_until);
    let mut left = instants.clone();
    let mut found = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut stretch = around(first)?;
        while let Some(last) = left.iter().rev().find(|at| stretch.contains(**at)).copied() {
            let wider = around(last)?;
            stretch.to = stretch.to.zip(wider.to).map(|(a, b)| a.max(b));
            left = left.split_off(&last);
            left.remove(&last);
        }
        found.push(stretch);
    }
    Ok(Stretch::joined(found))
}

fn begin<T: Timeline + ?Sized>(timeline: &T, at: Timestamp, cuts: &Cuts<'_>) -> Result<Timestamp, T::Error> {
    let mut limit = FIRST_LOOK;
    loop {
        let punches = timeline.before(at, limit)?;
        let all = punches.len() < limit;
        let far = if all {
            Beyond::Nothing
        } else {
            Beyond::from(punches.first())
        };
        let near = Beyond::Perhaps(at);
        if let Some(cut) = cuts.between(&punches, far, near).last() {
            return Ok(cut);
        }
        if all {
            return Ok(Timestamp::MIN);
        }
        limit = limit.saturating_mul(2);
    }
}

fn end<T: Timeline + ?Sized>(timeline: &T, at: Timestamp, cuts: &Cuts<'_>) -> Result<Option<Timestamp>, T::Error> {
    let mut limit = FIRST_LOOK;
    loop {
        let punches = timeline.after(at, limit)?;
        let all = punches.len() < limit;
        let far = if all {
            Beyond::Nothing
        } else {
            Beyond::from(punches.last())
        };
        let near = Beyond::Perhaps(at);
        if let Some(cut) = cuts.between(&punches, near, far).next() {
            return Ok(Some(cut));
        }
        if all {
            return Ok(None);
        }
        limit = limit.saturating_mul(2);
    }
}
