//! `[[device]]`: one device, how it is reached, and what its clock is worth.

use std::{collections::BTreeMap, time::Duration};

use punchgate_model::{DeviceName, Timestamp};
use punchgate_rules::CardFormat;

use super::{
    known::KnownDriver,
    link::{self, Link},
    nearest::nearest,
    node::Node,
    options::{Options, OptionsFault},
    place::Place,
    problem::{Problem, ProblemKind},
    reader::Reader,
    secret::{SecretRef, Surroundings},
    value::{FromNode, Name, word},
    zone::Zone,
};

/// A configured device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its name everywhere.
    pub name: DeviceName,
    /// The driver that speaks with it.
    pub driver: &'static str,
    /// The zone its clock shows; always there for drivers whose devices keep time.
    pub timezone: Option<Zone>,
    /// The door group, if it has one.
    pub zone: Option<String>,
    /// How it states cards; as rows for all devices are stated where this is left out.
    pub card_format: Option<CardFormat>,
    /// What its clock is worth.
    pub clock: Clock,
    /// A device time before this is a clock reset; default 2018-01-01.
    pub not_before: Timestamp,
    /// A device time later than now by more than this is a clock reset; default 120 s.
    pub max_future: Duration,
    /// How it is reached.
    pub link: Link,
    /// The driver's own keys.
    pub options: Options,
    /// Where it is configured.
    pub at: Place,
}

impl Device {
    /// Whether a conversation with both is the same. What else is said of a device is for deciding.
    pub fn talks_as(&self, other: &Self) -> bool {
        let talk = |device: &Self| (device.name.clone(), device.driver, device.link.clone());
        talk(self) == talk(other) && self.timezone == other.timezone && self.options == other.options
    }
}

/// What a device's clock is worth (`semantics.md` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// Subtract the offset that was measured nearest in time.
    #[default]
    Correct,
    /// Take the device's word.
    Trust,
    /// Use the time of arrival.
    Received,
}

impl Clock {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("correct", Self::Correct),
        ("trust", Self::Trust),
        ("received", Self::Received),
    ];

    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Trust => "trust",
            Self::Received => "received",
        }
    }
}

impl FromNode for Clock {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(key, node, Self::WORDS)
    }
}

/// 2018-01-01T00:00:00Z.
const NOT_BEFORE: Timestamp = Timestamp::from_millis(1_514_764_800_000);

pub(crate) fn read(reader: Reader<'_>, drivers: &[KnownDriver], around: &Surroundings<'_>) -> Option<Device> {
    let name = reader.need::<Name>("name");
    let shown = name
        .as_ref()
        .map_or_else(|| reader.at().to_string(), |name| name.0.clone());
    let clock = reader.or("clock", Clock::Correct);
    let (timezone, zone_written) = (reader.get::<Zone>("timezone"), reader.entry("timezone").is_some());
    let zone = reader.get::<Name>("zone").map(|zone| zone.0);
    let card_format = reader.get::<CardFormat>("card_format");
    let not_before = reader.or("not_before", NOT_BEFORE);
    let max_future = reader.or("max_future", Duration::from_secs(120));
    let driver = driver(&reader, &shown, drivers)?;
    if driver.has_clock && !zone_written {
        let kind = ProblemKind::NeedsTimezone {
            device: shown.clone(),
            driver: driver.name.to_owned(),
        };
        reader.findings.push(reader.at(), kind);
    }
    if driver.has_clock && clock == Clock::Received {
        let kind = ProblemKind::ClockNeedsLive {
            device: shown.clone(),
            driver: driver.name.to_owned(),
        };
        reader.findings.push(&reader.place_of("clock"), kind);
    }
    let link = link::read(&reader, &shown, driver);
    let options = options(&reader, &shown, driver, around);
    let (name, at) = (DeviceName::new(name?.0), reader.at().clone());
    let (link, options) = (link?, options?);
    Some(Device {
        name,
        driver: driver.name,
        timezone,
        zone,
        card_format,
        clock,
        not_before,
        max_future,
        link,
        options,
        at,
    })
}

fn driver<'d>(reader: &Reader<'_>, device: &str, drivers: &'d [KnownDriver]) -> Option<&'d KnownDriver> {
    let got: String = reader.need("driver")?;
    let found = drivers.iter().find(|driver| driver.name == got);
    if found.is_none() {
        let known = || drivers.iter().map(|driver| driver.name);
        let kind = ProblemKind::UnknownDriver {
            device: device.to_owned(),
            nearest: nearest(&got, known()),
            known: known().map(str::to_owned).collect(),
            got,
        };
        reader.findings.push(&reader.place_of("driver"), kind);
    }
    found
}

/// Takes what is left of the table as the driver's options and asks the driver whether it likes them.
fn options(reader: &Reader<'_>, device: &str, driver: &KnownDriver, around: &Surroundings<'_>) -> Option<Options> {
    let mut secrets: BTreeMap<String, SecretRef> = BTreeMap::new();
    let mut secrets_read = true;
    for key in driver.secrets {
        let Some(entry) = reader.entry(key) else { continue };
        match around.secret(key, &entry.node, reader.findings) {
            Some(secret) => drop(secrets.insert((*key).to_owned(), secret)),
            None => secrets_read = false,
        }
    }
    let options = Options::new(
        reader.at().clone(),
        reader.rest().into_iter().cloned().collect(),
        secrets,
    );
    let error = match (driver.check)(&options) {
        Ok(()) => return secrets_read.then_some(options),
        Err(error) => error,
    };
    let at = error.at.clone().unwrap_or_else(|| reader.at().clone());
    match error.why {
        OptionsFault::Unknown { key, known } => reader.unknown(&key, &at, known),
        OptionsFault::Missing(key) if driver.secrets.contains(&key.as_str()) && !secrets_read => {}
        OptionsFault::Missing(key) => reader.missing(&key),
        // Nothing can be said of a secret that was left closed.
        OptionsFault::Secret(_) if !options.secrets_are_open() => return Some(options),
        OptionsFault::Secret(why) | OptionsFault::Refused(why) => {
            reader.findings.push(
                &at,
                ProblemKind::Option {
                    device: device.to_owned(),
                    why,
                },
            );
        }
    }
    None
}
