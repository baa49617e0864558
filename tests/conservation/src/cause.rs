//! Whether a change had a cause: a punch of the same person, in the group it touches.

use std::collections::{BTreeMap, BTreeSet};

use crate::Event;

/// A punch came, or was placed elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub person: String,
    pub sequence: u64,
    pub now: Option<i64>,
    pub before: Option<i64>,
}

/// All changes so far.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    of: BTreeMap<String, Vec<Change>>,
    /// Journal records (the upper part of a number) in which somebody had a `wrong_order`.
    swapped: BTreeSet<(String, u64)>,
    /// The widest gap within a group; 0 until told.
    reach: i64,
}

/// Numbers of events that follow from one fact agree but for these bits (`sequence` in the gateway's own README).
const PLACE: u64 = 1 << 24;

impl Changes {
    pub(crate) fn reach(&mut self, reach: i64) {
        self.reach = reach;
    }

    pub(crate) fn punched(&mut self, change: Change) {
        self.of.entry(change.person.clone()).or_default().push(change);
    }

    pub(crate) fn note(&mut self, event: &Event) {
        if event.text("outcome") == Some("wrong_order")
            && let Some(person) = event.text("person")
        {
            self.swapped.insert((person.to_owned(), event.sequence / PLACE));
        }
    }

    /// Why a revision has no cause; `None` when it has one.
    pub(crate) fn uncaused(&self, before: &Event, event: &Event, newest: &BTreeMap<String, Event>) -> Option<String> {
        let person = event.text("person")?;
        let since =
            |change: &&Change| (before.sequence / PLACE..=event.sequence / PLACE).contains(&(change.sequence / PLACE));
        let changes = self.of.get(person).map(Vec::as_slice).unwrap_or_default();
        let group = self.group(changes, [before, event], newest);
        let touched = |change: &Change| {
            [change.now, change.before]
                .into_iter()
                .flatten()
                .any(|at| group.contains(&at))
        };
        if changes.iter().filter(since).any(touched) {
            return None;
        }
        // An open window that lapses can turn a missing first into a wrong order without any new punch.
        let swapped = before.text("outcome") == Some("wrong_order")
            || self.swapped.contains(&(person.to_owned(), event.sequence / PLACE));
        let lapsed = event.text("outcome") == Some("wrong_order") || swapped;
        if lapsed {
            return None;
        }
        let what = format!(
            "{} revision {} of {person} changed without a punch in its group since: {} became {}",
            event.id, event.revision, before.whole, event.whole
        );
        Some(what)
    }

    /// Instants of the person's punches that hang together with those the events speak of.
    fn group(&self, changes: &[Change], events: [&Event; 2], newest: &BTreeMap<String, Event>) -> BTreeSet<i64> {
        let mut all: Vec<i64> = changes
            .iter()
            .flat_map(|change| [change.now, change.before])
            .flatten()
            .collect();
        all.sort_unstable();
        all.dedup();
        let mut group = BTreeSet::new();
        for event in events {
            let ids = ["first", "second", "id"]
                .into_iter()
                .filter_map(|name| event.text(name).map(str::to_owned));
            let ids = ids.chain(event.texts("superseded")).chain(event.texts("repeats"));
            group.extend(ids.filter_map(|id| newest.get(&id)?.instant("at")));
            group.extend(event.time());
        }
        loop {
            let near = |at: &i64| group.iter().any(|known| (known - at).abs() <= self.reach);
            let more: Vec<i64> = all
                .iter()
                .copied()
                .filter(|at| !group.contains(at) && near(at))
                .collect();
            if more.is_empty() {
                return group;
            }
            group.extend(more);
        }
    }
}
