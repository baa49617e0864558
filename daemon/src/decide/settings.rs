//! What of the configuration decides. It is written to the journal whenever it changes, so that deciding depends on
//! the journal alone and a rebuild decides as the first run did.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use punchgate_model::{Credential, DeviceName, Timestamp};
use punchgate_rules::{Cards, ClockMode, ClockPolicy, Directory, Policy, Resolution, Rules, Terms};
use serde::{Deserialize, Serialize};

use super::configured::{Configured, Histories};

/// The name under which settings stand in the journal.
pub const NAME: &str = "settings";
/// The name under which stands what was in force before them, where the records that said so are gone.
pub const HISTORY: &str = "history";

/// Everything in the configuration that a decision can depend on, but for the directory of people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How close repeats lie, in milliseconds.
    pub repeats_within_ms: u64,
    /// The policies.
    pub policies: Vec<Policy>,
    /// How long a verdict waits for sources that are not complete, in milliseconds.
    pub max_wait_ms: u64,
    /// Whether punches of credentials that nobody has are held back until the directory knows them.
    #[serde(default)]
    pub hold_unknown: bool,
    /// How cards are stated.
    #[serde(default, skip_serializing_if = "Cards::is_empty")]
    pub cards: Cards,
    /// What is known of each device.
    pub devices: BTreeMap<String, DeviceSettings>,
}

/// What decides about one device's readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceSettings {
    /// Its IANA zone; `None` for sources that send offsets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Its door group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Arc<str>>,
    /// What is done about its clock.
    pub clock: ClockMode,
    /// Device times before this are a clock reset.
    pub not_before: Timestamp,
    /// So are those this much later than their arrival, in milliseconds.
    pub max_future_ms: u64,
    /// Whether it keeps a log that is read again: it is complete up to its last complete read, a live source up to now.
    pub keeps_log: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let rules = Rules::default();
        Self {
            repeats_within_ms: u64::try_from(rules.repeats_within.as_millis()).unwrap_or(u64::MAX),
            policies: rules.policies,
            max_wait_ms: 24 * 3_600_000,
            hold_unknown: false,
            cards: Cards::default(),
            devices: BTreeMap::new(),
        }
    }
}

/// Settings made ready for use.
#[derive(Debug)]
pub struct Prepared {
    /// The settings that were written last.
    pub settings: Settings,
    /// What policies asked when.
    pub terms: Terms,
    /// How devices were configured when.
    pub histories: Histories,
    /// Repeats, and the terms of every policy there ever was.
    pub rules: Rules,
    /// How readings are read.
    pub configured: Configured,
    /// The people.
    pub directory: Directory,
}

impl Prepared {
    /// Makes settings ready.
    pub fn new(settings: Settings, terms: Terms, histories: Histories, directory: Directory) -> Self {
        let rules = Rules {
            repeats_within: Duration::from_millis(settings.repeats_within_ms),
            policies: terms.policies(),
        };
        Self {
            rules,
            configured: Configured::new(&histories),
            terms,
            histories,
            directory,
            settings,
        }
    }

    /// Whose a credential is on a device.
    pub fn resolve(&self, device: &DeviceName, credential: &Credential) -> Resolution {
        self.directory.resolve(device, credential)
    }
}

impl DeviceSettings {
    /// How its times are read in a zone.
    pub fn clock_policy(&self, zone: TimeZone) -> ClockPolicy {
        ClockPolicy {
            mode: self.clock,
            not_before: self.not_before,
            max_future: Duration::from_millis(self.max_future_ms),
            ..ClockPolicy::new(zone)
        }
    }
}
