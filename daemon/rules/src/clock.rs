//! From a device's printed time to an instant (`semantics.md` section 2).
//!
//! The configured zone decides, never the host's. Deliberately absent: any clock; "now" is the time a reading was
//! received, so that the same reading is placed the same way for ever.

mod offsets;

use std::time::Duration;

use jiff::tz::TimeZone;
use punchgate_model::{Credential, DeviceTime, Origin, Precision, Reading, Timestamp};
use serde::{Deserialize, Serialize};

use crate::TimeQuality;
pub use offsets::{ClockOffset, OffsetLog, Step, step};

/// What is done about a device's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockMode {
    /// Subtract the offset measured nearest in time.
    #[default]
    Correct,
    /// Take the device's word.
    Trust,
    /// Use the time of arrival: for devices without a clock, whose readings are live.
    Received,
}

/// How the times of one device are read.
#[derive(Debug, Clone)]
pub struct ClockPolicy {
    /// The device's zone; there is no default.
    pub zone: TimeZone,
    /// What is done about its clock.
    pub mode: ClockMode,
    /// A device time before this is a clock reset.
    pub not_before: Timestamp,
    /// So is one that lies more than this after our time of arrival, corrected.
    pub max_future: Duration,
}

impl ClockPolicy {
    /// The defaults: corrected, not before 2018-01-01 (UTC), at most 120 s in the future.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            mode: ClockMode::Correct,
            not_before: Timestamp::from_millis(1_514_764_800_000),
            max_future: Duration::from_secs(120),
        }
    }
}

/// When a punch was made, as well as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The instant.
    pub at: Timestamp,
    /// How far off it may be either way, in milliseconds.
    pub uncertainty_ms: u32,
    /// How far it can be trusted.
    pub quality: TimeQuality,
    /// Held out of verification until an operator states the true time.
    pub held_out: bool,
}

/// A gateway whose own clock shows a time outside of this has not been told the time yet: this program is younger than the
/// first, and clocks of 32 bits end before the second (2024-01-01 and 2038-01-01, UTC).
const OUR_TIME: (Timestamp, Timestamp) = (
    Timestamp::from_millis(1_704_067_200_000),
    Timestamp::from_millis(2_145_916_800_000),
);
/// A live reading that arrived this close to its corrected time was corrected rightly.
const LIVE_WITHIN_MS: i64 = 10_000;

/// Whether the gateway's own clock can be right when it shows this.
pub fn is_our_time(now: Timestamp) -> bool {
    OUR_TIME.0 <= now && now < OUR_TIME.1
}

/// One hour, in milliseconds: what a DST fold or gap leaves open.
const HOUR_MS: u32 = 3_600_000;
/// What a time printed to the minute leaves open, in milliseconds.
const MINUTE_MS: u32 = 60_000;

/// Places a reading in time.
///
/// `measured` is the offset measured nearest in time ([`OffsetLog::nearest`]), if any. A device time that is
/// impossible (30 February), before `not_before` or in the future is a clock reset: a live reading takes the time
/// of arrival, a stored one keeps the device's time as far as it can be told and is held out of verification.
///
/// While our own clock has not been told the time ([`is_our_time`]) its word is worth nothing: nothing is measured by it,
/// nothing lies in its future, and what has no time but that of arrival is a reset.
pub fn place(
    reading: &Reading,
    received_at: Timestamp,
    policy: &ClockPolicy,
    measured: Option<&ClockOffset>,
) -> Placed {
    place_near(reading, received_at, policy, measured, 0)
}

/// Places a reading by everything that was measured of its device's clock.
///
/// What a clock printed around the time when somebody set it is `suspect`, and as uncertain as the clock was set by;
/// but for a live reading that arrived when it should.
pub fn place_among(reading: &Reading, received_at: Timestamp, policy: &ClockPolicy, measured: &OffsetLog) -> Placed {
    let said = reading
        .device_time
        .as_ref()
        .and_then(|printed| instant(printed, &policy.zone));
    let nearest = said.and_then(|said| measured.nearest(said.at));
    let doubt = said.map_or(0, |said| measured.doubt(said.at));
    place_near(reading, received_at, policy, nearest, doubt)
}

