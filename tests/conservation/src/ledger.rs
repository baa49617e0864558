//! What devices issued and were told, and what an upstream received.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Event, Kind, Law, Policy, Violation,
    cause::{Change, Changes},
    reference,
};

/// A punch as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Whose it is by the directory; `None` where nobody has that credential.
    pub person: Option<String>,
    /// `in`, `out` or `unknown`, as the device can tell it; `None` where it may not be compared.
    pub direction: Option<String>,
    /// When it was, by a right clock, in milliseconds since 1970.
    pub at: i64,
    /// How far off the delivered instant may be, in milliseconds; `None` where it may not be compared.
    pub tolerance: Option<i64>,
}

/// A device, and a punch of it by what it said: credential, printed time, factor.
type Name = (String, String);

/// Both sides of the books.
#[derive(Debug, Default)]
pub struct Ledger {
    issued: BTreeMap<Name, Issued>,
    acknowledged: BTreeSet<Name>,
    /// The newest revision of everything, by event id.
    newest: BTreeMap<String, Event>,
    /// The content of every revision.
    contents: BTreeMap<(String, u64), String>,
    /// Which id each punch has.
    ids: BTreeMap<Name, String>,
    changes: Changes,
    violations: Vec<Violation>,
}

impl Ledger {
    /// Empty books; `reach` is the widest gap between punches of one group, in milliseconds.
    pub fn new(reach: i64) -> Self {
        let mut ledger = Self::default();
        ledger.changes.reach(reach);
        ledger
    }

    /// A device made a punch. `name` is `credential|printed time|factor`.
    pub fn issue(&mut self, device: &str, name: &str, issued: Issued) {
        self.issued.insert((device.to_owned(), name.to_owned()), issued);
    }

    /// A device was told that a punch is safe.
    pub fn acknowledge(&mut self, device: &str, name: &str) {
        self.acknowledged.insert((device.to_owned(), name.to_owned()));
    }

    /// How many punches were issued.
    pub fn issued(&self) -> usize {
        self.issued.len()
    }

    /// How many of them were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// How many different punches arrived.
    pub fn delivered(&self) -> usize {
        self.ids.len()
    }

