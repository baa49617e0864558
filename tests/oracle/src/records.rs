//! Section 3 of `semantics.md`.

use crate::{Punch, sorted};

/// A record and the ids merged into it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Whose.
    pub person: String,
    /// When its first punch was.
    pub first_at: i64,
    /// Its first punch.
    pub id: String,
    /// When its last repeat was.
    pub last_at: i64,
    /// Its repeats in order.
    pub repeats: Vec<String>,
}

/// Takes the earliest punch that is left, takes everything that repeats it, and starts again.
pub fn records(punches: &[Punch], within: i64) -> Vec<Record> {
    let mut left = sorted(punches);
    let mut out = Vec::new();
    while !left.is_empty() {
        let anchor = left.remove(0);
        let (repeats, rest): (Vec<Punch>, Vec<Punch>) = left
            .into_iter()
            .partition(|p| p.alike(&anchor) && p.at - anchor.at <= within);
        out.push(Record {
            first_at: anchor.at,
            last_at: repeats.last().map_or(anchor.at, |last| last.at),
            repeats: repeats.into_iter().map(|p| p.id).collect(),
            id: anchor.id,
            person: anchor.person,
        });
        left = rest;
    }
    out.sort();
    out
}
