//! Stage 2: journal → punches → records and verdicts → outbox. A fold over the journal, one entry after another.
//!
//! What comes out depends on the entries before it and on nothing else: not on the clock, not on when or how often the
//! process was started, not on how entries were grouped. So a buffer that was deleted is rebuilt by folding again.
//! An event's number is that of the journal record it follows from, and its place among those that do; upstream
//! cursors are such numbers, and mean the same after any rebuild.
//!
//! What holds in the end depends on the set of readings, the clock measurements, the last directory, what was configured
//! when, and how far the data are complete, in whatever order they came: a reading is read as its device was configured
//! when it arrived ([`configured`]), a verdict is judged by the terms in force at its punches. Only how close repeats lie is
//! followed by what is decided after it, and what nothing touches again stays as it was said.

pub mod account;
pub mod accounts;
pub mod asked;
mod changed;
mod clocks;
pub mod configured;
mod days;
pub(crate) mod events;
mod explain;
pub mod ids;
mod kept;
pub mod keys;
pub mod ledger;
mod people;
mod punches;
mod say;
pub mod settings;
pub mod tables;
mod timeline;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use punchgate_journal::{Buffer, BufferError, ClockMeasured, Entry, Gap, Record, Seq};
use punchgate_model::{DeviceName, Timestamp};
use punchgate_rules::{ClockOffset, Punch, PunchId, Terms, identity};
use punchgate_upstream::Outgoing;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::epochs::Epochs;
use account::Account;
use clocks::Measurements;
use configured::Histories;
use days::Days;
use events::Events;
use ids::Ids;
use keys::{Subject, sortable};
use people::Bearers;
use settings::{Prepared, Settings};
use tables::{ANSWERS, DEADLINES, EPOCHS, FACTS, GAPS, KeptAnswer, answer_key};

/// The format of what the fold keeps in the buffer. One more with every change of it: a buffer of another format is built
/// again from the journal.
pub const FORMAT: u16 = 2;

/// What was said last of every record and verdict, as one hash: equal for equal outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Verdicts in it, withdrawn ones too.
    pub verdicts: u64,
    /// SHA-256, as hex.
    pub hex: String,
}

/// What people's days may take in memory, in bytes: a day of three thousand people.
pub const ROOM: usize = 16 << 20;
/// What they may take while much is decided at once, in bytes.
pub const AMPLE_ROOM: usize = 96 << 20;

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

/// The fold. Everything it must remember between entries is in the buffer after [`Decider::flush`], but for what is cheap
/// to read again.
pub struct Decider {
    buffer: Buffer,
    prepared: Prepared,
    offsets: BTreeMap<DeviceName, Measurements>,
    complete_until: Timestamp,
    /// Events up to this number are with every upstream: they are not made again.
    had: u64,
    /// Punches of credentials that nobody knows.
    quarantined: Cell<u64>,
    ids: Ids,
    days: Days,
    bearers: Bearers,
    /// How often something may have been lost: see [`Entry::Began`] and [`Decider::cross`].
    epoch: u32,
    /// The devices' logs.
    logs: Epochs,
}

/// What one entry has given so far, while it is still being decided.
#[derive(Debug)]
pub struct Relief {
    /// Events for the upstreams, numbered; no earlier ones follow.
    pub events: Vec<Outgoing>,
    /// How far it is.
    pub far: Far,
}

/// How far a change that many punches follow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Far {
    /// Credentials, or people, that are done.
    pub done: usize,
    /// Of so many.
    pub of: usize,
    /// Punches looked at again.
    pub punches: u64,
}

/// Takes what an entry has given so far.
type Takes<'a> = &'a mut dyn FnMut(Relief) -> Result<(), BufferError>;

/// Instants and events of one entry that are kept in memory; a change that many punches follow is said in pieces.
const AT_ONCE: usize = 4096;

/// One entry being decided.
struct Now<'a> {
    events: Events,
    touched: BTreeMap<Subject, BTreeSet<Timestamp>>,
    /// Instants in `touched`, or a few more.
    instants: usize,
    far: Far,
    takes: Option<Takes<'a>>,
}

impl Now<'_> {
    /// A punch came, went or changed: what is around it is decided again.
    fn touch(&mut self, punch: &Punch, is_spoken_of: bool) {
        if punch.counts() || is_spoken_of {
            self.touched.entry(Subject::of(punch)).or_default().insert(punch.at);
            self.instants += 1;
        }
    }
}

