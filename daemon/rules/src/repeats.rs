//! Repeats are merged by the anchor rule (`semantics.md` section 3). Nothing is deleted.

use std::{collections::HashMap, time::Duration};

use punchgate_model::{Direction, Factor};

use crate::{Person, Punch, Record, order::in_order, policy::millis, punch::Place};

/// Merges granted punches with equal (person, factor, zone or else source, direction).
///
/// In order of (`at`, `id`) the earliest is the record; each later one at most `within` after it (boundary
/// included) joins it; the first one beyond is the next record. Punches of any number of people in any order;
/// records come out in order of person and first punch. Linear in the punches, but for putting them in order.
pub fn merge_repeats(punches: &[Punch], within: Duration) -> Vec<Record> {
    type Key<'a> = (&'a Person, Factor, Place<'a>, Direction);
    let within = millis(within);
    let mut records: Vec<Record> = Vec::new();
    let mut anchors: HashMap<Key<'_>, usize> = HashMap::new();
    for punch in in_order(punches, Punch::counts) {
        let Some(person) = &punch.person else { continue };
        let key = (person, punch.factor, punch.place(), punch.direction);
        let open = anchors.get(&key).and_then(|index| records.get_mut(*index));
        match open.filter(|record| punch.at.since(record.first_at) <= within) {
            Some(record) => {
                record.repeats.push(punch.id.clone());
                record.last_at = punch.at;
            }
            None => {
                anchors.insert(key, records.len());
                records.push(anchor(punch, person));
            }
        }
    }
    records
}

fn anchor(punch: &Punch, person: &Person) -> Record {
    Record {
        id: punch.id.clone(),
        person: person.clone(),
        factor: punch.factor,
        source: punch.source.clone(),
        zone: punch.zone.clone(),
        direction: punch.direction,
        first_at: punch.at,
        last_at: punch.at,
        repeats: Vec::new(),
    }
}
