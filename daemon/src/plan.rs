//! From the configuration to what the parts of the gateway need. Pure: nothing is opened, nobody is asked.

use std::{collections::BTreeSet, fs, io, path::PathBuf, time::Duration};

use punchgate_kit::Custody;
use punchgate_model::DeviceName;

use punchgate_rules::{Cards, ClockMode, Directory};
use punchgate_upstream::EventKind;
use sha2::{Digest, Sha256};

use crate::{
    config::{self, Config},
    decide::settings::{DeviceSettings, Settings},
    registry,
};

/// What of a configuration decides.
pub fn settings(config: &Config) -> Settings {
    let longest = config.verifications.iter().map(|policy| policy.max_wait).max();
    Settings {
        repeats_within_ms: millis(config.repeats.within),
        policies: config.verifications.iter().map(config::Verification::policy).collect(),
        max_wait_ms: millis(longest.unwrap_or(Duration::from_secs(24 * 3600))),
        hold_unknown: config.directory.unknown == config::Unknown::Hold,
        cards: cards(config),
        devices: config
            .devices
            .iter()
            .map(|device| (device.name.to_string(), device_settings(device)))
            .collect(),
    }
}

/// How cards are stated.
pub fn cards(config: &Config) -> Cards {
    let stated = |device: &config::Device| Some((device.name.to_string(), device.card_format?));
    Cards {
        devices: config.devices.iter().filter_map(stated).collect(),
        shared: config.directory.card_format,
        last_bits: u32::try_from(config.directory.card_bits).ok().filter(|bits| *bits > 0),
    }
}

fn device_settings(device: &config::Device) -> DeviceSettings {
    let kind = registry::kinds().iter().find(|kind| kind.about().name == device.driver);
    DeviceSettings {
        timezone: device.timezone.as_ref().map(|zone| zone.name().to_owned()),
        zone: device.zone.as_deref().map(Into::into),
        clock: match device.clock {
            config::Clock::Correct => ClockMode::Correct,
            config::Clock::Trust => ClockMode::Trust,
            config::Clock::Received => ClockMode::Received,
        },
        not_before: device.not_before,
        max_future_ms: millis(device.max_future),
        keeps_log: kind.is_some_and(|kind| kind.about().custody == Custody::DeviceKeeps),
    }
}

/// The devices of which nobody else holds what they said.
pub fn nobody_holds(config: &Config) -> BTreeSet<DeviceName> {
    let alone = |device: &&config::Device| {
        registry::kind(device.driver).is_some_and(|kind| kind.about().custody == Custody::NobodyHolds)
    };
    config
        .devices
        .iter()
        .filter(alone)
        .map(|device| device.name.clone())
        .collect()
}

/// The kinds of events an upstream wants.
pub fn kinds(upstream: &config::Upstream) -> Vec<EventKind> {
    let kind = |sent: &config::Sent| match sent {
        config::Sent::Punch => EventKind::Punch,
        config::Sent::Record => EventKind::Record,
        config::Sent::Verdict => EventKind::Verdict,
        config::Sent::Device => EventKind::Device,
    };
    upstream.send.iter().map(kind).collect()
}

/// The directory's files as text, in order. GBK files come out as UTF-8.
///
/// # Errors
/// The file that cannot be read, and why.
pub fn directory_texts(files: &[PathBuf]) -> Result<Vec<String>, (PathBuf, io::Error)> {
    let text = |file: &PathBuf| {
        let bytes = fs::read(file).map_err(|error| (file.clone(), error))?;
        Ok(Directory::text(&bytes).into_owned())
    };
    files.iter().map(text).collect()
}

/// A digest of the directory's files, as hex.
pub fn digest(texts: &[String]) -> String {
    let mut hash = Sha256::new();
    texts.iter().for_each(|text| hash.update(text));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
