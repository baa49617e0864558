//! `semantics.md` section 2: from a printed time to an instant.

mod common;

use std::time::Duration;

use common::{at, judge, office_door, punch};
use jiff::tz::TimeZone;
use punchgate_model::{Credential, DeviceTime, Factor, Origin, Reading, Timestamp};
use punchgate_rules::{
    ClockMode, ClockOffset, ClockPolicy, OffsetLog, Placed, Punch, TimeQuality, VerdictOutcome, clock::step,
    is_our_time, place, place_among,
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
    // 40 ms when it was measured, and 500 ppm of the nine hours since.
    assert_eq!(
        found,
        placed("2026-03-02T08:59:45Z", 40 + 16_192, TimeQuality::Synced, false)
    );
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
    assert_eq!(log.add(measured(8, 0)), [(Timestamp::MIN, Timestamp::MAX)]);
    assert_eq!(log.add(measured(8, 0)), [], "heard before");
    log.add(measured(12, 0));
    let before = log.clone();
    let new = measured(10, 500);
    let [(from, to)] = log.add(new)[..] else {
        panic!("it changes one stretch")
    };
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

/// A log of these measurements: hour, offset in milliseconds.
fn log_of(measurements: &[(i64, i64)]) -> OffsetLog {
    let mut log = OffsetLog::default();
    for (hour, offset_ms) in measurements {
        log.add(measured(*hour, *offset_ms));
    }
    log
}

const HOUR: i64 = 3_600_000;

/// Quality and uncertainty of a reading from the log that was printed then.
fn quality(printed_at: &str, log: &OffsetLog) -> (TimeQuality, u32) {
    let found = place_among(&stored(printed_at), later(), &zone("UTC0"), log);
    (found.quality, found.uncertainty_ms)
}

/// F33.
#[test]
fn a_clock_that_nobody_has_measured_for_days_is_off_by_500_ppm_of_them() {
    let log = log_of(&[(0, 0)]);
    assert_eq!(quality("2026-03-02T00:00:00", &log).1, 10);
    assert_eq!(quality("2026-03-02T01:00:00", &log).1, 10 + 1_800);
    assert_eq!(quality("2026-03-12T00:00:00", &log).1, 10 + 432_000);
    assert_eq!(quality("2026-02-20T00:00:00", &log).1, 10 + 432_000, "or was not yet");
    // A drift of that size is no step, and one beyond it is.
    assert_eq!(log_of(&[(0, 0), (240, 432_000)]).doubt(at("2026-03-05T00:00:00Z")), 0);
    assert_eq!(
        log_of(&[(0, 0), (240, -436_000)]).doubt(at("2026-03-05T00:00:00Z")),
        436_000
    );
}

/// F34.
#[test]
fn what_was_printed_around_a_step_of_the_clock_is_suspect_and_nothing_else() {
    let forward = log_of(&[(7, 0), (8, 0), (9, HOUR), (10, HOUR)]);
    for (time, doubtful) in [
        ("07:59:59", false),
        ("08:00:00", false),
        ("08:00:01", true),
        ("08:59:59", true),
        ("09:30:00", true),
        ("10:00:00", false),
        ("10:30:00", false),
    ] {
        let (found, uncertainty) = quality(&format!("2026-03-02T{time}"), &forward);
        assert_eq!(found == TimeQuality::Suspect, doubtful, "{time}");
        assert_eq!(uncertainty >= 3_600_000, doubtful, "{time}: {uncertainty}");
    }
    let back = log_of(&[(8, HOUR), (9, 0), (12, 0)]);
    for (time, doubtful) in [
        ("07:30:00", false),
        ("08:30:00", true),
        ("09:30:00", true),
        ("10:00:01", false),
    ] {
        let (found, _) = quality(&format!("2026-03-02T{time}"), &back);
        assert_eq!(found == TimeQuality::Suspect, doubtful, "{time}");
    }
}

#[test]
fn a_clock_set_to_2099_and_back_spoils_what_was_printed_meanwhile_and_nothing_after() {
    let log = log_of(&[(8, 0), (9, 73 * 365 * 24 * HOUR), (10, 0), (11, 0)]);
    assert_eq!(quality("2026-03-02T10:30:00", &log).0, TimeQuality::Synced);
    assert_eq!(quality("2026-03-02T07:30:00", &log).0, TimeQuality::Synced);
    assert_eq!(quality("2026-03-02T08:30:00", &log).0, TimeQuality::Suspect);
}

#[test]
fn a_live_punch_that_arrives_when_it_should_is_not_suspect_whatever_was_done_to_the_clock() {
    let log = log_of(&[(8, 0), (9, HOUR)]);
    let now = at("2026-03-02T08:40:00Z");
    let live = place_among(
        &printed("2026-03-02T09:40:00"),
        now.plus_millis(900),
        &zone("UTC0"),
        &log,
    );
    assert_eq!((live.at, live.quality), (now, TimeQuality::Synced));
    let late = place_among(
        &printed("2026-03-02T09:40:00"),
        now.plus_millis(60_000),
        &zone("UTC0"),
        &log,
    );
    assert_eq!(late.quality, TimeQuality::Suspect);
}

#[test]
fn steps_are_told_the_same_whatever_order_the_measurements_came_in() {
    let order = [(8, 0), (9, HOUR), (10, HOUR), (11, -HOUR), (12, 0)];
    let straight = log_of(&order);
    for turn in 0..order.len() {
        let mut turned = order;
        turned.rotate_left(turn);
        assert_eq!(log_of(&turned), straight);
        turned.reverse();
        assert_eq!(log_of(&turned), straight);
    }
}

/// A new measurement answers everything that it places otherwise, steps included.
#[test]
fn no_reading_is_placed_otherwise_outside_of_what_a_measurement_says_it_changes() {
    let minutes = |minute: i64| at("2026-03-02T00:00:30Z").plus_millis(minute * 60_000);
    let all = [(4, 0), (6, HOUR), (9, HOUR), (12, -2 * HOUR), (20, 0)];
    for missing in 0..all.len() {
        let mut log = OffsetLog::default();
        let known = all.iter().enumerate().filter(|(index, _)| *index != missing);
        known.for_each(|(_, (hour, offset))| drop(log.add(measured(*hour, *offset))));
        let before = log.clone();
        let (hour, offset) = all[missing];
        let changed = log.add(measured(hour, offset));
        for time in (-600..3_000).map(minutes) {
            let same = log.nearest(time) == before.nearest(time) && log.doubt(time) == before.doubt(time);
            let said = changed.iter().any(|(from, to)| *from <= time && time <= *to);
            assert!(same || said, "{time}, added {hour}");
        }
    }
}

/// F31.
#[test]
fn a_gateway_that_does_not_know_the_time_takes_the_devices_word_and_trusts_nobody() {
    for ours in [
        "1970-01-01T00:00:05Z",
        "2000-01-01T00:00:00Z",
        "2038-01-19T03:14:08Z",
        "2106-02-07T06:28:15Z",
    ] {
        let ours = at(ours);
        assert!(!is_our_time(ours));
        for reading in [printed("2026-03-02T08:55:00"), stored("2026-03-02T08:55:00")] {
            let found = place(&reading, ours, &zone(SHANGHAI), None);
            assert_eq!(found, placed("2026-03-02T00:55:00Z", 0, TimeQuality::Suspect, false));
            // Measured once we know it.
            let found = place(&reading, ours, &zone(SHANGHAI), Some(&fast_by(95_000)));
            assert_eq!(
                (found.at, found.quality),
                (at("2026-03-02T00:53:25Z"), TimeQuality::Synced)
            );
            // Measured before, it says nothing.
            let clueless = ClockOffset {
                measured_at: ours,
                ..fast_by(1)
            };
            let found = place(&reading, ours, &zone(SHANGHAI), Some(&clueless));
            assert_eq!(
                (found.at, found.quality),
                (at("2026-03-02T00:55:00Z"), TimeQuality::Suspect)
            );
        }
        let bare = Reading {
            device_time: None,
            ..printed("2026-03-02T08:55:00")
        };
        let found = place(&bare, ours, &zone(SHANGHAI), None);
        assert_eq!(
            (found.at, found.quality, found.held_out),
            (ours, TimeQuality::Reset, true)
        );
    }
}

/// F37.
#[test]
fn days_ahead_is_held_out_of_verification_until_a_measurement_explains_it() {
    let now = at("2026-03-02T09:00:00Z");
    let ahead = stored("2026-03-05T17:00:00");
    let found = place(&ahead, now, &zone(SHANGHAI), None);
    assert_eq!((found.quality, found.held_out), (TimeQuality::Reset, true));
    let explained = ClockOffset {
        measured_at: now,
        ..fast_by(72 * HOUR)
    };
    let found = place(&ahead, now, &zone(SHANGHAI), Some(&explained));
    assert_eq!(
        (found.at, found.quality, found.held_out),
        (now, TimeQuality::Synced, false)
    );
}

#[test]
fn a_trusted_clock_in_2099_is_in_the_future_all_the_same() {
    let trusting = ClockPolicy {
        mode: ClockMode::Trust,
        ..zone(SHANGHAI)
    };
    let now = at("2026-03-02T09:00:00Z");
    let years = ClockOffset {
        measured_at: now,
        ..fast_by(73 * 365 * 24 * HOUR)
    };
    let found = place(&stored("2099-03-02T17:00:00"), now, &trusting, Some(&years));
    assert_eq!((found.quality, found.held_out), (TimeQuality::Reset, true));
    let live = place(&printed("2099-03-02T17:00:00"), now, &trusting, Some(&years));
    assert_eq!((live.at, live.quality, live.held_out), (now, TimeQuality::Reset, false));
}

/// F35.
#[test]
fn a_device_that_does_not_follow_summer_time_is_measured_and_corrected() {
    // It goes on in winter time: measured an hour behind after the night of 8 March.
    let summer = ClockOffset {
        measured_at: at("2026-03-08T12:00:00Z"),
        offset_ms: -HOUR,
        uncertainty_ms: 1_010,
    };
    let found = place(&stored("2026-03-08T07:00:00"), later(), &zone(NEW_YORK), Some(&summer));
    assert_eq!(
        (found.at, found.quality),
        (at("2026-03-08T12:00:00Z"), TimeQuality::Synced)
    );
}
