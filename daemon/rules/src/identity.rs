//! Ids derived from content (`semantics.md` sections 1 and 5).
//!
//! The same punch seen live, then again in a download, after a reconnect, a restart or on a replaced gateway has
//! the same id. Deliberately no part of it: raw bytes, direction, result, live or log, and our own time of arrival
//! (but for a reading that has no time and no number of its own).

use punchgate_model::{DeviceName, Reading, Timestamp};
use sha2::{Digest, Sha256};

use crate::{PunchId, VerdictId};

/// The id of the punch a reading reports.
///
/// `epoch` counts the resets of the device's log, so that a terminal that starts again at number 1 does not repeat
/// old ids. In order of preference the id is made of the caller's own id; the device's record number; the printed
/// time, credential, factor and ordinal among equal rows; or `received_at` in place of the printed time.
/// 32 lower-case hex digits: SHA-256 over length-prefixed fields, cut to 128 bits.
pub fn punch_id(device: &DeviceName, epoch: u32, reading: &Reading, received_at: Timestamp) -> PunchId {
    let device = device.as_str();
    let epoch = epoch.to_string();
    #[cfg(feature = "sabotage")]
    if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::NameByArrival) {
        let credential = reading.credential.number();
        return PunchId::new(digest(&["planted", device, credential, &received_at.to_string()]));
    }
    if let Some(external) = &reading.external_id {
        return PunchId::new(digest(&["punchgate punch 1 external", device, external]));
    }
    if let Some(sequence) = reading.sequence {
        return PunchId::new(digest(&[
            "punchgate punch 1 sequence",
            device,
            &epoch,
            &sequence.to_string(),
        ]));
    }
    let (form, time) = match &reading.device_time {
        Some(time) => ("punchgate punch 1 printed", time.printed.clone()),
        None => ("punchgate punch 1 received", received_at.to_string()),
    };
    let credential = &reading.credential;
    let occurrence = reading.occurrence.to_string();
    let fields = [
        form,
        device,
        &epoch,
        &time,
        credential.kind(),
        credential.number(),
        reading.factor.word(),
        &occurrence,
    ];
    PunchId::new(digest(&fields))
}

/// The id of the verdict of a policy on `punch`: its second punch, or its first where it has no second.
pub fn verdict_id(policy: &str, punch: &PunchId) -> VerdictId {
    VerdictId::new(digest(&["punchgate verdict 1", policy, punch.as_str()]))
}

/// Every field is preceded by its length, so that no two lists of fields look alike.
fn digest(fields: &[&str]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(field.as_bytes());
    }
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    hash.finalize()
        .iter()
        .take(16)
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use punchgate_model::{Credential, DeviceTime, Direction, Factor, Origin, Raw};

    use super::*;

    fn reading() -> Reading {
        let mut reading = Reading::new(Credential::Enrol("0007".into()), Factor::Fingerprint);
        reading.device_time = Some(DeviceTime::from_numbers(2026, 3, 2, 8, 55, 0));
        reading
    }

    fn id(reading: &Reading) -> String {
        punch_id(&"gate-1".into(), 1, reading, Timestamp::from_millis(0)).to_string()
    }

    /// Ids are in journals and in other people's systems: do not change this test.
    #[test]
    fn ids_are_what_they_always_were() {
        assert_eq!(id(&reading()), "2e1b1cf819e82a3d04df24099cc3c5ff");
        assert_eq!(
            id(&Reading {
                sequence: Some(17),
                ..reading()
            }),
            "17649136b3e14ac418f7005aa90da75c"
        );
        assert_eq!(
            id(&Reading {
                external_id: Some("a1".into()),
                ..reading()
            }),
            "71cfcd71db9e4e5a7783a569faca42ee"
        );
        assert_eq!(
            id(&Reading {
                device_time: None,
                ..reading()
            }),
            "f5234593769c47c1365098f8c13a31a2"
        );
        assert_eq!(
            verdict_id("office-door", &"b7".into()).as_str(),
            "11b207787f872b7af686bb846c3b61e3"
        );
    }

    #[test]
    fn live_and_downloaded_are_the_same_punch() {
        let log = Reading {
            origin: Origin::Log,
            raw: Raw::new(b"other bytes"),
            direction: Direction::In,
            ..reading()
        };
        assert_eq!(id(&log), id(&reading()));
    }

    #[test]
    fn equal_rows_of_one_second_are_two_punches() {
        assert_ne!(
            id(&Reading {
                occurrence: 1,
                ..reading()
            }),
            id(&reading())
        );
    }

    #[test]
    fn leading_zeros_count() {
        assert_ne!(
            id(&Reading {
                credential: Credential::Enrol("7".into()),
                ..reading()
            }),
            id(&reading())
        );
        assert_ne!(
            id(&Reading {
                credential: Credential::Card("0007".into()),
                ..reading()
            }),
            id(&reading())
        );
    }

    #[test]
    fn a_reset_log_does_not_repeat_old_ids() {
        let first = Reading {
            sequence: Some(1),
            ..reading()
        };
        let at = Timestamp::from_millis(0);
        assert_ne!(
            punch_id(&"gate-1".into(), 1, &first, at),
            punch_id(&"gate-1".into(), 2, &first, at)
        );
    }

    #[test]
    fn a_reading_without_time_and_number_is_told_by_its_arrival() {
        let bare = Reading {
            device_time: None,
            ..reading()
        };
        let at = |ms| punch_id(&"gate-1".into(), 1, &bare, Timestamp::from_millis(ms));
        assert_ne!(at(0), at(1));
        assert_eq!(at(1), at(1));
    }

    #[test]
    fn fields_do_not_run_into_one_another() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
