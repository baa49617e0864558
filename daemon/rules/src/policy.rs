//! What an operator asked to be verified (`semantics.md` section 4).
//!
//! Deliberately absent: reading it from a file; the configuration builds these values.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use punchgate_model::{Direction, Factor, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Person, Punch};

/// Who belongs to which group. The directory answers with departments.
pub trait Groups {
    /// Whether the person belongs to the group.
    fn belongs(&self, person: &Person, group: &str) -> bool;
}

/// Nobody belongs to any group.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoGroups;

impl Groups for NoGroups {
    fn belongs(&self, _: &Person, _: &str) -> bool {
        false
    }
}

/// Which punches. An empty list restricts nothing; lists restrict one another, but for people and groups: a person
/// who is listed, or belongs to a listed group, is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selector {
    /// The factors meant.
    pub factors: Vec<Factor>,
    /// The sources (device names) meant.
    pub sources: Vec<String>,
    /// The zones meant; a punch without a zone is in none of them.
    pub zones: Vec<String>,
    /// The directions meant.
    pub directions: Vec<Direction>,
    /// The people meant.
    pub people: Vec<Person>,
    /// The groups (departments) meant.
    pub groups: Vec<String>,
}

impl Selector {
    /// Whether it means this punch.
    pub fn matches(&self, punch: &Punch, groups: &dyn Groups) -> bool {
        let zone = || {
            punch
                .zone
                .as_deref()
                .is_some_and(|zone| self.zones.iter().any(|z| z == zone))
        };
        (self.factors.is_empty() || self.factors.contains(&punch.factor))
            && (self.directions.is_empty() || self.directions.contains(&punch.direction))
            && (self.sources.is_empty() || self.sources.iter().any(|s| s == punch.source.as_str()))
            && (self.zones.is_empty() || zone())
            && self.means(punch.person.as_ref(), groups)
    }

    fn means(&self, person: Option<&Person>, groups: &dyn Groups) -> bool {
        if self.people.is_empty() && self.groups.is_empty() {
            return true;
        }
        person.is_some_and(|p| self.people.contains(p) || self.groups.iter().any(|group| groups.belongs(p, group)))
    }

    /// Whether some punch could match both, as far as the lists tell. Two different groups may share a person.
    fn meets(&self, other: &Self) -> bool {
        fn share<T: Ord>(a: &[T], b: &[T]) -> bool {
            let a_set: BTreeSet<&T> = a.iter().collect();
            a.is_empty() || b.is_empty() || b.iter().any(|x| a_set.contains(x))
        }
        let only_people = self.groups.is_empty() && other.groups.is_empty();
        share(&self.factors, &other.factors)
            && share(&self.sources, &other.sources)
            && share(&self.zones, &other.zones)
            && share(&self.directions, &other.directions)
            && (!only_people || share(&self.people, &other.people))
    }
}

/// In which order the two factors are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// The first factor, then the second.
    #[default]
    FirstThenSecond,
    /// Either may come first.
    Any,
}

/// Which of a policy's two factors a punch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The first factor.
    First,
    /// The second factor.
    Second,
}

/// One dual-verification policy, for as long as its terms are in force.
///
/// Which terms judge is told by the time of the punches, never by when they arrived: a verdict belongs to the terms in
/// force at its key punch, the second, or the first where it has no second. [`crate::terms`] keeps them apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name; part of the ids of its verdicts.
    pub name: Arc<str>,
    /// The first factor. A punch that both selectors match is a first.
    pub first: Selector,
    /// The second factor.
    pub second: Selector,
    /// How far apart the two may be, boundary included.
    pub window: Duration,
    /// From what distance on, boundary excluded, two punches have nothing to do with one another.
    pub unrelated_after: Duration,
    /// Which order is wanted.
    pub order: Pairing,
    /// Whether one first covers every second within the window.
    pub reuse_first: bool,
    /// The instant from which these terms are in force; `None`: they always were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The instant at which others, or none, took their place; `None`: they still are in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Policy {
    /// A policy with the defaults: 15 minutes, unrelated after 4 hours, first then second, the first reused.
    pub fn new(name: &str, first: Selector, second: Selector) -> Self {
        Self {
            name: name.into(),
            first,
            second,
            window: Duration::from_secs(15 * 60),
            unrelated_after: Duration::from_secs(4 * 3600),
            order: Pairing::FirstThenSecond,
            reuse_first: true,
            from: None,
            until: None,
        }
    }

    /// Whether its terms are in force at an instant.
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether another asks for the same, whenever.
    pub fn says_as(&self, other: &Self) -> bool {
        let body = |policy: &Self| Self {
            from: None,
            until: None,
            ..policy.clone()
        };
        body(self) == body(other)
    }

    /// Which factor the punch is, if it is any of this policy's business.
    pub fn kind(&self, punch: &Punch, groups: &dyn Groups) -> Option<Kind> {
        if self.first.matches(punch, groups) {
            Some(Kind::First)
        } else if self.second.matches(punch, groups) {
            Some(Kind::Second)
        } else {
            None
        }
    }

    /// Whether some punch could match both selectors, which `check` warns about.
    pub fn overlaps(&self) -> bool {
        self.first.meets(&self.second)
    }
}

/// Everything that decides what punches mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Punches at most this much after a record's first one are its repeats.
    pub repeats_within: Duration,
    /// The dual-verification policies, each judged on its own.
    pub policies: Vec<Policy>,
}

impl Rules {
    /// Every group that a policy asks for.
    pub fn groups(&self) -> BTreeSet<&str> {
        let selectors = self.policies.iter().flat_map(|policy| [&policy.first, &policy.second]);
        selectors
            .flat_map(|selector| &selector.groups)
            .map(String::as_str)
            .collect()
    }
}

impl Default for Rules {
    /// Repeats within 5 minutes, no policies.
    fn default() -> Self {
        Self {
            repeats_within: Duration::from_secs(5 * 60),
            policies: Vec::new(),
        }
    }
}

/// Milliseconds, rounded down; an absurdly long span is longer than all time.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// `at` moved forward by a number of milliseconds.
pub(crate) fn after(at: Timestamp, ms: i64) -> Timestamp {
    at.plus_millis(ms)
}
