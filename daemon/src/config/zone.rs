//! IANA time zones by name.

use std::fmt;

use jiff::tz::TimeZone;

/// A time zone that exists, with its name as the configuration has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Finds a zone by its IANA name, for example `Asia/Shanghai`; `None` when there is no such zone.
    pub fn named(name: &str) -> Option<Self> {
        let zone = TimeZone::get(name).ok()?;
        // The database ignores case; the name is printed as the database has it.
        Some(Self {
            name: zone.iana_name().unwrap_or(name).to_owned(),
            zone,
        })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone itself.
    pub fn rules(&self) -> &TimeZone {
        &self.zone
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The zone whose name is nearest, also when only the city was written.
pub(crate) fn nearest(name: &str) -> Option<String> {
    let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    let city = known.iter().find(|zone| {
        zone.rsplit('/')
            .next()
            .is_some_and(|city| city.eq_ignore_ascii_case(name))
    });
    city.cloned()
        .or_else(|| super::nearest::nearest(name, known.iter().map(String::as_str)))
}
