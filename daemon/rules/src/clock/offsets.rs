//! What was measured of one device's clock (`semantics.md` section 2).

use std::{collections::BTreeMap, time::Duration};

use punchgate_model::Timestamp;
use serde::{Deserialize, Serialize};

/// One measurement: offset = device clock − gateway clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClockOffset {
    /// When, by the gateway's clock.
    pub measured_at: Timestamp,
    /// How far the device's clock was ahead, in milliseconds; negative when it was behind.
    pub offset_ms: i64,
    /// The round trip of the measurement, in milliseconds.
    pub uncertainty_ms: u32,
}

impl ClockOffset {
    /// What the device's clock showed when it was measured.
    pub fn device_clock(&self) -> Timestamp {
        self.measured_at.plus_millis(self.offset_ms)
    }
}

/// All measurements of one device, whatever order they came in.
///
/// Kept by what the device's clock showed: that is the only time a stored reading has, so "nearest in time" is
/// told on the device's own clock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OffsetLog {
    by_device_clock: BTreeMap<Timestamp, ClockOffset>,
}

impl OffsetLog {
    /// Adds a measurement. Of two at one reading of the device's clock the later one, by our clock, counts.
    ///
    /// Answers which readings of the device's clock it changes the placing of: from the first instant to the
    /// second, both included; `None` when it changes nothing.
    pub fn add(&mut self, new: ClockOffset) -> Option<(Timestamp, Timestamp)> {
        let shown = new.device_clock();
        if self.by_device_clock.get(&shown).is_some_and(|known| *known >= new) {
            return None;
        }
        self.by_device_clock.insert(shown, new);
        let halfway = |a: Timestamp, b: Timestamp| a.plus_millis(b.since(a) / 2);
        let earlier = self.by_device_clock.range(..shown).next_back();
        let later = self.by_device_clock.range(shown.plus_millis(1)..).next();
        let from = earlier.map_or(Timestamp::MIN, |(at, _)| halfway(*at, shown));
        let to = later.map_or(Timestamp::MAX, |(at, _)| halfway(shown, *at));
        Some((from, to))
    }

    /// Every measurement, in order of what the device's clock showed.
    pub fn iter(&self) -> impl Iterator<Item = &ClockOffset> {
        self.by_device_clock.values()
    }

    /// The measurement nearest to an instant of the device's clock; of two equally near, the earlier.
    pub fn nearest(&self, device_clock: Timestamp) -> Option<&ClockOffset> {
        let earlier = self.by_device_clock.range(..=device_clock).next_back();
        let later = self.by_device_clock.range(device_clock..).next();
        match (earlier, later) {
            (Some((a, before)), Some((b, after))) => Some(if b.since(device_clock) < device_clock.since(*a) {
                after
            } else {
                before
            }),
            (found, None) | (None, found) => found.map(|(_, offset)| offset),
        }
    }
}

/// How far the clock was stepped between two measurements, in milliseconds (positive: forward); `None` when the
/// difference is no more than both uncertainties, `tolerance`, and a drift of 500 ppm explain.
pub fn step(before: &ClockOffset, after: &ClockOffset, tolerance: Duration) -> Option<i64> {
    let moved = after.offset_ms.saturating_sub(before.offset_ms);
    let elapsed = after.measured_at.since(before.measured_at).saturating_abs();
    let doubt = i64::from(before.uncertainty_ms) + i64::from(after.uncertainty_ms);
    let allowed = doubt
        .saturating_add(crate::policy::millis(tolerance))
        .saturating_add(elapsed / 2000);
    (moved.saturating_abs() > allowed).then_some(moved)
}