impl Decider {
    /// Goes on where the buffer stands. `ids` are those of the same buffer.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn new(buffer: Buffer, ids: Ids) -> Result<Self, BufferError> {
        let fact = |name: &str| buffer.get(FACTS, name.as_bytes());
        let settings: Settings = fact("settings")?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let directory = fact("directory")?
            .map(|bytes| people::from_bytes(&bytes))
            .unwrap_or_default()
            .with_cards(&settings.cards);
        let complete_until = fact("complete_until")?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let quarantined = fact("quarantined")?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let epoch = fact("epoch")?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let fact_of = |name: &str| Ok::<_, BufferError>(fact(name)?.unwrap_or_else(|| b"{}".to_vec()));
        let terms: Terms = serde_json::from_slice(&fact_of("terms")?).unwrap_or_default();
        let histories: Histories = serde_json::from_slice(&fact_of("histories")?).unwrap_or_default();
        let prepared = Prepared::new(settings, terms, histories, directory);
        let offsets = clocks::known(&buffer, &prepared.configured)?;
        let logs = ledger::known(&buffer)?;
        Ok(Self {
            ids,
            days: Days::new(buffer.clone()),
            bearers: Bearers::default(),
            logs,
            buffer,
            prepared,
            offsets,
            complete_until: complete_until.unwrap_or(Timestamp::MIN),
            had: 0,
            quarantined: Cell::new(quarantined.unwrap_or(0)),
            epoch: epoch.unwrap_or(0),
        })
    }

    /// From now on people's days may take about so many bytes of memory: [`ROOM`] unless said otherwise.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn take_room(&mut self, bytes: usize) -> Result<(), BufferError> {
        self.days.take_room(bytes)
    }

    /// Every upstream has the events up to this number: when they are decided again, only their numbers are counted.
    pub fn skip(&mut self, had: u64) {
        self.had = had;
    }

    /// Data are complete up to here, as far as the journal says.
    pub fn complete_until(&self) -> Timestamp {
        self.complete_until
    }

    /// Punches of credentials that nobody knows.
    pub fn quarantined(&self) -> u64 {
        self.quarantined.get()
    }

    /// Whether such punches are held back until somebody is known.
    pub fn holds_unknown(&self) -> bool {
        self.prepared.settings.hold_unknown
    }

    /// Decides one entry. `position` is where the journal stands after it.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed: set it aside and rebuild.
    pub fn step(&mut self, seq: Seq, entry: &Entry) -> Result<Step, BufferError> {
        self.decide(seq, entry, None)
    }

    /// As [`Decider::step`]; what an entry gives that very much follows from is taken meanwhile, in pieces.
    ///
    /// # Errors
    /// As [`Decider::step`], and those of `takes`.
    pub fn step_by_step(&mut self, seq: Seq, entry: &Entry, takes: Takes<'_>) -> Result<Step, BufferError> {
        self.decide(seq, entry, Some(takes))
    }

    fn decide(&mut self, seq: Seq, entry: &Entry, takes: Option<Takes<'_>>) -> Result<Step, BufferError> {
        let mut step = Step::default();
        let mut now = Now {
            events: Events::after(seq, entry_time(entry), self.had, self.epoch),
            touched: BTreeMap::new(),
            instants: 0,
            far: Far::default(),
            takes,
        };
        match entry {
            Entry::Reading {
                device,
                epoch,
                received_at,
                reading,
            } => {
                let id = identity::punch_id(device, *epoch, reading, *received_at);
                self.report(&mut now, &id, device, Account::of(*received_at, reading))?;
                step.punches.push(id);
            }
            Entry::Readings {
                device,
                epoch,
                received_at,
                readings,
            } => {
                for reading in readings {
                    let id = identity::punch_id(device, *epoch, reading, *received_at);
                    self.report(&mut now, &id, device, Account::of(*received_at, reading))?;
                    step.punches.push(id);
                }
            }
            Entry::Contact {
                device,
                at,
                clock: Some(clock),
                ..
            } => self.measured(&mut now, device, *at, clock)?,
            Entry::Contact { .. } | Entry::Epoch { .. } => self.book(&mut now, entry)?,
            Entry::Delivered { upstream, through, .. } => self.put(FACTS, cursor_fact(upstream).as_bytes(), through)?,
            Entry::Watermark { at, complete_until } => self.watermark(&mut now, *at, *complete_until)?,
            Entry::Began { epoch, .. } => self.begin((*epoch).max(self.epoch.saturating_add(1)), seq)?,
            Entry::Retired { before, .. } => self.put(FACTS, b"retired", before)?,
            Entry::Policy { at, name, policy } if name == settings::NAME => self.configure(&mut now, *at, policy)?,
            Entry::Policy { name, policy, .. } if name == settings::HISTORY => self.recall(policy)?,
            Entry::Reinterpreted {
                device, zone, from, to, ..
            } => self.reinterpret(&mut now, device, zone, *from, *to)?,
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
        self.settle(&mut now)?;
        step.events = now.events.into_list();
        Ok(step)
    }

    /// Puts what is in memory into the buffer. Without it the buffer must not be closed, but built again.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn flush(&self) -> Result<(), BufferError> {
        self.days.flush()?;
        self.ids.flush()
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

    /// Records are lost between two that are there. What was decided from them is not known any more, so what is decided
    /// from here on is of a new epoch. Crossing the same gap again, after a restart, changes nothing.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn cross(&mut self, gap: &Gap) -> Result<(), BufferError> {
        if Self::has_crossed(&self.buffer, gap) {
            return Ok(());
        }
        self.put(GAPS, &gap_key(gap), gap)?;
        self.begin(self.epoch.saturating_add(1), gap.after_seq)
    }

    /// Whether the buffer was built across this gap, and so knows nothing of what was in it.
    pub fn has_crossed(buffer: &Buffer, gap: &Gap) -> bool {
        buffer.get(GAPS, &gap_key(gap)).is_ok_and(|known| known.is_some())
    }

    /// Records below this number were removed on purpose, as far as the journal says.
    pub fn retired(buffer: &Buffer) -> Seq {
        let bytes = buffer.get(FACTS, b"retired").ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(0)
    }

    /// The latest clock measurement of each device, as entries.
    pub fn latest_clocks(buffer: &Buffer) -> Vec<Entry> {
        let measured = clocks::measured(buffer).unwrap_or_default();
        let latest = |(device, all): (DeviceName, Vec<ClockOffset>)| {
            let offset = all.into_iter().max_by_key(|offset| offset.measured_at)?;
            Some(Entry::Contact {
                device,
                at: offset.measured_at,
                serial: None,
                clock: Some(ClockMeasured {
                    offset_ms: offset.offset_ms,
                    uncertainty_ms: offset.uncertainty_ms,
                }),
                log_records: None,
                complete: false,
                held: None,
                through: None,
                landmarks: Vec::new(),
            })
        };
        measured.into_iter().filter_map(latest).collect()
    }

    /// Whether a punch is held of which nobody knows yet whose it is.
    pub fn waits_for_somebody(ids: &Ids, id: &PunchId) -> bool {
        let found = ids.find(id).ok().flatten();
        found.is_some_and(|(_, place)| place.subject.is_credential())
    }

    /// What the buffer says, as one hash. Call it after [`Decider::flush`].
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn digest(buffer: &Buffer) -> Result<Digest, BufferError> {
        let (mut hash, mut verdicts) = (Sha256::new(), 0);
        let mut from = Vec::new();
        loop {
            let days = buffer.range(tables::DAYS, Bound::Included(&from), Bound::Unbounded, 64)?;
            let Some((last, _)) = days.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (key, day) in &days {
                for held in days::punches_of(key, day).unwrap_or_default().values() {
                    // Plain data always serialises.
                    let said = serde_json::to_vec(&(&held.punch.id, &held.spoken.record, &held.spoken.verdicts));
                    hash.update(said.unwrap_or_default());
                    verdicts += u64::try_from(held.spoken.verdicts.len()).unwrap_or(0);
                }
            }
        }
        let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Digest { verdicts, hex })
    }

    /// Forgets everything, for a buffer that was given up: the journal is decided again from its start.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn begin_again(&mut self) -> Result<(), BufferError> {
        self.ids.forget();
        *self = Self::new(self.buffer.clone(), self.ids.clone())?;
        Ok(())
    }

    /// The epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// An epoch begins after a record.
    fn begin(&mut self, epoch: u32, after: Seq) -> Result<(), BufferError> {
        self.epoch = epoch;
        self.put(EPOCHS, &after.to_be_bytes(), &epoch)?;
        self.put(FACTS, b"epoch", &epoch)
    }

    /// The epoch that the records below a number lead to; those from there on may begin others.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn epoch_before(buffer: &Buffer, seq: Seq) -> Result<u32, BufferError> {
        let before = seq.to_be_bytes();
        let begun = buffer.range_back(EPOCHS, Bound::Unbounded, Bound::Excluded(&before), 1)?;
        Ok(begun
            .first()
            .and_then(|(_, epoch)| serde_json::from_slice(epoch).ok())
            .unwrap_or(0))
    }

    /// Decides and hands over what has come together, when it is much.
    fn relieve(&self, now: &mut Now<'_>) -> Result<(), BufferError> {
        if now.instants < AT_ONCE && now.events.len() < AT_ONCE {
            return Ok(());
        }
        self.settle(now)?;
        let far = now.far;
        match &mut now.takes {
            Some(takes) => takes(Relief {
                events: now.events.take(),
                far,
            }),
            None => Ok(()),
        }
    }

    /// Data are complete further than before: verdicts that waited for it are looked at again.
    fn watermark(&mut self, now: &mut Now<'_>, at: Timestamp, complete_until: Timestamp) -> Result<(), BufferError> {
        if complete_until <= self.complete_until {
            return Ok(());
        }
        self.complete_until = complete_until;
        self.put(FACTS, b"complete_until", &complete_until)?;
        self.say_complete(now, at)?;
        let to = sortable(complete_until);
        let due = self
            .buffer
            .range(DEADLINES, Bound::Unbounded, Bound::Excluded(&to), usize::MAX)?;
        for (key, value) in due {
            self.buffer.remove(DEADLINES, &key)?;
            if let Some((subject, at)) = tables::waiting(&value) {
                now.touched.entry(subject).or_default().insert(at);
            }
        }
        Ok(())
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

/// Reads any bytes as each kind of value that deciding keeps in the buffer, for tests that feed it anything. Damage is for
/// the buffer to notice; this must only never panic.
///
/// # Errors
/// The law that was broken: what is read must be written again as it was.
pub fn read_any(bytes: &[u8]) -> Result<(), &'static str> {
    if let Some(place) = tables::Place::from_bytes(bytes)
        && tables::Place::from_bytes(&place.to_bytes()).as_ref() != Some(&place)
    {
        return Err("a place is written otherwise than it was read");
    }
    // An instant beyond what can be one is the last one there is; from then on it stays what it is.
    if let Some((subject, at)) = tables::waiting(bytes)
        && tables::waiting(&tables::deadline(&subject, at)) != Some((subject, at))
    {
        return Err("a deadline is read otherwise than it was written");
    }
    let key = [&2_u32.to_be_bytes()[..], b"p:", &[0; 4]].concat();
    let _ = days::punches_of(&key, bytes);
    let _ = ids::filter_of(bytes);
    Ok(())
}

