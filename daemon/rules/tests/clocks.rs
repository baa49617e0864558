//! `semantics.md` section 2: from a printed time to an instant.

mod common;

use std::time::Duration;

use common::{at, judge, office_door, punch};
use jiff::tz::TimeZone;
use punchgate_model::{Credential, DeviceTime, Factor, Origin, Reading, Timestamp};
use punchgate_rules::{
    ClockMode, ClockOffset, ClockPolicy, OffsetLog, Placed, Punch, TimeQuality, VerdictOutcome, clock::step, place,
};

/// Rules of the zones spelled out, so that the tests do not depend on the machine's zone files.
const SHANGHAI: &str = "CST-8";
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";

fn zone(rules: &str) -> ClockPolicy {
    ClockPolicy::new(TimeZone::posix(rules).expect("a zone"))
}

fn printed(text: &str) -> Reading {
    let mut reading = Reading::new(Credential::Enrol("0007".into()), Factor::Fingerprint);
    reading.device_time = Some(DeviceTime::from_civil(text.parse().expect("a civil time")));
    reading
}

fn stored(text: &str) -> Reading {
    Reading {
        origin: Origin::Log,
        ..printed(text)
    }
}

fn fast_by(ms: i64) -> ClockOffset {
    ClockOffset {
        measured_at: at("2026-03-02T00:00:00Z"),
        offset_ms: ms,
        uncertainty_ms: 40,
    }
}

fn placed(text: &str, uncertainty_ms: u32, quality: TimeQuality, held_out: bool) -> Placed {
    Placed {
        at: at(text),
        uncertainty_ms,
        quality,
        held_out,
    }
}

/// Long after any of the punches below.
fn later() -> Timestamp {
    at("2026-12-31T00:00:00Z")
}

#[test]
fn a_printed_time_is_local_to_the_device() {
    let found = place(&stored("2026-03-02T08:55:00"), later(), &zone(SHANGHAI), None);
    assert_eq!(found, placed("2026-03-02T00:55:00Z", 0, TimeQuality::Estimated, false));
}

#[test]
fn a_time_with_an_offset_needs_no_zone() {
    let mut reading = stored("2026-03-02T08:55:00");
    reading.device_time = DeviceTime::from_rfc3339("2026-03-02T08:55:00+01:00").ok();
    let found = place(&reading, later(), &zone(SHANGHAI), None);
    assert_eq!(found.at, at("2026-03-02T07:55:00Z"));
    reading.credential = Credential::Person("E001".into());
    let claimed = place(&reading, later(), &zone(SHANGHAI), None);
    assert_eq!(claimed.quality, TimeQuality::Claimed);
}

#[test]
fn a_fast_terminal_is_corrected_and_corrected_time_decides() {
    let found = place(
        &stored("2026-03-02T17:01:20"),
        later(),
        &zone(SHANGHAI),
        Some(&fast_by(95_000)),
    );
    assert_eq!(found, placed("2026-03-02T08:59:45Z", 40, TimeQuality::Synced, false));
    let gps = punch("gps", Factor::Gps, at("2026-03-02T08:45:00Z"));
    let finger = Punch {
        at: found.at,
        ..punch("finger", Factor::Fingerprint, found.at)
    };
    let verdicts = judge(&[gps, finger], &office_door(), None);
    assert_eq!(
        (verdicts[0].outcome, verdicts[0].gap_ms),
        (VerdictOutcome::Verified, Some(885_000))
    );
}

#[test]
fn a_trusted_clock_is_taken_at_its_word() {
    let trusting = ClockPolicy {
        mode: ClockMode::Trust,
        ..zone(SHANGHAI)
    };
    let found = place(
        &stored("2026-03-02T17:01:20"),
        later(),
        &trusting,
        Some(&fast_by(95_000)),
    );
    assert_eq!(found, placed("2026-03-02T09:01:20Z", 0, TimeQuality::Estimated, false));
}

#[test]
fn a_device_without_a_clock_is_timed_by_its_arrival() {
    let arriving = ClockPolicy {
        mode: ClockMode::Received,
        ..zone(SHANGHAI)
    };
    let now = at("2026-03-02T09:00:00Z");
    assert_eq!(place(&printed("2001-01-01T00:00:00"), now, &arriving, None).at, now);
    let bare = Reading {
        device_time: None,
        ..printed("2026-03-02T08:00:00")
    };
    assert_eq!(
        place(&bare, now, &zone(SHANGHAI), None),
        Placed {
            at: now,
            uncertainty_ms: 0,
            quality: TimeQuality::Synced,
            held_out: false
        }
    );
    let from_log = Reading {
        origin: Origin::Log,
        ..bare
    };
    assert!(
        place(&from_log, now, &zone(SHANGHAI), None).held_out,
        "nobody knows when it was"
    );
}

#[test]
fn a_time_that_happens_twice_is_the_earlier_and_open_by_an_hour() {
    let found = place(&stored("2026-11-01T01:30:00"), later(), &zone(NEW_YORK), None);
    assert_eq!(
        found,
        placed("2026-11-01T05:30:00Z", 3_600_000, TimeQuality::Suspect, false)
    );
}

#[test]
fn a_time_that_never_happens_moves_forward_by_the_gap() {
    let found = place(&stored("2026-03-08T02:30:00"), later(), &zone(NEW_YORK), None);
    assert_eq!(
        found,
        placed("2026-03-08T07:30:00Z", 3_600_000, TimeQuality::Suspect, false)
    );
    let just_before = place(&stored("2026-03-08T01:59:59"), later(), &zone(NEW_YORK), None);
    assert_eq!(
        just_before,
        placed("2026-03-08T06:59:59Z", 0, TimeQuality::Estimated, false)
    );
}

