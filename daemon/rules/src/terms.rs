//! What was asked when: a policy that is changed keeps what it asked before for the time before.
//!
//! Promises: what holds depends on the times of the punches and on the terms, not on what arrived before or after the
//! change. Deliberately absent: any clock; "from now on" is an instant that whoever makes the change brings.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use punchgate_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Policy;

/// The terms of every policy there ever was: of one name in order of time, without overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Terms(BTreeMap<Arc<str>, Vec<Policy>>);

impl Terms {
    /// These policies, from the instants they state; without one, always.
    pub fn always(policies: &[Policy]) -> Self {
        let mut terms = Self::default();
        terms.adopt(policies, None);
        terms
    }

    /// From now on these policies are wanted and no others. One that states an instant (`from`) is in force from there
    /// on; one that is new or different, and states none, from `now`, or always where that is `None`.
    ///
    /// Answers from which instant on verdicts may come out differently: `None` where nothing changed.
    pub fn adopt(&mut self, wanted: &[Policy], now: Option<Timestamp>) -> Option<Timestamp> {
        let before = self.clone();
        for policy in wanted {
            self.take(policy, now);
        }
        let names: BTreeSet<&str> = wanted.iter().map(|policy| &*policy.name).collect();
        for (name, terms) in &mut self.0 {
            let is_open = terms.last().is_some_and(|last| last.until.is_none());
            if is_open && !names.contains(&**name) {
                end(terms, now.unwrap_or(Timestamp::MIN));
            }
        }
        self.0.retain(|_, terms| !terms.is_empty());
        self.differs_from(&before)
    }

    /// All terms, as the rules take them.
    pub fn policies(&self) -> Vec<Policy> {
        self.0.values().flatten().cloned().collect()
    }

    /// The terms of a policy in force at an instant.
    pub fn at(&self, name: &str, at: Timestamp) -> Option<&Policy> {
        self.0.get(name)?.iter().find(|policy| policy.is_in_force(at))
    }

    fn take(&mut self, wanted: &Policy, now: Option<Timestamp>) {
        let terms = self.0.entry(wanted.name.clone()).or_default();
        let current = terms.last().filter(|last| last.until.is_none() && last.says_as(wanted));
        if let Some(current) = current {
            if wanted.from.is_none() || wanted.from == current.from {
                return;
            }
            // The same, from another instant on: what was before it takes up where it was made to end.
            let from = terms.pop().and_then(|current| current.from);
            if let Some(last) = terms.last_mut().filter(|last| last.until == from) {
                last.until = None;
            }
        }
        let from = wanted.from.or(now);
        end(terms, from.unwrap_or(Timestamp::MIN));
        terms.push(Policy {
            from,
            until: None,
            ..wanted.clone()
        });
    }

    /// The first instant at which other terms are in force.
    fn differs_from(&self, other: &Self) -> Option<Timestamp> {
        let none = Vec::new();
        let names: BTreeSet<&Arc<str>> = self.0.keys().chain(other.0.keys()).collect();
        let changed = names.into_iter().filter_map(|name| {
            let (a, b) = (self.0.get(name).unwrap_or(&none), other.0.get(name).unwrap_or(&none));
            let only = |these: &[Policy], those: &[Policy]| -> Vec<(Timestamp, Timestamp)> {
                let new = these.iter().filter(|policy| !those.contains(policy));
                new.map(|policy| {
                    (
                        policy.from.unwrap_or(Timestamp::MIN),
                        policy.until.unwrap_or(Timestamp::MAX),
                    )
                })
                .collect()
            };
            let edges = [only(a, b), only(b, a)].concat();
            let edges: BTreeSet<Timestamp> = edges.into_iter().flat_map(|(from, until)| [from, until]).collect();
            let at = |terms: &[Policy], at: Timestamp| {
                let found = terms.iter().find(|policy| policy.is_in_force(at));
                found.map(|policy| {
                    (
                        policy.from,
                        Policy {
                            from: None,
                            until: None,
                            ..policy.clone()
                        },
                    )
                })
            };
            edges.into_iter().find(|edge| at(a, *edge) != at(b, *edge))
        });
        changed.min()
    }
}

/// Nothing of these is in force from an instant on.
fn end(terms: &mut Vec<Policy>, at: Timestamp) {
    terms.retain(|policy| policy.from.is_none_or(|from| from < at) && at > Timestamp::MIN);
    if let Some(last) = terms
        .last_mut()
        .filter(|last| last.until.is_none_or(|until| until > at))
    {
        last.until = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Selector;

    fn policy(minutes: u64, from: Option<i64>) -> Policy {
        Policy {
            window: Duration::from_secs(minutes * 60),
            from: from.map(Timestamp::from_millis),
            ..Policy::new("door", Selector::default(), Selector::default())
        }
    }

    fn windows(terms: &Terms) -> Vec<(u64, Option<i64>, Option<i64>)> {
        let row = |policy: Policy| {
            let millis = |at: Option<Timestamp>| at.map(|at| at.as_millis());
            (policy.window.as_secs() / 60, millis(policy.from), millis(policy.until))
        };
        terms.policies().into_iter().map(row).collect()
    }

    fn now(at: i64) -> Option<Timestamp> {
        Some(Timestamp::from_millis(at))
    }

    #[test]
    fn a_changed_policy_is_in_force_from_the_change_and_keeps_what_it_asked_before() {
        let mut terms = Terms::always(&[policy(15, None)]);
        assert_eq!(terms.adopt(&[policy(15, None)], now(50)), None, "nothing changed");
        assert_eq!(terms.adopt(&[policy(10, None)], now(100)), now(100));
        assert_eq!(windows(&terms), [(15, None, Some(100)), (10, Some(100), None)]);
        assert_eq!(
            terms.at("door", Timestamp::from_millis(99)).map(|p| p.window.as_secs()),
            Some(900)
        );
    }

    #[test]
    fn a_stated_instant_goes_before_the_change_and_can_be_corrected() {
        let mut terms = Terms::always(&[policy(15, None)]);
        assert_eq!(terms.adopt(&[policy(10, Some(40))], now(100)), now(40));
        assert_eq!(windows(&terms), [(15, None, Some(40)), (10, Some(40), None)]);
        assert_eq!(terms.adopt(&[policy(10, Some(70))], now(110)), now(40));
        assert_eq!(windows(&terms), [(15, None, Some(70)), (10, Some(70), None)]);
        assert_eq!(
            terms.adopt(&[policy(10, None)], now(120)),
            None,
            "the stated instant stays"
        );
        assert_eq!(terms.adopt(&[policy(5, Some(60))], now(130)), now(60));
        assert_eq!(windows(&terms), [(15, None, Some(60)), (5, Some(60), None)]);
    }

    #[test]
    fn a_policy_that_is_gone_judges_what_was_before_and_may_come_back() {
        let mut terms = Terms::always(&[policy(15, None)]);
        assert_eq!(terms.adopt(&[], now(100)), now(100));
        assert_eq!(windows(&terms), [(15, None, Some(100))]);
        assert_eq!(terms.adopt(&[], None), None, "what has ended is not ended again");
        assert_eq!(terms.adopt(&[policy(15, None)], now(200)), now(200));
        assert_eq!(windows(&terms), [(15, None, Some(100)), (15, Some(200), None)]);
    }
}