fn gap_key(gap: &Gap) -> Vec<u8> {
    [
        gap.after_seq.to_be_bytes(),
        gap.before_seq.unwrap_or(u64::MAX).to_be_bytes(),
    ]
    .concat()
}

fn cursor_fact(upstream: &str) -> String {
    format!("cursor:{upstream}")
}

/// When a record was written, as far as its entry says.
pub fn time_of(record: &Record) -> Option<Timestamp> {
    match Entry::from_payload(&record.payload) {
        Entry::Reading { received_at, .. } | Entry::Readings { received_at, .. } => Some(received_at),
        Entry::Contact { at, .. }
        | Entry::Delivered { at, .. }
        | Entry::Dead { at, .. }
        | Entry::DeadRetried { at, .. }
        | Entry::Watermark { at, .. }
        | Entry::Started { at, .. }
        | Entry::Stopped { at }
        | Entry::Audit { at, .. }
        | Entry::Directory { at, .. }
        | Entry::Policy { at, .. }
        | Entry::Reinterpreted { at, .. }
        | Entry::Epoch { at, .. }
        | Entry::Began { at, .. }
        | Entry::Retired { at, .. }
        | Entry::IdempotentAnswer { at, .. } => Some(at),
        Entry::Unknown(_) => None,
    }
}

fn entry_time(entry: &Entry) -> Timestamp {
    match entry {
        Entry::Reading { received_at, .. } | Entry::Readings { received_at, .. } => *received_at,
        Entry::Began { at, .. } | Entry::Retired { at, .. } | Entry::Reinterpreted { at, .. } => *at,
        Entry::Watermark { at, .. } | Entry::Directory { at, .. } | Entry::Policy { at, .. } => *at,
        Entry::Contact { at, .. } | Entry::Epoch { at, .. } => *at,
        _ => Timestamp::MIN,
    }
}
