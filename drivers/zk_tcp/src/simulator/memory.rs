//! What a simulated terminal keeps: its users, its log, its clock, and what it was told is safe.

use jiff::{civil, tz::TimeZone};
use punchgate_kit::{Ledger, SimPunch};
use punchgate_model::{Direction, Timestamp};

use super::Knobs;
use crate::{
    codec::{Code, Layout, Numbers, Row, User, UserLayout, Who},
    verify::VerifyTable,
};

/// A punch as the ledger names it: `credential|printed device time|factor`.
type Name = String;

/// One record of the log.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) uid: u16,
    pub(super) row: Row,
    name: Name,
}

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) log: Vec<Record>,
    pub(super) users: Vec<User>,
    pub(super) commands: Vec<Code>,
    /// How many frames were sent, over all sessions.
    pub(super) frames: usize,
    pub(super) hung_up: bool,
    pub(super) occupied: bool,
    next_session: u16,
    zone: TimeZone,
    pub(super) clock_offset: i64,
    stands: Option<civil::DateTime>,
    issued: Vec<Name>,
    acknowledged: Vec<Name>,
}

impl Memory {
    pub(super) fn new(knobs: &Knobs) -> Self {
        Self {
            log: Vec::new(),
            users: Vec::new(),
            commands: Vec::new(),
            frames: 0,
            hung_up: false,
            occupied: false,
            next_session: 0x5A21,
            zone: TimeZone::get(&knobs.zone).unwrap_or(TimeZone::UTC),
            clock_offset: knobs.clock_offset,
            stands: knobs.clock_stands,
            issued: Vec::new(),
            acknowledged: Vec::new(),
        }
    }

    /// The next session id: it looks like a seconds counter, and wraps.
    pub(super) fn new_session(&mut self) -> u16 {
        let session = self.next_session;
        self.next_session = session.wrapping_add(7).max(1);
        session
    }

    /// What its clock shows at an instant.
    pub(super) fn shows(&self, at: Timestamp) -> Numbers {
        let shown = at.plus_millis(self.clock_offset.saturating_mul(1000));
        let running = self.zone.to_datetime(shown.to_jiff());
        Numbers::from_civil(self.stands.unwrap_or(running))
    }

    /// As it left the factory.
    pub(super) fn reset(&mut self) {
        self.log.clear();
        self.users.clear();
    }

    /// Its clock is set; from now on it runs.
    pub(super) fn set_clock(&mut self, to: Numbers, at: Timestamp) {
        let Some(civil) = to.device_time().civil else { return };
        self.stands = None;
        if let Ok(instant) = self.zone.to_timestamp(civil) {
            self.clock_offset = instant.as_second() - at.as_millis().div_euclid(1000);
        }
    }

    /// Somebody punches; whoever is not enrolled yet is enrolled first.
    pub(super) fn punch(&mut self, knobs: &Knobs, punch: &SimPunch) {
        let id = stored_id(knobs, &punch.credential);
        let uid = self.enrol(&id);
        let verify = VerifyTable::Auto
            .for_platform(Some(&knobs.platform))
            .verify(punch.factor);
        let state = match punch.direction {
            Direction::Out => 1,
            Direction::In | Direction::Unknown => 0,
        };
        let nth = self.log.len() + 1;
        let time = if is_turn(knobs.invalid_every, nth) {
            Numbers {
                month: 2,
                day: 30,
                ..self.shows(punch.at)
            }
        } else {
            self.shows(punch.at)
        };
        let name = format!("{id}|{}|{}", time.device_time().printed, punch.factor);
        let who = Who::Id(id);
        let row = Row {
            who,
            verify,
            state,
            time,
            work_code: 0,
        };
        let copies = if is_turn(knobs.twice_every, nth) { 2 } else { 1 };
        for _ in 0..copies {
            self.issued.push(name.clone());
            self.log.push(Record {
                uid,
                row: row.clone(),
                name: name.clone(),
            });
        }
    }

    fn enrol(&mut self, id: &str) -> u16 {
        if let Some(user) = self.users.iter().find(|user| user.id == id) {
            return user.uid;
        }
        let uid = u16::try_from(self.users.len() + 1).unwrap_or(u16::MAX);
        self.users.push(User { uid, id: id.to_owned() });
        uid
    }

    /// Somebody has this record for certain.
    pub(super) fn acknowledge(&mut self, records: &[Record]) {
        let known: std::collections::HashSet<&Name> = self.acknowledged.iter().collect();
        let fresh: Vec<Name> = records
            .iter()
            .map(|r| &r.name)
            .filter(|n| !known.contains(n))
            .cloned()
            .collect();
        self.acknowledged.extend(fresh);
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger {
            issued: self.issued.clone(),
            acknowledged: self.acknowledged.clone(),
        }
    }

    /// The log as a data set.
    pub(super) fn punches(&self, knobs: &Knobs) -> Vec<u8> {
        let mut entries = Vec::new();
        for (index, record) in self.log.iter().enumerate() {
            entries.extend(knobs.record.render(record.uid, &record.row));
            if is_turn(knobs.zero_every, index + 1) {
                entries.resize(entries.len() + knobs.record.stride(), 0);
            }
        }
        set(&entries, knobs.doubled_size)
    }

    /// How many records the log has, as it would count itself: empty ones included.
    pub(super) fn count(&self, knobs: &Knobs) -> usize {
        let empty = self.log.len().checked_div(knobs.zero_every).unwrap_or_default();
        self.log.len() + empty
    }

    /// The user table as a data set.
    pub(super) fn table(&self, knobs: &Knobs) -> Vec<u8> {
        let entry = |user: &User| knobs.user.render(user, &format!("Person {}", user.uid));
        set(&self.users.iter().flat_map(entry).collect::<Vec<u8>>(), false)
    }
}

/// Whether it is the turn of the nth thing, from 1, of something that happens every so often.
pub(super) fn is_turn(every: usize, nth: usize) -> bool {
    every > 0 && nth.is_multiple_of(every)
}

/// The number as the terminal can store it: some layouts know only numbers, without leading zeros.
fn stored_id(knobs: &Knobs, credential: &str) -> String {
    let numeric = match knobs.record {
        Layout::Sixteen => true,
        Layout::EightA | Layout::EightB => knobs.user == UserLayout::Short,
        Layout::Forty | Layout::FortyNine => false,
    };
    if numeric || knobs.event == 12 {
        let digits: String = credential.chars().filter(char::is_ascii_digit).collect();
        return digits.parse::<u32>().unwrap_or_default().to_string();
    }
    credential.chars().take(24).collect()
}

fn set(entries: &[u8], doubled: bool) -> Vec<u8> {
    let size = u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes();
    let head = if doubled { size.repeat(2) } else { size.to_vec() };
    [&head[..], entries].concat()
}