    /// Which of these events, numbered before the newest that arrived, never arrived.
    pub fn passed_over<'a>(&self, events: &'a [Event]) -> Vec<&'a Event> {
        let newest = self.newest.values().map(|event| event.sequence).max().unwrap_or(0);
        let unknown = |event: &&Event| !self.contents.contains_key(&(event.id.clone(), event.revision));
        events
            .iter()
            .filter(|event| event.sequence <= newest)
            .filter(unknown)
            .collect()
    }

    /// Whether a punch has arrived.
    pub fn has(&self, device: &str, name: &str) -> bool {
        self.ids.contains_key(&(device.to_owned(), name.to_owned()))
    }

    /// What was broken so far, each once.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Notes that a law was broken.
    pub fn broke(&mut self, law: Law, what: impl Into<String>) {
        let violation = Violation::of(law, what);
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// An upstream received a body and read these events of it; whether it refused one for good makes no difference here.
    pub fn receive(&mut self, events: Vec<Event>) {
        for event in events {
            self.take(event);
        }
    }

    /// An upstream received something else.
    pub fn unreadable(&mut self, why: &str) {
        self.broke(Law::EventsAreReadable, why);
    }

    fn take(&mut self, event: Event) {
        let content = event.whole.to_string();
        let revision = (event.id.clone(), event.revision);
        match self.contents.get(&revision) {
            Some(before) if *before == content => return,
            Some(before) => {
                let what = format!(
                    "{} revision {}: first {before}, then {content}",
                    event.id, event.revision
                );
                return self.broke(Law::OneContentForOneRevision, what);
            }
            None => drop(self.contents.insert(revision, content)),
        }
        let before = self.newest.get(&event.id).cloned();
        let last = before.as_ref().map_or(0, |event| event.revision);
        if !goes_on(last, event.revision) {
            let what = format!("{} revision {} came after {last}", event.id, event.revision);
            self.broke(Law::RevisionsIncrease, what);
        }
        if event.revision <= last {
            return;
        }
        if event.kind == Kind::Punch {
            self.punched(&event, before.as_ref());
        } else if let Some(before) = &before {
            self.revised(before, &event);
        }
        self.changes.note(&event);
        self.newest.insert(event.id.clone(), event);
    }

    fn punched(&mut self, event: &Event, before: Option<&Event>) {
        let Some(name) = name_of(event) else {
            return self.broke(Law::EventsAreReadable, format!("punch {} lacks a field", event.id));
        };
        let Some(issued) = self.issued.get(&name).cloned() else {
            let what = format!("punch {}: {} never said {}", event.id, name.0, name.1);
            return self.broke(Law::DeliveredWasIssued, what);
        };
        let known = self.ids.entry(name.clone()).or_insert_with(|| event.id.clone());
        if *known != event.id {
            let what = format!("{} {} arrived as {known} and as {}", name.0, name.1, event.id);
            self.broke(Law::OneIdForOnePunch, what);
        }
        let person = event.text("person");
        let equal = event.text("result") == Some("granted")
            && issued
                .direction
                .as_deref()
                .is_none_or(|way| event.text("direction") == Some(way))
            && event.text("id") == Some(&event.id);
        if !equal {
            let what = format!("punch {}: issued {issued:?}, delivered {}", event.id, event.whole);
            self.broke(Law::PayloadsAreEqual, what);
        }
        if let Some(person) = person {
            let at = |event: &Event| event.instant("at");
            self.changes.punched(Change {
                person: person.to_owned(),
                sequence: event.sequence,
                now: at(event),
                before: before.and_then(at),
            });
        }
    }

    fn revised(&mut self, before: &Event, event: &Event) {
        let settled = before.text("state") != event.text("state");
        if before.substance() == event.substance() {
            if !settled {
                let what = format!("{} revision {} says what the one before said", event.id, event.revision);
                self.broke(Law::RevisionsDiffer, what);
            }
            return;
        }
        if let Some(what) = self.changes.uncaused(before, event, &self.newest) {
            self.broke(Law::OnlyTheGroupChanges, what);
        }
    }

    /// What is still owed: acknowledged and not delivered.
    pub fn owed(&self) -> Vec<String> {
        let owed = self.acknowledged.iter().filter(|name| !self.ids.contains_key(*name));
        owed.map(|(device, name)| format!("{device} {name}")).collect()
    }

    /// How what arrived differs from what the reference finds in the same punches; empty when it does not.
    pub fn differences(&self, policy: &Policy) -> Vec<Violation> {
        reference::differences(&self.newest, policy)
    }

    /// The end: everything must balance.
    pub fn close(&mut self, policy: &Policy) {
        for name in self.owed() {
            self.broke(
                Law::AcknowledgedIsDelivered,
                format!("{name} was acknowledged and never arrived"),
            );
        }
        for name in self.acknowledged.iter().filter(|name| !self.issued.contains_key(*name)) {
            let violation = Violation::of(
                Law::DeliveredWasIssued,
                format!("{name:?} was acknowledged and never issued"),
            );
            self.violations.push(violation);
        }
        for violation in self.differences(policy).into_iter().chain(self.misplaced()) {
            self.broke(violation.law, violation.what);
        }
    }

    /// Punches that are not when they were.
    fn misplaced(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        for (name, id) in &self.ids {
            let (Some(issued), Some(event)) = (self.issued.get(name), self.newest.get(id)) else {
                continue;
            };
            // Until the directory is in force a punch is nobody's; in the end it is whose it is.
            if event.text("person") != issued.person.as_deref() {
                let what = format!("{name:?} is of {:?}, delivered {}", issued.person, event.whole);
                found.push(Violation::of(Law::PayloadsAreEqual, what));
            }
            let off = event.instant("at").map(|at| (at - issued.at).abs());
            if issued.tolerance.is_some_and(|most| off.is_none_or(|off| off > most)) {
                let what = format!("{name:?} was at {}, delivered {}", issued.at, event.whole);
                found.push(Violation::of(Law::PayloadsAreEqual, what));
            }
        }
        found
    }
}

fn name_of(event: &Event) -> Option<Name> {
    let printed = event.text("device_time").unwrap_or_default();
    let name = format!("{}|{printed}|{}", event.text("credential")?, event.text("factor")?);
    Some((event.text("source")?.to_owned(), name))
}

/// Whether a revision may come after another. One more is what comes, but where records were lost: then an epoch begins,
/// 65 536 revisions further on, in which what is told may have been told less often than before.
fn goes_on(last: u64, revision: u64) -> bool {
    let (before, after) = ((last >> 16, last & 0xffff), (revision >> 16, revision & 0xffff));
    revision == last + 1 || (after.0 > before.0 && (1..=before.1 + 1).contains(&after.1))
}