fn place_near(
    reading: &Reading,
    received_at: Timestamp,
    policy: &ClockPolicy,
    measured: Option<&ClockOffset>,
    doubt_ms: u64,
) -> Placed {
    let clueless = !is_our_time(received_at);
    let arrival = |quality, held_out| Placed {
        at: received_at,
        uncertainty_ms: reading.uncertainty_ms,
        quality,
        held_out,
    };
    let stored = reading.origin == Origin::Log;
    let printed = match &reading.device_time {
        Some(printed) if policy.mode != ClockMode::Received => printed,
        // Our own clock saw a live punch; of a stored one without a time nobody knows when it was.
        _ if stored || clueless => return arrival(TimeQuality::Reset, true),
        _ => return arrival(TimeQuality::Synced, false),
    };
    let Some(said) = instant(printed, &policy.zone) else {
        return arrival(TimeQuality::Reset, stored || clueless);
    };
    let measured = measured.filter(|measured| is_our_time(measured.measured_at));
    // Who takes the device at its word takes it for all it says, and 2099 for what it is.
    let correcting = measured.filter(|_| policy.mode == ClockMode::Correct);
    let offset = correcting.map_or(0, |m| m.offset_ms);
    let corrected = said.at.plus_millis(offset.saturating_neg());
    // A clock that has jumped far ahead since it printed this: what it is ahead now says nothing about then.
    let jumped = said.at >= policy.not_before && corrected < policy.not_before;
    let measured = measured.filter(|_| !jumped);
    let future = !clueless && corrected > received_at.plus(policy.max_future);
    let reset = jumped || said.at < policy.not_before || future;
    if reset && !stored && !clueless {
        return arrival(TimeQuality::Reset, false);
    }
    let own = reading.uncertainty_ms.saturating_add(said.uncertainty_ms);
    let (at, mut uncertainty_ms) = match (policy.mode, measured) {
        (ClockMode::Correct, Some(m)) => (corrected, own.saturating_add(m.uncertainty_at(said.at))),
        _ => (said.at, own),
    };
    let on_time = !stored && at.since(received_at).saturating_abs() <= LIVE_WITHIN_MS;
    let stepped = policy.mode == ClockMode::Correct && doubt_ms > 0 && !on_time;
    if stepped {
        uncertainty_ms = uncertainty_ms.saturating_add(u32::try_from(doubt_ms).unwrap_or(u32::MAX));
    }
    // A claim is weaker than a suspicion.
    let is_claim = matches!(reading.credential, Credential::Person(_));
    let quality = if reset {
        TimeQuality::Reset
    } else if said.ambiguous || stepped || (clueless && measured.is_none() && !is_claim) {
        TimeQuality::Suspect
    } else {
        trust(reading, policy, measured)
    };
    Placed {
        at,
        uncertainty_ms,
        quality,
        held_out: reset,
    }
}

fn trust(reading: &Reading, policy: &ClockPolicy, measured: Option<&ClockOffset>) -> TimeQuality {
    match (policy.mode, measured, &reading.credential) {
        (ClockMode::Correct, Some(_), _) => TimeQuality::Synced,
        // A source that names people is an app or another system: its time is a claim.
        (_, _, Credential::Person(_)) => TimeQuality::Claimed,
        _ => TimeQuality::Estimated,
    }
}

/// A printed time as an instant of the device's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The instant.
    pub at: Timestamp,
    /// What the print and the zone leave open, in milliseconds.
    pub uncertainty_ms: u32,
    /// Whether the local time happens twice or never in its zone.
    pub ambiguous: bool,
}

/// The instant a printed time means in its zone, or by the offset the device sent; `None` for an impossible date.
///
/// In a DST fold the earlier instant, in a gap forward by the gap; either leaves one hour open.
pub fn instant(printed: &DeviceTime, zone: &TimeZone) -> Option<Said> {
    let civil = printed.civil?;
    let coarse = if printed.precision == Precision::Minute {
        MINUTE_MS
    } else {
        0
    };
    if let Some(seconds) = printed.offset_seconds {
        let at = jiff::tz::Offset::from_seconds(seconds).ok()?.to_timestamp(civil).ok()?;
        return Some(Said {
            at: at.into(),
            uncertainty_ms: coarse,
            ambiguous: false,
        });
    }
    let local = zone.to_ambiguous_timestamp(civil);
    let ambiguous = local.is_ambiguous();
    let at = local.compatible().ok()?.into();
    let uncertainty_ms = if ambiguous {
        coarse.saturating_add(HOUR_MS)
    } else {
        coarse
    };
    Some(Said {
        at,
        uncertainty_ms,
        ambiguous,
    })
}
