//! Punches of invented people, about 250 bytes each, rendered fast enough not to be what is measured.

use std::io::Write;

use punchgate_lab::gateway::TOKEN;
use punchgate_model::{Span, Timestamp};

/// 2026-03-02T00:00:00Z, a Monday.
const MONDAY: i64 = 1_772_409_600_000;

/// Who punches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// Ten thousand people: each by phone and then at the door some minutes later, again after four hours, and so on.
    Many,
    /// The worst case: one person who never stops, every 30 s.
    One,
}

impl Crowd {
    const PEOPLE: u32 = 10_000;

    fn person(self, number: u32) -> u32 {
        match self {
            Self::Many => number % Self::PEOPLE,
            Self::One => 1,
        }
    }

    /// When, and whether by phone.
    fn when(self, number: u32) -> (Timestamp, bool) {
        let (ms, round) = match self {
            Self::One => (u64::from(number) * 30_000, number),
            Self::Many => {
                let (person, round) = (u64::from(self.person(number)), number / Self::PEOPLE);
                let shift = u64::from(round / 2) * 4 * 3_600_000 + person * 7_919 % 3_600 * 1_000;
                // From 2 to 20 minutes: most are in time for a window of 15, some are not.
                let walk = u64::from(round % 2) * (2 + person * 31 % 19) * 60_000;
                (shift + walk, round)
            }
        };
        (
            Timestamp::from_millis(MONDAY).plus(Span::from_millis(ms)),
            round.is_multiple_of(2),
        )
    }

    fn item(self, number: u32, into: &mut Vec<u8>) {
        let (at, by_phone) = self.when(number);
        let (factor, zone) = if by_phone {
            ("gps", "hq-yard")
        } else {
            ("fingerprint", "hq-door")
        };
        // The last three are what an app adds and nobody asked for. Writing to memory cannot fail.
        let _ = write!(
            into,
            r#"{{"id":"b{number:09}","person":"E{:05}","factor":"{factor}","at":"{at}","zone":"{zone}","direction":"in","uncertainty_ms":1500,"latitude":31.230416,"longitude":121.473701,"model":"E-Phone 12, 6.1 inch","app":"attendance 4.12.3"}}"#,
            self.person(number)
        );
    }

    /// A whole request that posts these.
    pub fn request(self, numbers: std::ops::Range<u32>, body: &mut Vec<u8>, whole: &mut Vec<u8>) {
        body.clear();
        body.extend_from_slice(b"{\"punches\":[");
        for (place, number) in numbers.enumerate() {
            if place > 0 {
                body.push(b',');
            }
            self.item(number, body);
        }
        body.extend_from_slice(b"]}");
        whole.clear();
        // As above.
        let _ = write!(
            whole,
            "POST /ingest/v1/punches HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        whole.extend_from_slice(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_punch_is_json_of_about_250_bytes_with_its_number() {
        for crowd in [Crowd::Many, Crowd::One] {
            for number in [0, 9_999, 10_000, 123_456] {
                let mut item = Vec::new();
                crowd.item(number, &mut item);
                assert!((240..=310).contains(&item.len()), "{} bytes", item.len());
                let item: serde_json::Value = serde_json::from_slice(&item).expect("JSON");
                assert_eq!(item["id"], format!("b{number:09}"));
            }
        }
    }

    #[test]
    fn time_goes_forward_for_each_person() {
        let times = |person| (0..40).map(move |round| Crowd::Many.when(person + round * Crowd::PEOPLE).0);
        for person in 0..Crowd::PEOPLE {
            assert!(times(person).is_sorted(), "of {person}");
        }
    }
}
