//! What a punch means: the rules of `semantics.md` as pure functions over data.
//!
//! Promises: the records and verdicts that come out depend only on the set of punches that went in (and on the
//! configuration), never on the order they arrived in, on duplicates, on restarts or on the wall clock.
//! Deliberately absent: I/O, async, any clock, any memory between calls.
//!
//! A reading becomes a [`Punch`] in [`identity`] (who is it, is it the same one), [`clock`] (when was it) and
//! [`directory`] (whose is it). Punches become [`Record`]s in [`repeats`] and [`Verdict`]s in [`verification`].
//! [`stretch`] finds what a change can touch, [`changes`] what has to be said about it, and [`replay`] does it
//! all over a file.

#![forbid(unsafe_code)]

pub mod cards;
pub mod changes;
pub mod clock;
pub mod directory;
pub mod identity;
mod order;
pub mod policy;
pub mod punch;
pub mod repeats;
pub mod replay;
pub mod stretch;
pub mod terms;
pub mod verification;

pub use cards::{CardFormat, Cards};
pub use changes::{Change, Said, Told, changes};
pub use clock::{ClockMode, ClockOffset, ClockPolicy, OffsetLog, Placed, is_our_time, place, place_among};
pub use directory::{Directory, Resolution};
pub use identity::{punch_id, verdict_id};
pub use order::one_of;
pub use policy::{Groups, Kind, NoGroups, Pairing, Policy, Rules, Selector};
pub use punch::{Person, Punch, PunchId, Record, TimeQuality, Verdict, VerdictId, VerdictOutcome};
pub use repeats::merge_repeats;
pub use stretch::{Findings, Stretch, Timeline, evaluate, evaluate_stretch, stretch_around, stretches_around};
pub use terms::Terms;
pub use verification::verify;
