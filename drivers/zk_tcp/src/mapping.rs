//! From a row of the protocol to a reading. The same for live events and for the log, so that a punch seen both ways is one.

use std::collections::HashMap;

use punchgate_model::{Credential, Direction, Factor, Origin, Raw, Reading};

use crate::{
    codec::{Numbers, Row, Who, user::Users},
    options::StateMeans,
    verify::VerifyTable,
};

/// How the rows of one terminal become readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping {
    /// What verify types mean; never [`VerifyTable::Auto`].
    pub table: VerifyTable,
    /// What the punch state says about the direction.
    pub state: StateMeans,
}

impl Mapping {
    /// The reading of a row. An index stands for the user id that the user table has for it; without one, the index itself
    /// becomes the number, marked `#` where a table is known, so that it is never taken for somebody's enrolment number.
    pub fn reading(&self, row: &Row, bytes: &[u8], users: Option<&Users>, origin: Origin) -> Reading {
        let credential = Credential::Enrol(match (&row.who, users) {
            (Who::Id(id), _) => id.clone(),
            (Who::Index(uid), None) => uid.to_string(),
            (Who::Index(uid), Some(users)) => users.id_of(*uid).map_or_else(|| format!("#{uid}"), str::to_owned),
        });
        let mut reading = Reading::new(credential, self.table.factor(row.verify));
        reading.device_time = Some(row.time.device_time());
        reading.direction = self.direction(row.state);
        reading.origin = origin;
        reading.raw = Raw::new(bytes);
        let mut tell = |key: &str, value: String| reading.details.insert(key.to_owned(), value);
        tell("verify", row.verify.to_string());
        tell("state", row.state.to_string());
        if let Who::Index(uid) = row.who {
            tell("uid", uid.to_string());
        }
        if row.work_code != 0 {
            tell("work_code", row.work_code.to_string());
        }
        reading
    }

    fn direction(&self, state: u8) -> Direction {
        match (self.state, state) {
            (StateMeans::State, 0 | 3 | 4) => Direction::In,
            (StateMeans::State, 1 | 2 | 5) => Direction::Out,
            _ => Direction::Unknown,
        }
    }
}

/// Counts rows of one download that would otherwise be the same punch.
#[derive(Debug, Default)]
pub struct Ordinals(HashMap<(Credential, Numbers, Factor), u32>);

impl Ordinals {
    /// The ordinal of the next reading like this one, from 0. What is compared is what a punch id is made of.
    pub fn next(&mut self, reading: &Reading, time: Numbers) -> u32 {
        let key = (reading.credential.clone(), time, reading.factor);
        let count = self.0.entry(key).or_insert(0);
        let ordinal = *count;
        *count = count.saturating_add(1);
        ordinal
    }
}
