//! `[[verification]]`: the policies of dual verification, as in `semantics.md` sections 4 and 7.

use std::time::Duration;

use punchgate_model::{Direction, Factor, Timestamp};

use super::{
    node::Node,
    place::Place,
    problem::{Problem, ProblemKind},
    reader::Reader,
    units::duration_text,
    value::{FromNode, Instant, Name, word},
};

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its name.
    pub name: String,
    /// What counts as the first factor.
    pub first: Selector,
    /// What counts as the second factor.
    pub second: Selector,
    /// Both no further apart than this; default 15 min, boundary included.
    pub window: Duration,
    /// Further apart than this they have nothing to do with one another; default 4 h.
    pub unrelated_after: Duration,
    /// Whether the first must come first.
    pub order: Order,
    /// Whether one first covers every second within its window; default true.
    pub reuse_first: bool,
    /// How long a verdict may stay provisional for want of data; default 24 h.
    pub max_wait: Duration,
    /// The instant from which it is in force as it stands here; default: from when it was changed.
    pub from: Option<Timestamp>,
    /// Where it is configured.
    pub at: Place,
}

/// Which punches count; an empty list restricts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// How.
    pub factors: Vec<Factor>,
    /// By which devices.
    pub sources: Vec<String>,
    /// At which door groups.
    pub zones: Vec<String>,
    /// Which way.
    pub directions: Vec<Direction>,
    /// Whom.
    pub people: Vec<String>,
    /// Whom, by department in the directory.
    pub groups: Vec<String>,
}

impl Selector {
    /// Whether some punch could match both this and the other. People and groups are compared by name only.
    pub fn overlaps(&self, other: &Self) -> bool {
        fn meet<T: PartialEq>(a: &[T], b: &[T]) -> bool {
            a.is_empty() || b.is_empty() || a.iter().any(|item| b.contains(item))
        }
        meet(&self.factors, &other.factors)
            && meet(&self.sources, &other.sources)
            && meet(&self.zones, &other.zones)
            && meet(&self.directions, &other.directions)
            && meet(&self.people, &other.people)
            && meet(&self.groups, &other.groups)
    }
}

/// Whether the first factor must come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// It must.
    #[default]
    FirstThenSecond,
    /// Either may come first.
    Any,
}

impl Order {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FirstThenSecond => "first-then-second",
            Self::Any => "any",
        }
    }
}

impl FromNode for Order {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(
            key,
            node,
            &[("first-then-second", Self::FirstThenSecond), ("any", Self::Any)],
        )
    }
}

pub(crate) fn read(reader: Reader<'_>) -> Option<Verification> {
    let name = reader.need::<Name>("name");
    let (first, second) = (selector(&reader, "first"), selector(&reader, "second"));
    let policy = Verification {
        name: name.as_ref().map(|name| name.0.clone()).unwrap_or_default(),
        first: first.clone().unwrap_or_default(),
        second: second.clone().unwrap_or_default(),
        window: reader.or("window", Duration::from_secs(15 * 60)),
        unrelated_after: reader.or("unrelated_after", Duration::from_secs(4 * 3600)),
        order: reader.or("order", Order::default()),
        reuse_first: reader.or("reuse_first", true),
        max_wait: reader.or("max_wait", Duration::from_secs(24 * 3600)),
        from: reader.get::<Instant>("from").map(|from| from.0),
        at: reader.at().clone(),
    };
    if policy.window > policy.unrelated_after {
        let kind = ProblemKind::WindowTooLong {
            policy: policy.name.clone(),
            window: duration_text(policy.window),
            unrelated_after: duration_text(policy.unrelated_after),
        };
        reader.findings.push(&reader.place_of("window"), kind);
    }
    reader.finish();
    (name.is_some() && first.is_some() && second.is_some()).then_some(policy)
}

fn selector(reader: &Reader<'_>, key: &'static str) -> Option<Selector> {
    if reader.entry(key).is_none() {
        reader.missing(key);
    }
    let inner = reader.table(key)?;
    let selector = Selector {
        factors: inner.or("factors", Vec::new()),
        sources: inner.or("sources", Vec::new()),
        zones: inner.or("zones", Vec::new()),
        directions: inner.or("directions", Vec::new()),
        people: inner.or("people", Vec::new()),
        groups: inner.or("groups", Vec::new()),
    };
    inner.finish();
    Some(selector)
}
