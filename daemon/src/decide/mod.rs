//! Stage 2: journal → punches → records and verdicts → outbox. A fold over the journal, one entry after another.
//!
//! What comes out depends on the entries before it and on nothing else: not on the clock, not on when or how often the
//! process was started, not on how entries were grouped. So a buffer that was deleted is rebuilt by folding again.
//! An event's number is that of the journal record it follows from, and its place among those that do; upstream
//! cursors are such numbers, and mean the same after any rebuild.

mod events;
pub mod keys;
pub mod settings;
pub mod tables;
mod timeline;

use std::{borrow::Borrow, collections::BTreeMap, ops::Bound};

use punchgate_journal::{Buffer, BufferError, Entry, Seq};
use punchgate_model::{DeviceName, Reading, Timestamp};
use punchgate_rules::{
    ClockOffset, Directory, OffsetLog, Punch, PunchId, Record, Said, Stretch, Told, Verdict, VerdictOutcome, changes,
    changes::Published, evaluate, identity, place, stretch_around,
};
use punchgate_upstream::Outgoing;
use serde::{Serialize, de::DeserializeOwned};

use events::Events;
use keys::{Subject, sortable};
use settings::{Prepared, Settings};
use tables::{
    ANSWERS, DEADLINES, FACTS, HELD, HeldPunch, KeptAnswer, PUNCHES, Place, RECORDS, SAID, VERDICTS, answer_key,
    place_of,
};
use timeline::Kept;

/// What one entry gave.
#[derive(Debug, Default)]
pub struct Step {
    /// Events for the upstreams, numbered.
    pub events: Vec<Outgoing>,
    /// Punches that the buffer holds now.
    pub punches: Vec<PunchId>,
    /// Idempotent calls that the buffer remembers now.
    pub answers: Vec<(DeviceName, String)>,
}

/// The fold. Everything it must remember between entries is in the buffer, but for what is cheap to read again.
pub struct Decider {
    buffer: Buffer,
    prepared: Prepared,
    offsets: BTreeMap<DeviceName, OffsetLog>,
    complete_until: Timestamp,
}

/// One entry being decided.
struct Now<'a> {
    events: &'a mut Events,
    touched: BTreeMap<Subject, Vec<Timestamp>>,
}

