//! What one report said of a punch. Two reports of one id can differ (live and stored, first and corrected): every
//! different account is kept, so that which of them counts does not depend on the order they came in.

use std::hash::{DefaultHasher, Hash, Hasher};

use punchgate_model::{DeviceName, Origin, Outcome, Raw, Reading, Timestamp};
use serde::{Deserialize, Serialize};

/// How many different accounts of one punch are kept. A source that never says the same thing twice is believed
/// this often.
pub const MOST: usize = 8;

/// What one report said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// When it arrived; of equal reports the earliest.
    pub received_at: Timestamp,
    /// The reading, without its raw bytes and details.
    pub reading: Reading,
}

impl Account {
    /// The account a reading gives.
    pub fn of(received_at: Timestamp, reading: &Reading) -> Self {
        let reading = Reading {
            sequence: reading.sequence,
            external_id: reading.external_id.clone(),
            occurrence: 0,
            device_time: reading.device_time.clone(),
            uncertainty_ms: reading.uncertainty_ms,
            credential: reading.credential.clone(),
            factor: reading.factor,
            direction: reading.direction,
            result: reading.result,
            zone: reading.zone.clone(),
            origin: reading.origin,
            details: Default::default(),
            raw: Raw::default(),
        };
        Self { received_at, reading }
    }

    /// Where it stands among accounts that place the punch alike.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        let printed = self.reading.device_time.as_ref().map(|time| time.printed.clone());
        let names = (self.reading.external_id.clone(), self.reading.sequence);
        (self.received_at, printed, names, self.reading.origin == Origin::Log)
    }
}

/// Adds an account to those known of a punch; whether that changed anything.
pub(crate) fn add(known: &mut Vec<Account>, new: Account) -> bool {
    if let Some(same) = known.iter_mut().find(|account| account.reading == new.reading) {
        let earlier = new.received_at < same.received_at;
        same.received_at = same.received_at.min(new.received_at);
        return earlier;
    }
    let room = known.len() < MOST;
    if room {
        known.push(new);
    }
    room
}

/// The half of a trace's hash that is of whom and when.
const UPPER: u64 = 0xFFFF_FFFF_0000_0000;

/// What tells reports of one punch apart, short enough to be remembered for every punch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// Hash of what the report said, but for when and how it arrived. Its upper half is of whom and when alone.
    pub hash: u64,
    /// What the device decided.
    pub result: Outcome,
    /// Whether it came as it happened.
    pub live: bool,
}

impl Trace {
    /// The trace of a reading.
    pub fn of(reading: &Reading) -> Self {
        // The lower half is equal in every run of one build. After an update a report may be written once more, and deciding
        // notices. The upper half is always equal.
        let mut hasher = DefaultHasher::new();
        let r = reading;
        (&r.device_time, r.uncertainty_ms, r.factor, r.direction, r.result).hash(&mut hasher);
        (r.credential.kind(), r.credential.number(), &r.zone, r.sequence).hash(&mut hasher);
        Self {
            hash: r.gist() & UPPER | hasher.finish() & !UPPER,
            result: r.result,
            live: r.origin == Origin::Live,
        }
    }
}

/// What is remembered of the reports of one punch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What the device decided, as far as it counts.
    pub result: Outcome,
    /// Its time is in doubt: a live report would be worth having.
    pub held_out: bool,
    /// Hashes of the accounts.
    pub hashes: Vec<u64>,
}

impl Known {
    /// What one report makes known.
    pub fn by(trace: Trace) -> Self {
        Self {
            result: trace.result,
            held_out: false,
            hashes: vec![trace.hash],
        }
    }

    /// Adds what another report makes known.
    pub fn and(&mut self, trace: Trace) {
        if self.result == Outcome::Pending {
            self.result = trace.result;
        }
        if !self.hashes.contains(&trace.hash) {
            self.hashes.push(trace.hash);
        }
    }

    /// Whether a report says what no other has said.
    pub fn is_news(&self, trace: Trace) -> bool {
        let another = !self.hashes.contains(&trace.hash) && self.hashes.len() < MOST;
        another || (self.held_out && trace.live)
    }

    /// Whether a report is of somebody else or another time: the number both have is used for the second time.
    pub fn is_another(&self, trace: Trace) -> bool {
        !self.hashes.is_empty() && self.hashes.iter().all(|hash| hash & UPPER != trace.hash & UPPER)
    }

    /// Whether a report decides what was pending.
    pub fn is_decided_by(&self, trace: Trace) -> bool {
        self.result == Outcome::Pending && trace.result != Outcome::Pending
    }
}

/// The key under which one device's things are indexed.
pub(crate) fn of_device(device: &DeviceName, rest: &[&[u8]]) -> Vec<u8> {
    let name = device.as_str().as_bytes();
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    let mut key = [&length.to_be_bytes(), name].concat();
    rest.iter().for_each(|part| key.extend_from_slice(part));
    key
}

#[cfg(test)]
mod tests {
    use punchgate_model::{Credential, Factor};

    use super::*;

    fn reading() -> Reading {
        Reading::new(Credential::Enrol("0007".into()), Factor::Card)
    }

    #[test]
    fn a_report_from_the_log_of_what_was_seen_live_is_no_news_unless_the_time_was_in_doubt() {
        let mut known = Known::by(Trace::of(&reading()));
        let again = Reading {
            origin: Origin::Log,
            ..reading()
        };
        assert!(!known.is_news(Trace::of(&again)));
        known.held_out = true;
        assert!(!known.is_news(Trace::of(&again)));
        assert!(known.is_news(Trace::of(&reading())));
    }

    #[test]
    fn an_approval_and_another_account_are_news_and_there_is_an_end_to_it() {
        let pending = Reading {
            result: Outcome::Pending,
            ..reading()
        };
        let mut known = Known::by(Trace::of(&pending));
        assert!(!known.is_news(Trace::of(&pending)));
        assert!(known.is_news(Trace::of(&reading())) && known.is_decided_by(Trace::of(&reading())));
        for sequence in 0..MOST as u64 {
            known.and(Trace::of(&Reading {
                sequence: Some(sequence),
                ..reading()
            }));
        }
        assert!(!known.is_news(Trace::of(&reading())));
    }

    /// F22, for devices that number their records.
    #[test]
    fn a_number_with_somebody_else_or_another_time_behind_it_is_used_for_the_second_time() {
        let numbered = Reading {
            sequence: Some(1),
            ..reading()
        };
        let known = Known::by(Trace::of(&numbered));
        let from_the_log = Reading {
            origin: Origin::Log,
            result: Outcome::Denied,
            ..numbered.clone()
        };
        assert!(!known.is_another(Trace::of(&from_the_log)));
        let somebody = Reading {
            credential: Credential::Enrol("0008".into()),
            ..numbered.clone()
        };
        let later = Reading {
            device_time: Some(punchgate_model::DeviceTime::from_numbers(2026, 3, 2, 8, 55, 0)),
            ..numbered
        };
        assert!(known.is_another(Trace::of(&somebody)) && known.is_another(Trace::of(&later)));
    }
}
