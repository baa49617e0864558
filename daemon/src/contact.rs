//! What of a driver's remarks is a fact that decides, and so belongs in the journal: clocks measured, logs read.

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;
use punchgate_journal::{ClockMeasured, Entry};
use punchgate_kit::Remark;
use punchgate_model::{DeviceName, DeviceTime, Timestamp};
use punchgate_rules::clock::instant;

/// The zones of the configured devices that keep time.
pub type Zones = BTreeMap<String, TimeZone>;

/// The journal entry a remark makes, if any.
pub fn entry(device: &DeviceName, remark: &Remark, now: Timestamp, zones: &Zones) -> Option<Entry> {
    let empty = |clock, log_records, complete| Entry::Contact {
        device: device.clone(),
        at: now,
        serial: None,
        clock,
        log_records,
        complete,
    };
    match remark {
        Remark::Clock { shows, round_trip } => {
            let clock = measure(shows, *round_trip, now, zones.get(device.as_str())?)?;
            Some(empty(Some(clock), None, false))
        }
        Remark::Downloaded { records, complete, .. } => Some(empty(None, Some(*records), *complete)),
        Remark::Identity { serial, .. } => Some(Entry::Contact {
            device: device.clone(),
            at: now,
            serial: Some(serial.clone()),
            clock: None,
            log_records: None,
            complete: false,
        }),
        _ => None,
    }
}

/// Device clock minus ours, with the round trip as uncertainty (`semantics.md` section 2).
///
/// What it showed belongs to the middle of the round trip, which ended now. Device clocks show whole seconds, so the
/// offset is told in whole seconds too: a clock that is right has offset 0, and printed times stay as printed.
pub fn measure(shows: &DeviceTime, round_trip: Duration, now: Timestamp, zone: &TimeZone) -> Option<ClockMeasured> {
    let said = instant(shows, zone)?;
    let ahead = said.at.since(now.minus(round_trip / 2));
    // The true time lies up to a second after what was shown: the whole second nearest to the middle of that.
    let half = i64::try_from((round_trip / 2).as_millis()).unwrap_or(i64::MAX);
    let may_be_right = ahead.saturating_sub(half) <= 0 && ahead.saturating_add(half) > -1000;
    let offset_ms = if may_be_right {
        0
    } else {
        ahead.saturating_add(999).div_euclid(1000).saturating_mul(1000)
    };
    let uncertainty_ms = u32::try_from(round_trip.as_millis()).unwrap_or(u32::MAX);
    Some(ClockMeasured {
        offset_ms,
        uncertainty_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(shows: (u8, u8, u8), now: &str) -> i64 {
        let shows = DeviceTime::from_numbers(2026, 3, 2, shows.0, shows.1, shows.2);
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        let now = now.parse().expect("an instant");
        measure(&shows, Duration::from_millis(40), now, &zone)
            .expect("measured")
            .offset_ms
    }

    #[test]
    fn a_clock_that_is_right_has_no_offset_wherever_in_the_second_it_is_read() {
        for fraction in ["000", "005", "020", "021", "300", "500", "999"] {
            assert_eq!(
                offset((8, 55, 0), &format!("2026-03-02T00:55:00.{fraction}Z")),
                0,
                "{fraction}"
            );
        }
    }

    #[test]
    fn a_fast_clock_is_ahead_and_a_slow_one_behind() {
        assert_eq!(offset((8, 56, 35), "2026-03-02T00:55:00.400Z"), 95_000);
        assert_eq!(offset((8, 54, 0), "2026-03-02T00:55:00.400Z"), -60_000);
    }
}
