//! What an entry touched is decided again, and what came out differently is said.
//!
//! Decided again means: by the policies in force at that entry of the journal. A verdict of a policy that is not
//! configured any more stands as it was said.

use std::collections::BTreeMap;

use punchgate_journal::BufferError;
use punchgate_model::Timestamp;
use punchgate_rules::{
    Change, Punch, PunchId, Record, Rules, Said, Stretch, Verdict, VerdictOutcome, changes, changes::Published,
    evaluate_stretch, stretches_around,
};

use super::{
    Decider, Now,
    keys::{Subject, sortable},
    tables::{DEADLINES, Spoken, deadline},
    timeline::Kept,
};

/// New words about the punches of one stretch.
#[derive(Default)]
struct Words {
    records: Vec<Said<Record>>,
    verdicts: Vec<Said<Published>>,
    /// When the punches were; empty where nothing is said.
    places: BTreeMap<PunchId, Timestamp>,
}

impl Decider {
    /// Decides again whatever the entry touched.
    pub(super) fn settle(&self, now: &mut Now<'_>) -> Result<(), BufferError> {
        now.instants = 0;
        for (subject, instants) in std::mem::take(&mut now.touched) {
            #[cfg(feature = "sabotage")]
            if self.is_late(&subject, &instants)? {
                continue;
            }
            let kept = Kept {
                days: &self.days,
                subject: &subject,
            };
            let (groups, rules) = (&self.prepared.directory, &self.prepared.rules);
            // Without policies nothing waits for anything.
            let until = (!rules.policies.is_empty()).then_some(self.complete_until);
            for stretch in stretches_around(&kept, &instants, groups, rules, until)? {
                let words = self.words(&subject, stretch, until)?;
                for said in &words.records {
                    now.events.record(said);
                }
                for said in &words.verdicts {
                    now.events.verdict(said);
                }
                self.remember(&subject, words)?;
            }
        }
        Ok(())
    }

    /// What has to be said about a stretch now.
    fn words(&self, subject: &Subject, stretch: Stretch, until: Option<Timestamp>) -> Result<Words, BufferError> {
        let held = self.days.within(subject, stretch)?;
        let punches: Vec<Punch> = held.iter().map(|held| held.punch.clone()).collect();
        let (groups, rules) = (&self.prepared.directory, &self.prepared.rules);
        let found = evaluate_stretch(&punches, stretch, groups, rules, until);
        let holds = self.published(subject, found.verdicts)?;
        let records = held.iter().filter_map(|held| held.spoken.record.as_ref());
        let records: BTreeMap<_, _> = records.map(|said| (&said.what.id, said)).collect();
        let verdicts = held
            .iter()
            .flat_map(|held| &held.spoken.verdicts)
            .filter(|said| is_judged(said, rules));
        let verdicts: BTreeMap<_, _> = verdicts.map(|said| (&said.what.verdict.id, said)).collect();
        let (records, verdicts) = (
            said(changes(&records, &found.records)),
            said(changes(&verdicts, &holds)),
        );
        let speaks = !records.is_empty() || !verdicts.is_empty();
        let spoken_of = held.iter().filter(|_| speaks);
        Ok(Words {
            records,
            verdicts,
            places: spoken_of.map(|held| (held.punch.id.clone(), held.punch.at)).collect(),
        })
    }

    #[cfg(feature = "sabotage")]
    fn is_late(
        &self,
        subject: &Subject,
        instants: &std::collections::BTreeSet<Timestamp>,
    ) -> Result<bool, BufferError> {
        use punchgate_sabotage::{Bug, is_planted};
        let Some(last) = instants.last().filter(|_| is_planted(Bug::DecideInOrderOfArrival)) else {
            return Ok(false);
        };
        let after = Stretch {
            from: last.plus_millis(1),
            to: None,
        };
        Ok(!self.days.within(subject, after)?.is_empty())
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

    /// Keeps each new word with the punch it is named after, which lies in the stretch.
    fn remember(&self, subject: &Subject, words: Words) -> Result<(), BufferError> {
        for said in words.records {
            let id = said.what.id.clone();
            self.speak(subject, &words.places, &id, |spoken| spoken.record = Some(said))?;
        }
        for said in words.verdicts {
            let Some(id) = said.what.verdict.key_punch().cloned() else {
                continue;
            };
            self.speak(subject, &words.places, &id, |spoken| spoken.say(said))?;
        }
        Ok(())
    }

    fn speak(
        &self,
        subject: &Subject,
        places: &BTreeMap<PunchId, Timestamp>,
        id: &PunchId,
        word: impl FnOnce(&mut Spoken),
    ) -> Result<(), BufferError> {
        match places.get(id) {
            Some(at) => self.days.speak(subject, *at, id, word),
            None => Ok(()),
        }
    }
}

fn said<T>(changes: Vec<Change<T>>) -> Vec<Said<T>> {
    changes.into_iter().map(Change::into_said).collect()
}

/// Whether anybody judges it any more.
fn is_judged(said: &Said<Published>, rules: &Rules) -> bool {
    rules
        .policies
        .iter()
        .any(|policy| policy.name == said.what.verdict.policy)
}
