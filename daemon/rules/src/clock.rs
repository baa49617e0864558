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
pub use offsets::{ClockOffset, OffsetLog, step};

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

/// One hour, in milliseconds: what a DST fold or gap leaves open.
const HOUR_MS: u32 = 3_600_000;
/// What a time printed to the minute leaves open, in milliseconds.
const MINUTE_MS: u32 = 60_000;

/// Places a reading in time.
///
/// `measured` is the offset measured nearest in time ([`OffsetLog::nearest`]), if any. A device time that is
/// impossible (30 February), before `not_before` or in the future is a clock reset: a live reading takes the time
/// of arrival, a stored one keeps the device's time as far as it can be told and is held out of verification.
pub fn place(
    reading: &Reading,
    received_at: Timestamp,
    policy: &ClockPolicy,
    measured: Option<&ClockOffset>,
) -> Placed {
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
        _ if stored => return arrival(TimeQuality::Reset, true),
        _ => return arrival(TimeQuality::Synced, false),
    };
    let Some(said) = instant(printed, &policy.zone) else {
        return arrival(TimeQuality::Reset, stored);
    };
    let offset = measured.map_or(0, |m| m.offset_ms);
    let corrected = said.at.plus_millis(offset.saturating_neg());
    // A clock that has jumped far ahead since it printed this: what it is ahead now says nothing about then.
    let jumped = said.at >= policy.not_before && corrected < policy.not_before;
    let measured = measured.filter(|_| !jumped);
    let reset = jumped || said.at < policy.not_before || corrected > received_at.plus(policy.max_future);
    if reset && !stored {
        return arrival(TimeQuality::Reset, false);
    }
    let own = reading.uncertainty_ms.saturating_add(said.uncertainty_ms);
    let (at, uncertainty_ms) = match (policy.mode, measured) {
        (ClockMode::Correct, Some(m)) => (corrected, own.saturating_add(m.uncertainty_ms)),
        _ => (said.at, own),
    };
    let quality = if reset {
        TimeQuality::Reset
    } else if said.ambiguous {
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
