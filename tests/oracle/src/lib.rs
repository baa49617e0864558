//! A naive reference for records and verdicts, written straight from `semantics.md` sections 3 and 4.
//!
//! Shares no code, no types and no method with `punchgate-rules`, so that the two can only agree by both being
//! right. Time and memory do not matter here: everything is found by looking at all punches again. Only tests
//! depend on it.

#![forbid(unsafe_code)]

mod records;
mod verdicts;

pub use records::{Record, records};
pub use verdicts::{Policy, Verdict, verdicts};

/// A granted punch of some person. Instants and spans are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Punch {
    /// Its id.
    pub id: String,
    /// Whose.
    pub person: String,
    /// How.
    pub factor: String,
    /// From where.
    pub source: String,
    /// The zone, if there is one.
    pub zone: Option<String>,
    /// `in`, `out` or `unknown`.
    pub direction: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// How far off, in milliseconds.
    pub uncertainty: i64,
}

impl Punch {
    /// "zone or else source"; the mark keeps a zone and a source of one name apart.
    fn place(&self) -> String {
        self.zone
            .as_ref()
            .map_or_else(|| format!("source {}", self.source), |zone| format!("zone {zone}"))
    }

    /// Whether the two differ only in when they were made.
    fn alike(&self, other: &Self) -> bool {
        self.person == other.person
            && self.factor == other.factor
            && self.place() == other.place()
            && self.direction == other.direction
    }
}

/// Each id once, earliest first.
fn sorted(punches: &[Punch]) -> Vec<Punch> {
    let mut left: Vec<Punch> = Vec::new();
    for punch in punches {
        if !left.iter().any(|known| known.id == punch.id) {
            left.push(punch.clone());
        }
    }
    left.sort_by_key(|p| (p.at, p.id.clone()));
    left
}
