//! What an entry touched is decided again, and what came out differently is said.
//!
//! Decided again means: by the policies in force at that entry of the journal. A verdict of a policy that is not
//! configured any more stands as it was said.

use std::{borrow::Borrow, collections::BTreeMap, ops::Bound};

use punchgate_journal::BufferError;
use punchgate_model::Timestamp;
use punchgate_rules::{
    Person, Record, Rules, Said, Stretch, Told, Verdict, VerdictOutcome, changes, changes::Published, evaluate,
    stretches_around,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Decider, Now,
    events::Events,
    keys::{Subject, sortable},
    tables::{DEADLINES, RECORDS, SAID, VERDICTS, deadline},
    timeline::Kept,
};

/// What is said about stretches, and how it is found again.
trait Spoken: Told<Id: Borrow<str>> + Serialize + DeserializeOwned {
    /// Tells it from other kinds in the index.
    const TAG: u8;
    /// Where the last word on each is kept.
    const TREE: &'static str;

    fn person(&self) -> &Person;

    fn at(&self) -> Timestamp;

    /// Whether nobody judges it any more.
    fn outlives(&self, _rules: &Rules) -> bool {
        false
    }
}

impl Spoken for Record {
    const TAG: u8 = b'r';
    const TREE: &'static str = RECORDS;

    fn person(&self) -> &Person {
        &self.person
    }

    fn at(&self) -> Timestamp {
        self.first_at
    }
}

impl Spoken for Published {
    const TAG: u8 = b'v';
    const TREE: &'static str = VERDICTS;

    fn person(&self) -> &Person {
        &self.verdict.person
    }

    fn at(&self) -> Timestamp {
        self.verdict.at
    }

    fn outlives(&self, rules: &Rules) -> bool {
        rules.policies.iter().all(|policy| policy.name != self.verdict.policy)
    }
}

impl Decider {
    /// Decides again whatever the entry touched.
    pub(super) fn settle(&mut self, now: Now<'_>) -> Result<(), BufferError> {
        for (subject, instants) in now.touched {
            let kept = Kept {
                buffer: &self.buffer,
                subject: &subject,
            };
            let (groups, rules) = (&self.prepared.directory, &self.prepared.rules);
            // Without policies nothing waits for anything.
            let until = (!rules.policies.is_empty()).then_some(self.complete_until);
            for stretch in stretches_around(&kept, &instants, groups, rules, until)? {
                let found = evaluate(&kept.within(stretch)?, groups, rules, until);
                self.say(now.events, &subject, stretch, &found.records, Events::record)?;
                let holds = self.published(&subject, found.verdicts)?;
                self.say(now.events, &subject, stretch, &holds, Events::verdict)?;
            }
        }
        Ok(())
    }

    /// Notes when to look at verdicts that are not final yet. An open window is no outcome: there is nothing to tell.
    fn published(&self, subject: &Subject, found: Vec<Verdict>) -> Result<Vec<Published>, BufferError> {
        let mut holds = Vec::with_capacity(found.len());
        for verdict in found {
            let is_final = verdict.is_final(Some(self.complete_until));
            if !is_final {
                let key = [
                    &sortable(verdict.settles_at)[..],
                    &subject.key(verdict.at, verdict.policy.as_ref()),
                ];
                let value = deadline(subject, verdict.at);
                self.buffer.insert(DEADLINES, &key.concat(), &value)?;
            }
            if verdict.outcome != VerdictOutcome::Pending {
                holds.push(Published { verdict, is_final });
            }
        }
        Ok(holds)
    }

    fn say<T: Spoken>(
        &self,
        events: &mut Events,
        subject: &Subject,
        stretch: Stretch,
        found: &[T],
        tell: impl Fn(&mut Events, &Said<T>),
    ) -> Result<(), BufferError> {
        let said = self.said(subject, stretch, found)?;
        for change in changes(&said, found) {
            let now = change.said();
            let id: &str = now.what.told_as().borrow();
            self.remember(now, said.get(id))?;
            tell(events, now);
        }
        Ok(())
    }

    /// Everything said about a stretch, and the last word on every id that holds in it now.
    fn said<T: Spoken>(
        &self,
        subject: &Subject,
        stretch: Stretch,
        found: &[T],
    ) -> Result<BTreeMap<T::Id, Said<T>>, BufferError> {
        let from = subject.at(stretch.from);
        let to = stretch.to.map_or_else(|| subject.end(), |to| subject.at(to));
        let skip = from.len();
        let index = self
            .buffer
            .range(SAID, Bound::Included(&from), Bound::Excluded(&to), usize::MAX)?;
        let mut said = BTreeMap::new();
        let in_stretch = index
            .iter()
            .filter_map(|(key, _)| key.get(skip..).and_then(|rest| rest.strip_prefix(&[T::TAG])));
        for id in in_stretch.chain(found.iter().map(|thing| thing.told_as().borrow().as_bytes())) {
            let word = self.read::<Said<T>>(T::TREE, id)?;
            if let Some(word) = word.filter(|word| !word.what.outlives(&self.prepared.rules)) {
                said.insert(word.what.told_as().clone(), word);
            }
        }
        Ok(said)
    }

    fn remember<T: Spoken>(&self, now: &Said<T>, before: Option<&Said<T>>) -> Result<(), BufferError> {
        let id: &str = now.what.told_as().borrow();
        let key = |thing: &T| {
            let subject = Subject::of_person(thing.person());
            [subject.at(thing.at()), vec![T::TAG], id.as_bytes().to_vec()].concat()
        };
        let key_before = before.map(|before| key(&before.what));
        let key_now = key(&now.what);
        if let Some(key) = key_before.filter(|key| *key != key_now) {
            self.buffer.remove(SAID, &key)?;
        }
        self.buffer.insert(SAID, &key_now, &[])?;
        self.put(T::TREE, id.as_bytes(), now)
    }
}
