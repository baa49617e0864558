//! What of a driver's remarks is a fact that decides, and so belongs in the journal: clocks measured, logs read.

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;
use punchgate_journal::{ClockMeasured, Entry};
use punchgate_kit::Remark;
use punchgate_model::{DeviceName, DeviceTime, Origin, Reading, Timestamp};
use punchgate_rules::clock::{instant, is_our_time};
use tokio::sync::watch;

use crate::decide::settings::Settings;

/// A measurement that says nothing new is written again after this long.
const AGAIN_AFTER: Duration = Duration::from_secs(3600);
/// Device clocks show whole seconds: a difference of one says nothing.
const RESOLUTION_MS: i64 = 1000;

/// Turns remarks into journal entries, and leaves out measurements that say what the last one said.
#[derive(Debug)]
pub struct Contacts {
    settings: watch::Receiver<Settings>,
    written: BTreeMap<DeviceName, (Timestamp, ClockMeasured)>,
    shown: BTreeMap<DeviceName, DeviceTime>,
}

impl Contacts {
    /// Of the devices in these settings, nothing written yet.
    pub fn new(settings: watch::Receiver<Settings>) -> Self {
        Self {
            settings,
            written: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    /// The journal entry a remark makes, if any. `through` is how far the device is complete now.
    pub fn entry(
        &mut self,
        device: &DeviceName,
        remark: &Remark,
        now: Timestamp,
        through: Option<Timestamp>,
    ) -> Option<Entry> {
        let contact = |serial, clock, log: Option<(u64, u64, bool)>| Entry::Contact {
            device: device.clone(),
            at: now,
            serial,
            clock,
            log_records: log.map(|(records, ..)| records),
            complete: log.is_some_and(|(_, _, complete)| complete),
            held: log.map(|(_, rows, _)| rows),
            through: log.and(through),
            landmarks: Vec::new(),
        };
        match remark {
            Remark::Clock { shows, round_trip } => {
                let clock = self.measured(device, shows, *round_trip, now)?;
                let stands = self.shown.insert(device.clone(), shows.clone()).as_ref() == Some(shows);
                self.is_news(device, now, clock, stands)
                    .then(|| contact(None, Some(clock), None))
            }
            Remark::Downloaded {
                records,
                rows,
                complete,
            } => Some(contact(None, None, Some((*records, *rows, *complete)))),
            Remark::Identity { serial, .. } => Some(contact(Some(serial.clone()), None, None)),
            _ => None,
        }
    }

    /// A device's clock against ours; `None` where ours cannot be right, or the device's shows a local time that happens
    /// twice or never.
    pub fn measured(
        &self,
        device: &DeviceName,
        shows: &DeviceTime,
        round_trip: Duration,
        now: Timestamp,
    ) -> Option<ClockMeasured> {
        measure(shows, round_trip, now, &self.zone(device)?)
    }

    /// How far a device's clock must be ahead of ours if what it says of a live reading is true and its clock was not set
    /// since it was measured, in milliseconds.
    pub fn witnessed(&self, device: &DeviceName, reading: &Reading, now: Timestamp) -> Option<i64> {
        let (_, known) = self.written.get(device).filter(|_| reading.origin == Origin::Live)?;
        let said = instant(reading.device_time.as_ref()?, &self.zone(device)?)?;
        Some(said.at.plus_millis(known.offset_ms.saturating_neg()).since(now))
    }

    /// The zone that a device's clock shows.
    fn zone(&self, device: &DeviceName) -> Option<TimeZone> {
        let settings = self.settings.borrow();
        TimeZone::get(settings.devices.get(device.as_str())?.timezone.as_deref()?).ok()
    }

    /// Whether a measurement differs from the last one written by more than it leaves open, or that one is old. A clock that
    /// stands falls behind at every look; that is news once in a while.
    fn is_news(&mut self, device: &DeviceName, now: Timestamp, clock: ClockMeasured, stands: bool) -> bool {
        let news = self.written.get(device).is_none_or(|(at, last)| {
            let moved = clock.offset_ms.saturating_sub(last.offset_ms).saturating_abs();
            let aged = now.since(*at).saturating_abs() >= i64::try_from(AGAIN_AFTER.as_millis()).unwrap_or(i64::MAX);
            aged || (!stands && moved > i64::from(clock.uncertainty_ms))
        });
        if news {
            self.written.insert(device.clone(), (now, clock));
        }
        news
    }
}

/// Device clock minus ours, uncertain by half the round trip and by the second that the clock does not show the parts of
/// (`semantics.md` section 2); `None` where ours cannot be right, or local time is ambiguous.
///
/// What it showed belongs to the middle of the round trip, which ended now. Device clocks show whole seconds, so the
/// offset is told in whole seconds too: a clock that is right has offset 0, and printed times stay as printed.
pub fn measure(shows: &DeviceTime, round_trip: Duration, now: Timestamp, zone: &TimeZone) -> Option<ClockMeasured> {
    let said = instant(shows, zone).filter(|said| !said.ambiguous && is_our_time(now))?;
    let ahead = said.at.since(now.minus(round_trip / 2));
    // The true time lies up to a second after what was shown: the whole second nearest to the middle of that.
    let half = i64::try_from((round_trip / 2).as_millis()).unwrap_or(i64::MAX);
    let may_be_right = ahead.saturating_sub(half) <= 0 && ahead.saturating_add(half) > -1000;
    let offset_ms = if may_be_right {
        0
    } else {
        ahead.saturating_add(999).div_euclid(1000).saturating_mul(1000)
    };
    let uncertainty_ms = u32::try_from(half.saturating_add(RESOLUTION_MS)).unwrap_or(u32::MAX);
    Some(ClockMeasured {
        offset_ms,
        uncertainty_ms,
    })
}

#[cfg(test)]
mod tests {
    use punchgate_rules::ClockMode;

    use super::*;
    use crate::decide::settings::DeviceSettings;

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

    #[test]
    fn a_clock_is_written_when_it_moved_or_after_an_hour_and_not_at_every_look() {
        let gate_settings = DeviceSettings {
            timezone: Some("Asia/Shanghai".to_owned()),
            zone: None,
            clock: ClockMode::Correct,
            not_before: Timestamp::MIN,
            max_future_ms: 0,
            keeps_log: true,
        };
        let settings = Settings {
            devices: BTreeMap::from([("gate".to_owned(), gate_settings)]),
            ..Settings::default()
        };
        let mut contacts = Contacts::new(watch::channel(settings).1);
        let gate = DeviceName::from("gate");
        let mut written = |shows: (u8, u8, u8), now: &str| {
            let remark = Remark::Clock {
                shows: DeviceTime::from_numbers(2026, 3, 2, shows.0, shows.1, shows.2),
                round_trip: Duration::from_millis(40),
            };
            let now = format!("2026-03-02T{now}Z").parse().expect("an instant");
            contacts.entry(&gate, &remark, now, None).is_some()
        };
        assert!(written((8, 55, 0), "00:55:00.400"));
        assert!(!written((8, 55, 30), "00:55:30.400"));
        assert!(!written((8, 56, 1), "00:56:00.400"), "a second is within what it shows");
        assert!(written((8, 58, 35), "00:57:00.400"), "it was set 95 s ahead");
        assert!(!written((8, 59, 35), "00:58:00.400"));
        assert!(written((9, 58, 35), "01:57:00.400"), "an hour has passed");
    }
}
