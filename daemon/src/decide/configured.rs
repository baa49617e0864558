//! How each device was configured when: a reading is read as its device was configured when it arrived.
//!
//! A zone that was wrong and is mended counts for what arrives from then on. What arrived before keeps its meaning until
//! a person says, for a span of the device's clock, which zone it showed ([`Correction`]): that is an entry of the journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::tz::TimeZone;
use punchgate_model::{DeviceName, DeviceTime, Timestamp};
use punchgate_rules::{ClockMode, ClockOffset, ClockPolicy, clock::instant};
use serde::{Deserialize, Serialize};

use super::settings::DeviceSettings;

/// What a person said a device's clock showed, whatever was configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The IANA zone.
    pub zone: String,
    /// From this instant of the clock read in that zone.
    pub from: Timestamp,
    /// To this one, which is not included; `None`: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Since {
    /// `None`: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    settings: DeviceSettings,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct History {
    versions: Vec<Since>,
    #[serde(default)]
    corrections: Vec<Correction>,
}

/// How every device was configured, when, and what was said about its clock. Written down as it stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histories(BTreeMap<String, History>);

impl Histories {
    /// From now on devices are configured like this; `None`: they always were. One that is not configured any more is
    /// read as it was.
    pub fn adopt(&mut self, devices: &BTreeMap<String, DeviceSettings>, now: Option<Timestamp>) {
        for (name, settings) in devices {
            let history = self.0.entry(name.clone()).or_default();
            if history.versions.last().is_some_and(|last| last.settings == *settings) {
                continue;
            }
            // Nothing was heard of it before it was configured.
            let from = now.filter(|_| !history.versions.is_empty());
            history.versions.push(Since {
                from,
                settings: settings.clone(),
            });
        }
    }

    /// The last word on a span of a device's clock.
    pub fn correct(&mut self, device: &DeviceName, correction: Correction) {
        let history = self.0.entry(device.to_string()).or_default();
        history.corrections.push(correction);
    }
}

/// A zone and its name.
#[derive(Debug, Clone)]
struct Named {
    name: Arc<str>,
    zone: TimeZone,
}

impl Named {
    /// The configuration was checked when it was loaded; a zone that this machine lost is read as UTC.
    fn of(name: Option<&str>) -> Self {
        let name = name.unwrap_or("UTC");
        Self {
            name: name.into(),
            zone: TimeZone::get(name).unwrap_or(TimeZone::UTC),
        }
    }
}

#[derive(Debug)]
struct Version {
    from: Option<Timestamp>,
    zone: Named,
    policy: ClockPolicy,
    group: Option<Arc<str>>,
}

#[derive(Debug, Default)]
struct Device {
    versions: Vec<Version>,
    corrections: Vec<(Named, Correction)>,
}

impl Device {
    fn at(&self, received_at: Timestamp) -> Option<&Version> {
        let known = |version: &&Version| version.from.is_none_or(|from| from <= received_at);
        self.versions.iter().rev().find(known).or(self.versions.first())
    }
}

/// How a reading is read.
#[derive(Debug)]
pub struct Reads {
    /// Zone, mode and bounds.
    pub policy: ClockPolicy,
    /// The zone's IANA name.
    pub zone: Arc<str>,
    /// Whether a person said so.
    pub corrected: bool,
}

/// [`Histories`] made ready for use.
#[derive(Debug, Default)]
pub struct Configured(BTreeMap<DeviceName, Device>);

impl Configured {
    /// Makes histories ready.
    pub fn new(histories: &Histories) -> Self {
        let version = |since: &Since| {
            let zone = Named::of(since.settings.timezone.as_deref());
            Version {
                from: since.from,
                policy: since.settings.clock_policy(zone.zone.clone()),
                zone,
                group: since.settings.zone.clone(),
            }
        };
        let correction = |said: &Correction| (Named::of(Some(&said.zone)), said.clone());
        let devices = histories.0.iter().map(|(name, history)| {
            let device = Device {
                versions: history.versions.iter().map(version).collect(),
                corrections: history.corrections.iter().map(correction).collect(),
            };
            (DeviceName::from(name.as_str()), device)
        });
        Self(devices.collect())
    }

    /// How a time that a device printed is read when it arrived at an instant. A device that was never configured is read
    /// in UTC.
    pub fn reads(&self, device: &DeviceName, printed: Option<&DeviceTime>, received_at: Timestamp) -> Reads {
        let known = self.0.get(device);
        let version = known.and_then(|device| device.at(received_at));
        let mut reads = version.map_or_else(
            || Reads {
                policy: ClockPolicy::new(TimeZone::UTC),
                zone: "UTC".into(),
                corrected: false,
            },
            |version| Reads {
                policy: version.policy.clone(),
                zone: version.zone.name.clone(),
                corrected: false,
            },
        );
        let corrections = known.map_or(&[][..], |device| &device.corrections);
        let said = corrections.iter().rev().find(|(zone, said)| {
            let shown = printed.and_then(|printed| instant(printed, &zone.zone));
            shown.is_some_and(|shown| said.from <= shown.at && said.to.is_none_or(|to| shown.at < to))
        });
        if let Some((zone, _)) = said {
            reads.policy.zone = zone.zone.clone();
            reads.zone = zone.name.clone();
            reads.corrected = true;
        }
        reads
    }

    /// The door group a device stood in when a reading arrived.
    pub fn group(&self, device: &DeviceName, received_at: Timestamp) -> Option<Arc<str>> {
        self.0.get(device)?.at(received_at)?.group.clone()
    }

    /// Whether what is measured of a device's clock has ever mattered.
    pub fn is_corrected_by_measuring(&self, device: &DeviceName) -> bool {
        let versions = self.0.get(device).map_or(&[][..], |device| &device.versions);
        versions.is_empty() || versions.iter().any(|version| version.policy.mode == ClockMode::Correct)
    }

    /// The zones in which a device's clock was ever read.
    pub fn zones(&self, device: &DeviceName) -> BTreeSet<Arc<str>> {
        let Some(device) = self.0.get(device) else {
            return BTreeSet::from(["UTC".into()]);
        };
        let versions = device.versions.iter().map(|version| version.zone.name.clone());
        versions
            .chain(device.corrections.iter().map(|(zone, _)| zone.name.clone()))
            .collect()
    }

    /// A measurement as it would have come out if the device's clock had been read in another zone.
    pub fn measured_in(&self, device: &DeviceName, offset: ClockOffset, zone: &str) -> ClockOffset {
        let version = self.0.get(device).and_then(|device| device.at(offset.measured_at));
        let own = version.map_or_else(|| Named::of(None), |version| version.zone.clone());
        if *own.name == *zone {
            return offset;
        }
        let shown = own.zone.to_datetime(offset.device_clock().to_jiff());
        let there = Named::of(Some(zone)).zone.to_ambiguous_timestamp(shown).compatible();
        there.map_or(offset, |there| ClockOffset {
            offset_ms: Timestamp::from(there).since(offset.measured_at),
            ..offset
        })
    }
}
