//! What the reference finds in the punches an upstream holds, against what it was told.

use std::collections::{BTreeMap, BTreeSet};

use punchgate_oracle as oracle;

use crate::{Event, Kind, Law, Violation};

/// The one policy of a run, in words of the published schema. Spans are milliseconds.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Factors of a first.
    pub first: Vec<String>,
    /// Factors of a second.
    pub second: Vec<String>,
    /// The window.
    pub window: i64,
    /// From what distance on two punches are unrelated.
    pub unrelated_after: i64,
    /// How close repeats lie.
    pub repeats_within: i64,
    /// `order = "any"`.
    pub any_order: bool,
    /// `reuse_first`.
    pub reuse_first: bool,
}

pub(crate) fn differences(newest: &BTreeMap<String, Event>, policy: &Policy) -> Vec<Violation> {
    let of = |kind| {
        newest
            .values()
            .filter(move |event| event.kind == kind && !event.is_withdrawn())
    };
    let punches: Vec<(oracle::Punch, bool)> = of(Kind::Punch).filter_map(punch).collect();
    let granted: Vec<oracle::Punch> = punches.iter().map(|(punch, _)| punch.clone()).collect();
    let certain: Vec<oracle::Punch> = punches
        .into_iter()
        .filter(|(_, held)| !held)
        .map(|(punch, _)| punch)
        .collect();
    let wanted = oracle::records(&granted, policy.repeats_within);
    let told = of(Kind::Record).filter_map(record).collect();
    let mut found = compare(Law::RecordsEqualTheReference, wanted, told);
    let among = |list: &[String], punch: &oracle::Punch| list.contains(&punch.factor);
    let mut wanted = oracle::verdicts(
        &certain,
        &oracle::Policy {
            is_first: &|punch| among(&policy.first, punch),
            is_second: &|punch| among(&policy.second, punch),
            window: policy.window,
            unrelated_after: policy.unrelated_after,
            any_order: policy.any_order,
            reuse_first: policy.reuse_first,
            repeats_within: policy.repeats_within,
            until: None,
        },
    );
    wanted.retain(|verdict| verdict.outcome != "pending");
    let told = of(Kind::Verdict).filter_map(verdict).collect();
    found.extend(compare(Law::VerdictsEqualTheReference, wanted, told));
    found
}

fn compare<T: Ord + Clone + std::fmt::Debug>(law: Law, wanted: Vec<T>, told: Vec<T>) -> Vec<Violation> {
    let (wanted, told): (BTreeSet<T>, BTreeSet<T>) = (wanted.into_iter().collect(), told.into_iter().collect());
    let missing = wanted
        .difference(&told)
        .map(|one| Violation::of(law, format!("not told: {one:?}")));
    let surplus = told
        .difference(&wanted)
        .map(|one| Violation::of(law, format!("told for nothing: {one:?}")));
    missing.chain(surplus).collect()
}

/// A granted punch of somebody, and whether its time is in doubt so that it is held out of verification.
fn punch(event: &Event) -> Option<(oracle::Punch, bool)> {
    let text = |name: &str| event.text(name).map(str::to_owned);
    let punch = oracle::Punch {
        id: event.id.clone(),
        person: text("person")?,
        factor: text("factor")?,
        source: text("source")?,
        zone: text("zone"),
        direction: text("direction")?,
        at: event.instant("at")?,
        uncertainty: event.whole["data"]["uncertainty_ms"].as_i64()?,
    };
    // A clock reset: a live punch takes the time of arrival, a stored one is held out (`semantics.md` section 2).
    let held = text("time_quality")? == "reset" && event.instant("received_at") != Some(punch.at);
    Some((punch, held))
}

fn record(event: &Event) -> Option<oracle::Record> {
    Some(oracle::Record {
        person: event.text("person")?.to_owned(),
        first_at: event.instant("first_at")?,
        id: event.text("id")?.to_owned(),
        last_at: event.instant("last_at")?,
        repeats: event.texts("repeats"),
    })
}

fn verdict(event: &Event) -> Option<oracle::Verdict> {
    let text = |name: &str| event.text(name).map(str::to_owned);
    Some(oracle::Verdict {
        person: text("person")?,
        at: event.time()?,
        outcome: text("outcome")?,
        first: text("first"),
        second: text("second"),
        gap_ms: event.whole["data"]["gap_ms"].as_i64(),
        certain: event.whole["data"]["certain"].as_bool(),
        superseded: event.texts("superseded"),
        repeats: event.texts("repeats"),
    })
}
