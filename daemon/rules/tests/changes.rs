//! What is said when something is decided again (`semantics.md` section 5).

mod common;

use std::collections::BTreeMap;

use common::{clock, judge, office_door, timeline};
use punchgate_rules::{Change, Said, Told, Verdict, VerdictId, changes, changes::Published};

/// Everything said so far, the way a publisher remembers it.
#[derive(Default)]
struct Publisher(BTreeMap<VerdictId, Said<Published>>);

impl Publisher {
    /// Says what is new about the verdicts of a timeline: words like `new verified 1`.
    fn publish(&mut self, text: &str, until: Option<&str>) -> Vec<String> {
        let until = until.map(clock);
        let told = |verdict: Verdict| Published {
            is_final: verdict.is_final(until),
            verdict,
        };
        let punches = if text.is_empty() { Vec::new() } else { timeline(text) };
        let found: Vec<Published> = judge(&punches, &office_door(), until).into_iter().map(told).collect();
        let word = |change: &Change<Published>| {
            let said = change.said();
            let kind = match change {
                Change::New(_) => "new",
                Change::Revised(_) => "revised",
                Change::Withdrawn(_) => "withdrawn",
            };
            let last = if said.what.is_final { "final" } else { "provisional" };
            format!("{kind} {} {} {last}", said.what.verdict.outcome.word(), said.revision)
        };
        let all = changes(&self.0.iter().collect(), &found);
        for change in &all {
            let said = change.said().clone();
            let before = self.0.insert(said.what.told_as().clone(), said);
            assert!(
                before.is_none_or(|b| b.revision < change.said().revision),
                "revisions only grow"
            );
        }
        all.iter().map(word).collect()
    }
}

#[test]
fn a_late_punch_revises_its_verdict() {
    let mut publisher = Publisher::default();
    assert_eq!(publisher.publish("FP 08:50", None), ["new missing_first 1 final"]);
    assert_eq!(
        publisher.publish("GPS 08:44, FP 08:50", None),
        ["revised verified 2 final"]
    );
}

#[test]
fn what_is_unchanged_is_not_said_again() {
    let mut publisher = Publisher::default();
    publisher.publish("GPS 08:44, FP 08:50", None);
    assert!(publisher.publish("GPS 08:44, FP 08:50", None).is_empty());
    assert_eq!(
        publisher.publish("GPS 08:44, FP 08:50, FP 18:00", None),
        ["new missing_first 1 final"]
    );
}

#[test]
fn a_missing_second_is_withdrawn_when_it_arrives() {
    let mut publisher = Publisher::default();
    assert_eq!(publisher.publish("GPS 08:44", None), ["new missing_second 1 final"]);
    let said = publisher.publish("GPS 08:44, FP 08:50", None);
    assert_eq!(said, ["withdrawn missing_second 2 final", "new verified 1 final"]);
}

#[test]
fn a_revision_is_not_used_again_after_a_withdrawal() {
    let mut publisher = Publisher::default();
    publisher.publish("GPS 08:44", None);
    publisher.publish("", None);
    assert!(publisher.publish("", None).is_empty(), "a withdrawal is said once");
    assert_eq!(publisher.publish("GPS 08:44", None), ["revised missing_second 3 final"]);
}

#[test]
fn a_verdict_is_said_at_once_and_again_when_it_is_final() {
    let mut publisher = Publisher::default();
    assert_eq!(
        publisher.publish("GPS 08:44, FP 08:50", Some("08:50")),
        ["new verified 1 provisional"]
    );
    assert!(publisher.publish("GPS 08:44, FP 08:50", Some("08:50")).is_empty());
    assert_eq!(
        publisher.publish("GPS 08:44, FP 08:50", Some("08:51")),
        ["revised verified 2 final"]
    );
}

#[test]
fn a_pending_verdict_becomes_missing_under_the_same_id() {
    let mut publisher = Publisher::default();
    assert_eq!(
        publisher.publish("GPS 08:44", Some("08:45")),
        ["new pending 1 provisional"]
    );
    assert_eq!(
        publisher.publish("GPS 08:44", Some("09:00")),
        ["revised missing_second 2 final"]
    );
}
