//! One punch per id, in the one order everything is decided in. What makes the rules blind to arrival.

use std::collections::HashMap;

use crate::{Punch, PunchId};
use punchgate_model::Outcome;

/// Which of two accounts of the same punch counts, whichever came first.
///
/// A decided result (granted or denied) beats a pending one, a usable time beats one that is held out, and among
/// the rest the smallest content counts (at, person, factor, source, zone, direction, result, uncertainty,
/// credential, quality), so that the choice depends on the set alone.
pub fn one_of<'a>(a: &'a Punch, b: &'a Punch) -> &'a Punch {
    if rank(b) < rank(a) { b } else { a }
}

fn rank(punch: &Punch) -> impl Ord {
    let p = punch;
    let said = (p.at, &p.person, p.factor, &p.source, &p.zone, p.direction, p.result);
    let detail = (p.uncertainty_ms, &p.credential, p.time_quality);
    (p.result == Outcome::Pending, p.held_out, said, detail)
}

/// The punches that `keep` wants, one per id, in order of (person, at, id).
pub(crate) fn in_order(punches: &[Punch], keep: impl Fn(&Punch) -> bool) -> Vec<&Punch> {
    let mut by_id: HashMap<&PunchId, &Punch> = HashMap::with_capacity(punches.len());
    for punch in punches {
        by_id
            .entry(&punch.id)
            .and_modify(|known| *known = one_of(known, punch))
            .or_insert(punch);
    }
    let mut ordered: Vec<&Punch> = by_id.into_values().filter(|punch| keep(punch)).collect();
    ordered.sort_unstable_by(|a, b| (&a.person, a.key()).cmp(&(&b.person, b.key())));
    ordered
}
