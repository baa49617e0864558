//! `[[upstream]]`: where events go.

use std::time::Duration;

use super::{
    node::Node,
    place::Place,
    problem::{Problem, ProblemKind, Wanted},
    reader::Reader,
    secret::{SecretRef, Surroundings},
    value::{FromNode, Name, word},
};

/// One upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// What speaks with it.
    pub driver: UpstreamDriver,
    /// `http://` or `https://`, without credentials in it.
    pub url: String,
    /// The Standard Webhooks signing secret, if deliveries are signed.
    pub secret: Option<SecretRef>,
    /// What is sent; default punches, records and verdicts.
    pub send: Vec<Sent>,
    /// How events are gathered.
    pub batch: Batch,
    /// Deliver only at whole multiples of this span since midnight UTC; default: as soon as a batch is ready.
    pub schedule: Option<Duration>,
    /// How long one delivery may take; default 30 s.
    pub timeout: Duration,
    /// Where it is configured.
    pub at: Place,
}

impl Upstream {
    /// Whether both mean the same, wherever they are written.
    pub fn is_as(&self, other: &Self) -> bool {
        let at = other.at.clone();
        Self { at, ..self.clone() } == *other
    }
}

/// What speaks with an upstream: a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamDriver {
    /// CloudEvents batches by HTTP POST, signed as Standard Webhooks.
    Webhook,
}

impl UpstreamDriver {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
        }
    }
}

impl FromNode for UpstreamDriver {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(key, node, &[("webhook", Self::Webhook)])
    }
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Punches as they came.
    Punch,
    /// Records: punches with repeats merged.
    Record,
    /// Verdicts of the policies.
    Verdict,
    /// What happens with devices: ledgers, completeness, log epochs, steps of their clocks.
    Device,
}

impl Sent {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Punch => "punch",
            Self::Record => "record",
            Self::Verdict => "verdict",
            Self::Device => "device",
        }
    }
}

impl FromNode for Sent {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(
            key,
            node,
            &[
                ("punch", Self::Punch),
                ("record", Self::Record),
                ("verdict", Self::Verdict),
                ("device", Self::Device),
            ],
        )
    }
}

/// How events are gathered before they are delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// At most this many, 1 to 10000; default 100.
    pub max: usize,
    /// No event waits longer than this for company; default 5 s.
    pub every: Duration,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            max: 100,
            every: Duration::from_secs(5),
        }
    }
}

pub(crate) fn read(reader: Reader<'_>, around: &Surroundings<'_>) -> Option<Upstream> {
    let name = reader.need::<Name>("name");
    let driver = reader.need("driver");
    let url = url(&reader, name.as_ref().map_or("", |name| &name.0));
    let batch = reader.table("batch").map_or_else(Batch::default, read_batch);
    let secret = reader
        .entry("secret")
        .and_then(|e| around.secret("secret", &e.node, reader.findings));
    let (send, schedule) = (
        reader.or("send", vec![Sent::Punch, Sent::Record, Sent::Verdict]),
        schedule(&reader),
    );
    let (timeout, at) = (reader.or("timeout", Duration::from_secs(30)), reader.at().clone());
    reader.finish();
    Some(Upstream {
        name: name?.0,
        driver: driver?,
        url: url?,
        secret,
        send,
        batch,
        schedule,
        timeout,
        at,
    })
}

fn read_batch(reader: Reader<'_>) -> Batch {
    let default = Batch::default();
    let max = reader
        .number("max", 1..=10_000)
        .and_then(|max| usize::try_from(max).ok());
    let batch = Batch {
        max: max.unwrap_or(default.max),
        every: reader.or("every", default.every),
    };
    reader.finish();
    batch
}

fn schedule(reader: &Reader<'_>) -> Option<Duration> {
    let every: Duration = reader.get("schedule")?;
    if every.is_zero() || every > Duration::from_secs(86_400) {
        let kind = ProblemKind::BadValue {
            key: "schedule".to_owned(),
            wanted: Wanted::Schedule,
            got: super::units::duration_text(every),
        };
        reader.findings.push(&reader.place_of("schedule"), kind);
        return None;
    }
    Some(every)
}

fn url(reader: &Reader<'_>, upstream: &str) -> Option<String> {
    let url: String = reader.need("url")?;
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let kind = match host {
        Some(host) if host.contains('@') => ProblemKind::CleartextToken {
            upstream: upstream.to_owned(),
        },
        Some(host) if !host.is_empty() && !url.contains(char::is_whitespace) => return Some(url),
        _ => ProblemKind::BadValue {
            key: "url".to_owned(),
            wanted: Wanted::Url,
            got: url,
        },
    };
    reader.findings.push(&reader.place_of("url"), kind);
    None
}
