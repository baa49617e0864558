//! What is allowed but probably not meant. Warnings never stop anything.

use std::fmt;

use punchgate_rules::CardFormat;

use super::{Config, Unknown, place::Place, verification::Selector};
use crate::messages::{Lang, Message};

/// One oddity, with its place where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub at: Option<Place>,
    /// What.
    pub kind: WarningKind,
}

/// The kinds of oddity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the fields are the arguments of the message of the same name"
)]
pub enum WarningKind {
    /// A policy names a source that is no device.
    UnknownSource {
        policy: String,
        selector: &'static str,
        source: String,
    },
    /// A policy names a zone that no device has.
    UnknownZone {
        policy: String,
        selector: &'static str,
        zone: String,
    },
    /// A device states cards in a format, and rows for all devices in none: they never are one card.
    CardsApart { device: String },
    /// Two policies judge the same punches, each by itself.
    SamePunches { policy: String, other: String },
    /// One punch can match both selectors of a policy.
    Overlap { policy: String },
    /// No device is configured.
    NoDevices,
    /// No upstream is configured.
    NoUpstreams,
    /// Unknown credentials are held back, and no directory will ever know them.
    NobodyKnown,
    /// A listener without encryption is reachable from other machines.
    Exposed { listener: &'static str, listen: String },
    /// Punches travel unencrypted to another machine.
    Cleartext { upstream: String, url: String },
}

impl Warning {
    /// The sentence and its arguments.
    pub fn message(&self) -> Message {
        use WarningKind as K;
        match &self.kind {
            K::UnknownSource {
                policy,
                selector,
                source,
            } => Message::new("warning-unknown-source")
                .with("policy", policy)
                .with("selector", selector)
                .with("source", source),
            K::UnknownZone { policy, selector, zone } => Message::new("warning-unknown-zone")
                .with("policy", policy)
                .with("selector", selector)
                .with("zone", zone),
            K::CardsApart { device } => Message::new("warning-cards-apart").with("device", device),
            K::SamePunches { policy, other } => Message::new("warning-same-punches")
                .with("policy", policy)
                .with("other", other),
            K::Overlap { policy } => Message::new("warning-overlap").with("policy", policy),
            K::NoDevices => Message::new("warning-no-devices"),
            K::NoUpstreams => Message::new("warning-no-upstreams"),
            K::NobodyKnown => Message::new("warning-nobody-known"),
            K::Exposed { listener, listen } => Message::new("warning-exposed")
                .with("listener", listener)
                .with("listen", listen),
            K::Cleartext { upstream, url } => Message::new("warning-cleartext")
                .with("upstream", upstream)
                .with("url", url),
        }
    }

    /// The whole line for an operator: place and sentence.
    pub fn say(&self, lang: Lang) -> String {
        let text = self.message().say(lang);
        self.at
            .as_ref()
            .map_or_else(|| text.clone(), |at| format!("{at}: {text}"))
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(Lang::En))
    }
}

/// Everything odd about a configuration.
pub fn warnings(config: &Config) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |at: Option<&Place>, kind| found.push(Warning { at: at.cloned(), kind });
    if config.devices.is_empty() {
        warn(None, WarningKind::NoDevices);
    }
    if config.upstreams.is_empty() {
        warn(None, WarningKind::NoUpstreams);
    }
    if config.directory.files.is_empty() && config.directory.unknown == Unknown::Hold {
        warn(None, WarningKind::NobodyKnown);
    }
    for (listener, listen) in [("admin", config.admin.listen), ("ingest", config.ingest.listen)] {
        if !listen.ip().is_loopback() {
            warn(
                None,
                WarningKind::Exposed {
                    listener,
                    listen: listen.to_string(),
                },
            );
        }
    }
    for device in &config.devices {
        let states = device.card_format.is_some_and(|format| format != CardFormat::Text);
        if states && config.directory.card_format == CardFormat::Text {
            let device_name = device.name.to_string();
            warn(Some(&device.at), WarningKind::CardsApart { device: device_name });
        }
    }
    for (index, policy) in config.verifications.iter().enumerate() {
        let earlier = config.verifications.iter().take(index);
        for other in
            earlier.filter(|other| other.first.overlaps(&policy.first) && other.second.overlaps(&policy.second))
        {
            let kind = WarningKind::SamePunches {
                policy: policy.name.clone(),
                other: other.name.clone(),
            };
            warn(Some(&policy.at), kind);
        }
        let name = &policy.name;
        for (selector, chosen) in [("first", &policy.first), ("second", &policy.second)] {
            for kind in strangers(config, name, selector, chosen) {
                warn(Some(&policy.at), kind);
            }
        }
        if policy.first.overlaps(&policy.second) {
            warn(Some(&policy.at), WarningKind::Overlap { policy: name.clone() });
        }
    }
    for upstream in &config.upstreams {
        if leaves_in_the_clear(&upstream.url) {
            let kind = WarningKind::Cleartext {
                upstream: upstream.name.clone(),
                url: upstream.url.clone(),
            };
            warn(Some(&upstream.at), kind);
        }
    }
    found
}

fn strangers(config: &Config, policy: &str, selector: &'static str, chosen: &Selector) -> Vec<WarningKind> {
    let sources = chosen
        .sources
        .iter()
        .filter(|s| !config.devices.iter().any(|d| d.name.as_str() == s.as_str()));
    let zones = chosen
        .zones
        .iter()
        .filter(|z| !config.devices.iter().any(|d| d.zone.as_ref() == Some(z)));
    let policy = || policy.to_owned();
    sources
        .map(|source| WarningKind::UnknownSource {
            policy: policy(),
            selector,
            source: source.clone(),
        })
        .chain(zones.map(|zone| WarningKind::UnknownZone {
            policy: policy(),
            selector,
            zone: zone.clone(),
        }))
        .collect()
}

fn leaves_in_the_clear(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    !["127.", "localhost", "[::1]"].iter().any(|near| rest.starts_with(near))
}