#[test]
fn a_time_printed_to_the_minute_is_open_by_a_minute() {
    let mut reading = stored("2026-03-02T08:55:00");
    reading.device_time = reading.device_time.map(DeviceTime::to_the_minute);
    reading.uncertainty_ms = 7;
    assert_eq!(place(&reading, later(), &zone(SHANGHAI), None).uncertainty_ms, 60_007);
}

#[test]
fn a_clock_that_fell_back_is_a_reset() {
    let now = at("2026-03-02T09:00:00Z");
    let live = place(&printed("2000-01-01T00:00:10"), now, &zone(SHANGHAI), None);
    assert_eq!((live.at, live.quality, live.held_out), (now, TimeQuality::Reset, false));
    let from_log = place(&stored("2000-01-01T00:00:10"), now, &zone(SHANGHAI), None);
    assert_eq!(from_log, placed("1999-12-31T16:00:10Z", 0, TimeQuality::Reset, true));
    let first_good = place(&stored("2018-01-01T08:00:00"), now, &zone(SHANGHAI), None);
    assert!(!first_good.held_out, "not_before itself is a time like any other");
}

#[test]
fn two_minutes_ahead_is_the_future_and_a_known_offset_excuses() {
    let now = at("2026-03-02T00:58:00Z");
    let ahead = |text, offset: Option<&ClockOffset>| place(&stored(text), now, &zone(SHANGHAI), offset).held_out;
    assert!(!ahead("2026-03-02T09:00:00", None));
    assert!(ahead("2026-03-02T09:00:00.001", None));
    assert!(ahead("2099-03-02T09:00:00", None));
    assert!(!ahead("2026-03-02T09:01:35", Some(&fast_by(95_000))));
    assert!(ahead("2026-03-02T09:01:35.001", Some(&fast_by(95_000))));
}

#[test]
fn what_a_clock_printed_before_it_jumped_to_2099_keeps_its_time_and_is_held_out() {
    let ahead = fast_by(73 * 365 * 86_400_000);
    let found = place(&stored("2026-03-02T08:55:00"), later(), &zone(SHANGHAI), Some(&ahead));
    assert_eq!(found, placed("2026-03-02T00:55:00Z", 0, TimeQuality::Reset, true));
}

#[test]
fn an_impossible_date_is_a_reset() {
    let mut reading = stored("2026-03-02T08:55:00");
    reading.device_time = Some(DeviceTime::from_numbers(2026, 2, 30, 8, 0, 0));
    let found = place(&reading, later(), &zone(SHANGHAI), None);
    assert_eq!((found.quality, found.held_out), (TimeQuality::Reset, true));
    reading.origin = Origin::Live;
    let found = place(&reading, later(), &zone(SHANGHAI), None);
    assert_eq!((found.at, found.held_out), (later(), false));
}

fn measured(hour: i64, offset_ms: i64) -> ClockOffset {
    let measured_at = at("2026-03-02T00:00:00Z").plus_millis(hour * 3_600_000);
    ClockOffset {
        measured_at,
        offset_ms,
        uncertainty_ms: 10,
    }
}

#[test]
fn the_nearest_measurement_counts_whatever_order_they_came_in() {
    let (a, b) = (measured(8, 1_000), measured(12, 2_000));
    let mut log = OffsetLog::default();
    assert_eq!(log.nearest(at("2026-03-02T09:00:00Z")), None);
    log.add(b);
    log.add(a);
    for (time, expected) in [("01:00", a), ("08:00", a), ("10:00", a), ("10:01", b), ("23:00", b)] {
        assert_eq!(
            log.nearest(at(&format!("2026-03-02T{time}:00Z"))),
            Some(&expected),
            "{time}"
        );
    }
    let mut other = OffsetLog::default();
    other.add(a);
    other.add(b);
    assert_eq!(log, other);
}

#[test]
fn a_new_measurement_says_what_it_changes_and_nothing_else_does() {
    let mut log = OffsetLog::default();
    assert_eq!(log.add(measured(8, 0)), Some((Timestamp::MIN, Timestamp::MAX)));
    assert_eq!(log.add(measured(8, 0)), None, "heard before");
    log.add(measured(12, 0));
    let before = log.clone();
    let new = measured(10, 500);
    let (from, to) = log.add(new).expect("it is new");
    for minute in 0..1440 {
        let time = at("2026-03-02T00:00:00Z").plus_millis(minute * 60_000);
        if log.nearest(time) != before.nearest(time) {
            assert!(from <= time && time <= to, "{time} is not in {from} to {to}");
        }
    }
    assert_eq!(log.nearest(at("2026-03-02T10:30:00Z")), Some(&new));
}

#[test]
fn a_step_is_told_from_drift_and_doubt() {
    let tolerance = Duration::from_secs(2);
    assert_eq!(step(&measured(8, 0), &measured(9, 60_000), tolerance), Some(60_000));
    assert_eq!(step(&measured(8, 0), &measured(9, -60_000), tolerance), Some(-60_000));
    assert_eq!(
        step(&measured(8, 0), &measured(9, 3_000), tolerance),
        None,
        "500 ppm of an hour"
    );
    assert_eq!(step(&measured(8, 0), &measured(8, 2_020), tolerance), None);
    assert_eq!(step(&measured(8, 0), &measured(8, 2_021), tolerance), Some(2_021));
}