impl Decider {
    /// Goes on where the buffer stands.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn new(buffer: Buffer) -> Result<Self, BufferError> {
        let fact = |name: &str| buffer.get(FACTS, name.as_bytes());
        let settings = fact("settings")?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let directory = fact("directory")?.map(|bytes| directory_of(&bytes)).unwrap_or_default();
        let offsets = fact("offsets")?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let complete_until = fact("complete_until")?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut decider = Self {
            buffer,
            prepared: Prepared::new(settings, directory),
            offsets: BTreeMap::new(),
            complete_until: complete_until.unwrap_or(Timestamp::MIN),
        };
        for (device, offset) in offsets.unwrap_or_else(Vec::<(DeviceName, ClockOffset)>::new) {
            decider.offsets.entry(device).or_default().add(offset);
        }
        Ok(decider)
    }

    /// Data are complete up to here, as far as the journal says.
    pub fn complete_until(&self) -> Timestamp {
        self.complete_until
    }

    /// Decides one entry. `position` is where the journal stands after it.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed: set it aside and rebuild.
    pub fn step(&mut self, seq: Seq, entry: &Entry) -> Result<Step, BufferError> {
        let mut events = Events::after(seq, entry_time(entry));
        let mut step = Step::default();
        let mut now = Now {
            events: &mut events,
            touched: BTreeMap::new(),
        };
        match entry {
            Entry::Reading {
                device,
                epoch,
                received_at,
                reading,
            } => {
                let id = identity::punch_id(device, *epoch, reading, *received_at);
                self.reading(&mut now, seq, &id, device, *received_at, reading)?;
                step.punches.push(id);
            }
            Entry::Contact {
                device,
                at,
                clock: Some(clock),
                ..
            } => {
                let offset = ClockOffset {
                    measured_at: *at,
                    offset_ms: clock.offset_ms,
                    uncertainty_ms: clock.uncertainty_ms,
                };
                self.offset(device, offset)?;
            }
            Entry::Delivered { upstream, through, .. } => self.put(FACTS, cursor_fact(upstream).as_bytes(), through)?,
            Entry::Watermark { complete_until, .. } => self.watermark(&mut now, *complete_until)?,
            Entry::Policy { name, policy, .. } if name == settings::NAME => self.configure(policy)?,
            Entry::Directory { rows, .. } => self.directory(&mut now, &rows.0)?,
            Entry::IdempotentAnswer {
                device,
                key,
                body_hash,
                answer,
                ..
            } => {
                let receipts = serde_json::from_str(&answer.0).unwrap_or_default();
                let kept = KeptAnswer {
                    digest: body_hash.clone(),
                    receipts,
                };
                self.put(ANSWERS, &answer_key(device, key), &kept)?;
                step.answers.push((device.clone(), key.clone()));
            }
            _ => {}
        }
        self.settle(now)?;
        step.events = events.into_list();
        Ok(step)
    }

    /// Where an upstream stands in the outbox, as far as the journal says.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn cursor(buffer: &Buffer, upstream: &str) -> Result<u64, BufferError> {
        let bytes = buffer.get(FACTS, cursor_fact(upstream).as_bytes())?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(0))
    }

    /// The settings and the directory's files that the journal knows, if any.
    pub fn known(&self) -> (&Settings, Vec<String>) {
        let rows = self.read::<Vec<String>>(FACTS, b"directory").ok().flatten();
        (&self.prepared.settings, rows.unwrap_or_default())
    }

    /// A reading becomes a punch, unless it is held already and says nothing new.
    fn reading(
        &mut self,
        now: &mut Now<'_>,
        seq: Seq,
        id: &PunchId,
        device: &DeviceName,
        received_at: Timestamp,
        reading: &Reading,
    ) -> Result<(), BufferError> {
        let punch = self.punch(id, device, received_at, reading);
        let mut held = HeldPunch {
            seq,
            revision: 1,
            received_at,
            device_time: reading.device_time.as_ref().map(|time| time.printed.clone()),
            external_id: reading.external_id.clone(),
            sequence: reading.sequence,
            punch,
        };
        if let Some(place) = place_of(&self.buffer, id)? {
            let Some(known) = self.held(&place, id)? else {
                return Ok(());
            };
            if !is_news(&known.punch, &held.punch) {
                return Ok(());
            }
            held.revision = known.revision.saturating_add(1);
            self.take_away(now, &place, id)?;
        }
        self.keep(now, held)
    }

    fn punch(&self, id: &PunchId, device: &DeviceName, received_at: Timestamp, reading: &Reading) -> Punch {
        let clock = self.prepared.clock(device);
        let measured = self.offsets.get(device).and_then(|log| nearest(log, reading, &clock));
        let placed = place(reading, received_at, &clock, measured);
        let configured = || self.prepared.zone(device);
        Punch {
            id: id.clone(),
            person: self.prepared.directory.resolve(device, &reading.credential).person(),
            credential: reading.credential.clone(),
            factor: reading.factor,
            source: device.clone(),
            zone: reading.zone.as_deref().map(Into::into).or_else(configured),
            direction: reading.direction,
            result: reading.result,
            at: placed.at,
            uncertainty_ms: placed.uncertainty_ms,
            time_quality: placed.quality,
            held_out: placed.held_out,
        }
    }

    fn held(&self, place: &Place, id: &PunchId) -> Result<Option<HeldPunch>, BufferError> {
        self.read(PUNCHES, &place.key(id))
    }

    /// Puts a punch on its timeline and says it.
    fn keep(&mut self, now: &mut Now<'_>, held: HeldPunch) -> Result<(), BufferError> {
        let place = Place::of(&held.punch);
        let id = held.punch.id.clone();
        self.put(PUNCHES, &place.key(&id), &held)?;
        self.buffer.insert(HELD, id.as_str().as_bytes(), &place.to_bytes())?;
        now.events.punch(&held);
        if held.punch.counts() {
            now.touched.entry(place.subject).or_default().push(place.at);
        }
        Ok(())
    }

    fn take_away(&mut self, now: &mut Now<'_>, place: &Place, id: &PunchId) -> Result<(), BufferError> {
        self.buffer.remove(PUNCHES, &place.key(id))?;
        now.touched.entry(place.subject.clone()).or_default().push(place.at);
        Ok(())
    }

    fn offset(&mut self, device: &DeviceName, offset: ClockOffset) -> Result<(), BufferError> {
        self.offsets.entry(device.clone()).or_default().add(offset);
        let all: Vec<(&DeviceName, &ClockOffset)> = self
            .offsets
            .iter()
            .flat_map(|(device, log)| log.iter().map(move |offset| (device, offset)))
            .collect();
        self.put(FACTS, b"offsets", &all)
    }

    fn configure(&mut self, policy: &serde_json::Value) -> Result<(), BufferError> {
        let Ok(settings) = serde_json::from_value::<Settings>(policy.clone()) else {
            return Ok(());
        };
        self.put(FACTS, b"settings", &settings)?;
        let directory = std::mem::take(&mut self.prepared.directory);
        self.prepared = Prepared::new(settings, directory);
        Ok(())
    }

    /// A changed directory: punches of credentials it has learnt become their person's.
    fn directory(&mut self, now: &mut Now<'_>, rows: &[serde_json::Value]) -> Result<(), BufferError> {
        self.put(FACTS, b"directory", &rows)?;
        let settings = self.prepared.settings.clone();
        self.prepared = Prepared::new(settings, read_directory(rows));
        let subjects = self.unresolved()?;
        for subject in subjects {
            for held in (Kept {
                buffer: &self.buffer,
                subject: &subject,
            })
            .all()?
            {
                let person = self
                    .prepared
                    .directory
                    .resolve(&held.punch.source, &held.punch.credential)
                    .person();
                if person.is_some() {
                    let place = Place::of(&held.punch);
                    self.buffer.remove(PUNCHES, &place.key(&held.punch.id))?;
                    let punch = Punch {
                        person,
                        ..held.punch.clone()
                    };
                    self.keep(
                        now,
                        HeldPunch {
                            revision: held.revision.saturating_add(1),
                            punch,
                            ..held
                        },
                    )?;
                }
            }
        }
        Ok(())
    }

    /// The credentials nobody knows that have punches.
    fn unresolved(&self) -> Result<Vec<Subject>, BufferError> {
        let mut found: Vec<Subject> = Vec::new();
        let pairs = self
            .buffer
            .range(PUNCHES, Bound::Unbounded, Bound::Unbounded, usize::MAX)?;
        for (_, value) in pairs {
            let Ok(held) = serde_json::from_slice::<HeldPunch>(&value) else {
                continue;
            };
            let subject = Subject::of(&held.punch);
            if held.punch.person.is_none() && found.last() != Some(&subject) {
                found.push(subject);
            }
        }
        Ok(found)
    }

    /// Data are complete further than before: verdicts that waited for it are looked at again.
    fn watermark(&mut self, now: &mut Now<'_>, complete_until: Timestamp) -> Result<(), BufferError> {
        if complete_until <= self.complete_until {
            return Ok(());
        }
        self.complete_until = complete_until;
        self.put(FACTS, b"complete_until", &complete_until)?;
        let to = sortable(complete_until);
        let due = self
            .buffer
            .range(DEADLINES, Bound::Unbounded, Bound::Excluded(&to), usize::MAX)?;
        for (key, value) in due {
            self.buffer.remove(DEADLINES, &key)?;
            let Some(place) = Place::from_bytes(&value) else {
                continue;
            };
            now.touched.entry(place.subject).or_default().push(place.at);
        }
        Ok(())
    }

    /// Decides again whatever the entry touched.
    fn settle(&mut self, now: Now<'_>) -> Result<(), BufferError> {
        for (subject, instants) in now.touched {
            let kept = Kept {
                buffer: &self.buffer,
                subject: &subject,
            };
            let (groups, rules) = (&self.prepared.directory, &self.prepared.rules);
            let until = Some(self.complete_until);
            let around = instants
                .iter()
                .map(|at| stretch_around(&kept, *at, groups, rules, until));
            for stretch in Stretch::joined(around.collect::<Result<_, _>>()?) {
                let found = evaluate(&kept.within(stretch)?, groups, rules, until);
                self.say_records(now.events, &subject, stretch, &found.records)?;
                self.say_verdicts(now.events, &subject, stretch, found.verdicts)?;
            }
        }
        Ok(())
    }

    fn say_records(
        &self,
        events: &mut Events,
        subject: &Subject,
        stretch: Stretch,
        found: &[Record],
    ) -> Result<(), BufferError> {
        let said = self.said::<Record>(subject, stretch, b'r', RECORDS, found)?;
        for change in changes(&said, found) {
            let now = change.said();
            self.remember(
                subject,
                b'r',
                RECORDS,
                now,
                said.get(now.what.told_as()),
                |record: &Record| record.first_at,
            )?;
            events.record(now);
        }
        Ok(())
    }

    fn say_verdicts(
        &self,
        events: &mut Events,
        subject: &Subject,
        stretch: Stretch,
        found: Vec<Verdict>,
    ) -> Result<(), BufferError> {
        let mut holds = Vec::with_capacity(found.len());
        for verdict in found {
            let is_final = verdict.is_final(Some(self.complete_until));
            if !is_final {
                let key = [
                    &sortable(verdict.settles_at)[..],
                    &subject.key(verdict.at, verdict.policy.as_ref()),
                ]
                .concat();
                let place = Place {
                    result: punchgate_model::Outcome::Granted,
                    at: verdict.at,
                    subject: subject.clone(),
                };
                self.buffer.insert(DEADLINES, &key, &place.to_bytes())?;
            }
            // An open window is no outcome yet: there is nothing to tell anybody.
            if verdict.outcome != VerdictOutcome::Pending {
                holds.push(Published { verdict, is_final });
            }
        }
        let said = self.said::<Published>(subject, stretch, b'v', VERDICTS, &holds)?;
        for change in changes(&said, &holds) {
            let now = change.said();
            self.remember(
                subject,
                b'v',
                VERDICTS,
                now,
                said.get(now.what.told_as()),
                |said: &Published| said.verdict.at,
            )?;
            events.verdict(now);
        }
        Ok(())
    }

    /// Everything said about a stretch, and the last word on every id that holds in it now.
    fn said<T>(
        &self,
        subject: &Subject,
        stretch: Stretch,
        tag: u8,
        tree: &'static str,
        found: &[T],
    ) -> Result<BTreeMap<T::Id, Said<T>>, BufferError>
    where
        T: Told + DeserializeOwned,
        T::Id: Borrow<str>,
    {
        let from = subject.at(stretch.from);
        let to = stretch.to.map_or_else(|| subject.end(), |to| subject.at(to));
        let skip = from.len();
        let index = self
            .buffer
            .range(SAID, Bound::Included(&from), Bound::Excluded(&to), usize::MAX)?;
        let mut said = BTreeMap::new();
        let in_stretch = index
            .iter()
            .filter_map(|(key, _)| key.get(skip..).and_then(|rest| rest.strip_prefix(&[tag])));
        for id in in_stretch.chain(found.iter().map(|thing| thing.told_as().borrow().as_bytes())) {
            if let Some(word) = self.read::<Said<T>>(tree, id)? {
                said.insert(word.what.told_as().clone(), word);
            }
        }
        Ok(said)
    }

    fn remember<T: Told + Serialize>(
        &self,
        subject: &Subject,
        tag: u8,
        tree: &'static str,
        now: &Said<T>,
        before: Option<&Said<T>>,
        at: impl Fn(&T) -> Timestamp,
    ) -> Result<(), BufferError>
    where
        T::Id: Borrow<str>,
    {
        let id: &str = now.what.told_as().borrow();
        let key = |thing: &T| [subject.at(at(thing)), vec![tag], id.as_bytes().to_vec()].concat();
        if let Some(before) = before.filter(|before| at(&before.what) != at(&now.what)) {
            self.buffer.remove(SAID, &key(&before.what))?;
        }
        self.buffer.insert(SAID, &key(&now.what), &[])?;
        self.put(tree, id.as_bytes(), now)
    }

    fn read<T: DeserializeOwned>(&self, tree: &'static str, key: &[u8]) -> Result<Option<T>, BufferError> {
        Ok(self
            .buffer
            .get(tree, key)?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn put<T: Serialize>(&self, tree: &'static str, key: &[u8], value: &T) -> Result<(), BufferError> {
        // Plain data always serialises.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        self.buffer.insert(tree, key, &bytes)
    }
}

/// Whether a punch seen again says something that counts: an approval or refusal of what was pending. Any other
/// difference between two reports of one punch is settled the same way whichever came first.
fn is_news(known: &Punch, again: &Punch) -> bool {
    use punchgate_model::Outcome::Pending;
    known.result == Pending && again.result != Pending
}

/// The measurement nearest to what the device's clock showed.
fn nearest<'a>(log: &'a OffsetLog, reading: &Reading, clock: &punchgate_rules::ClockPolicy) -> Option<&'a ClockOffset> {
    let said = punchgate_rules::clock::instant(reading.device_time.as_ref()?, &clock.zone)?;
    log.nearest(said.at)
}

fn cursor_fact(upstream: &str) -> String {
    format!("cursor:{upstream}")
}

fn entry_time(entry: &Entry) -> Timestamp {
    match entry {
        Entry::Reading { received_at, .. } => *received_at,
        Entry::Watermark { at, .. } | Entry::Directory { at, .. } | Entry::Policy { at, .. } => *at,
        _ => Timestamp::MIN,
    }
}

fn read_directory(rows: &[serde_json::Value]) -> Directory {
    let mut directory = Directory::default();
    for text in rows.iter().filter_map(serde_json::Value::as_str) {
        directory.extend(Directory::parse(text.as_bytes()).0);
    }
    directory
}

fn directory_of(bytes: &[u8]) -> Directory {
    read_directory(&serde_json::from_slice::<Vec<serde_json::Value>>(bytes).unwrap_or_default())
}
