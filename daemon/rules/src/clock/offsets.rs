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
    /// How far off that may be either way, in milliseconds: half the round trip, and what the clock does not show.
    pub uncertainty_ms: u32,
}

/// What a clock may gain or lose, measured by nobody: 500 ppm, 1.8 s an hour, a cheap crystal in a hot hall.
const DRIFT_PPM: u64 = 500;
/// A difference between two measurements that is no step.
const TOLERANCE: Duration = Duration::from_secs(2);

impl ClockOffset {
    /// What the device's clock showed when it was measured.
    pub fn device_clock(&self) -> Timestamp {
        self.measured_at.plus_millis(self.offset_ms)
    }

    /// How far off the offset may be when the device's clock shows an instant, in milliseconds: more with every hour
    /// before or after the measurement.
    pub fn uncertainty_at(&self, device_clock: Timestamp) -> u32 {
        let apart = device_clock.since(self.device_clock()).unsigned_abs();
        let drift = u32::try_from(apart / (1_000_000 / DRIFT_PPM)).unwrap_or(u32::MAX);
        self.uncertainty_ms.saturating_add(drift)
    }
}

/// Somebody set the clock, between one measurement and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The last measurement before.
    pub before: ClockOffset,
    /// The first one after.
    pub after: ClockOffset,
    /// By how much, in milliseconds; positive: forward.
    pub by_ms: i64,
}

impl Step {
    /// What the clock may have shown between the two measurements: as it was set before, and as it was set after. What it
    /// printed then may be meant one way or the other.
    fn shown(&self) -> [(Timestamp, Timestamp); 2] {
        let between = self.after.measured_at.since(self.before.measured_at).max(0);
        let (before, after) = (self.before.device_clock(), self.after.device_clock());
        [
            (before, before.plus_millis(between)),
            (after.plus_millis(between.saturating_neg()), after),
        ]
    }

    fn concerns(&self, device_clock: Timestamp) -> bool {
        self.shown()
            .iter()
            .any(|(from, to)| *from < device_clock && device_clock < *to)
    }
}

/// All measurements of one device, whatever order they came in.
///
/// Kept by what the device's clock showed: that is the only time a stored reading has, so "nearest in time" is
/// told on the device's own clock. And by our clock, in which order steps are told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OffsetLog {
    by_device_clock: BTreeMap<Timestamp, ClockOffset>,
    by_our_clock: BTreeMap<Timestamp, ClockOffset>,
    /// Steps, by the measurement after them.
    steps: BTreeMap<Timestamp, Step>,
}

impl OffsetLog {
    /// Adds a measurement. Of two at one reading of the device's clock the later one, by our clock, counts.
    ///
    /// Answers which readings of the device's clock it changes the placing of: stretches from a first instant to a last,
    /// both included; none when it changes nothing.
    pub fn add(&mut self, new: ClockOffset) -> Vec<(Timestamp, Timestamp)> {
        let mut changed = self.add_by_our_clock(new);
        let shown = new.device_clock();
        if self.by_device_clock.get(&shown).is_some_and(|known| *known >= new) {
            return changed;
        }
        self.by_device_clock.insert(shown, new);
        let halfway = |a: Timestamp, b: Timestamp| a.plus_millis(b.since(a) / 2);
        let earlier = self.by_device_clock.range(..shown).next_back();
        let later = self.by_device_clock.range(shown.plus_millis(1)..).next();
        let from = earlier.map_or(Timestamp::MIN, |(at, _)| halfway(*at, shown));
        let to = later.map_or(Timestamp::MAX, |(at, _)| halfway(shown, *at));
        changed.push((from, to));
        changed
    }

    /// Answers what the clock showed around the steps that this makes or unmakes.
    fn add_by_our_clock(&mut self, new: ClockOffset) -> Vec<(Timestamp, Timestamp)> {
        let at = new.measured_at;
        if self.by_our_clock.get(&at).is_some_and(|known| *known >= new) {
            return Vec::new();
        }
        self.by_our_clock.insert(at, new);
        let earlier = self.by_our_clock.range(..at).next_back().map(|(_, offset)| *offset);
        let later = self
            .by_our_clock
            .range(at.plus_millis(1)..)
            .next()
            .map(|(_, offset)| *offset);
        let mut changed = Vec::new();
        for (before, after) in [(earlier, Some(new)), (Some(new), later)] {
            let Some(after) = after else { continue };
            let found = before.and_then(|before| stepped(before, after));
            let known = match found {
                Some(step) => self.steps.insert(after.measured_at, step),
                None => self.steps.remove(&after.measured_at),
            };
            if known != found {
                changed.extend([known, found].into_iter().flatten().flat_map(|step| step.shown()));
            }
        }
        changed
    }

    /// Every measurement, in order of what the device's clock showed.
    pub fn iter(&self) -> impl Iterator<Item = &ClockOffset> {
        self.by_device_clock.values()
    }

    /// The last measurement by our clock.
    pub fn last(&self) -> Option<&ClockOffset> {
        self.by_our_clock.values().next_back()
    }

    /// The step that was found by the measurement at this instant of our clock.
    pub fn step_at(&self, measured_at: Timestamp) -> Option<&Step> {
        self.steps.get(&measured_at)
    }

    /// By how much the clock was set around the time when it showed this instant, in milliseconds; 0 when it was not.
    pub fn doubt(&self, device_clock: Timestamp) -> u64 {
        let concerned = self.steps.values().filter(|step| step.concerns(device_clock));
        concerned.map(|step| step.by_ms.unsigned_abs()).max().unwrap_or(0)
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

fn stepped(before: ClockOffset, after: ClockOffset) -> Option<Step> {
    step(&before, &after, TOLERANCE).map(|by_ms| Step { before, after, by_ms })
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
