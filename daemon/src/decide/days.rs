//! Everybody's punches, day by day, with what was said about them: in memory what was used last, the rest in the buffer.
//!
//! A day (of UTC) of one subject is read, changed and written as a whole. What is changed in memory reaches the buffer when
//! room is needed or [`Days::flush`] is called; only after that may the buffer be closed. Deciding is one thread, and
//! so is this.

use std::{
    cell::{RefCell, RefMut},
    num::NonZeroUsize,
    ops::Bound,
    sync::Arc,
};

use lru::LruCache;
use punchgate_journal::{Buffer, BufferError};
use punchgate_model::Timestamp;
use punchgate_rules::{PunchId, Stretch};

use super::{
    kept::{self, Names, Punches},
    keys::Subject,
    tables::{DAYS, HeldPunch, Spoken},
};

/// Subjects of whom the last day is remembered.
const SUBJECTS: NonZeroUsize = match NonZeroUsize::new(1 << 15) {
    Some(subjects) => subjects,
    None => NonZeroUsize::MIN,
};
const DAY_MS: i64 = 86_400_000;

/// A day, counted from 1970-01-01.
type DayNumber = i32;

fn day_of(at: Timestamp) -> DayNumber {
    let day = at.as_millis().div_euclid(DAY_MS);
    DayNumber::try_from(day).unwrap_or(if day < 0 { DayNumber::MIN } else { DayNumber::MAX })
}

/// The subject's days in order of time.
fn key(subject: &Subject, day: DayNumber) -> Vec<u8> {
    let mut key = subject.prefix();
    key.extend_from_slice(&(day.cast_unsigned() ^ (1 << 31)).to_be_bytes());
    key
}

/// The subject's text in a key.
fn subject_in(key: &[u8]) -> Option<&str> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let text = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    std::str::from_utf8(text).ok()
}

fn day_in(key: &[u8]) -> Option<DayNumber> {
    let number = u32::from_be_bytes(*key.last_chunk::<4>()?);
    Some((number ^ (1 << 31)).cast_signed())
}

/// The punches of a day as it lies in the buffer; `None` where the bytes are none. Total: any bytes, no panic.
pub(crate) fn punches_of(key: &[u8], day: &[u8]) -> Option<Punches> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let (subject, _) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let subject = Subject::from_text(std::str::from_utf8(subject).ok()?);
    kept::from_bytes(&subject, day, &mut Names::default())
}

/// A neighbouring day of the same subject.
#[derive(Debug, Clone, Copy)]
enum Neighbour {
    /// Nobody has looked yet.
    Unknown,
    None,
    Day(DayNumber),
}

#[derive(Debug)]
struct Day {
    punches: Punches,
    before: Neighbour,
    after: Neighbour,
    weight: usize,
    /// Whether the buffer does not have it like this.
    changed: bool,
}

/// What no punch at this instant or later sorts before.
fn first_at(at: Timestamp) -> (Timestamp, PunchId) {
    (at, PunchId::from(""))
}

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Towards {
    Past,
    Future,
}

/// All days.
#[derive(Debug)]
pub(crate) struct Days {
    buffer: Buffer,
    room: usize,
    memory: RefCell<Memory>,
}

#[derive(Debug)]
struct Memory {
    names: Names,
    days: LruCache<(Subject, DayNumber), Day>,
    weight: usize,
    /// The last day of subjects used lately: most punches come on it or after it.
    newest: LruCache<Subject, DayNumber>,
}

/// What a punch takes in memory, in bytes, roughly.
fn weight(held: &HeldPunch) -> usize {
    let texts = |list: &[PunchId]| list.len().saturating_mul(16);
    let verdicts = held.spoken.verdicts.iter().map(|said| {
        let verdict = &said.what.verdict;
        size_of_val(said) + 100 + texts(&verdict.superseded) + texts(&verdict.repeats)
    });
    let record = held.spoken.record.as_ref().map_or(0, |said| texts(&said.what.repeats));
    size_of::<HeldPunch>() + 200 + held.accounts.as_bytes().len() + record + verdicts.sum::<usize>()
}

impl Days {
    pub(crate) fn new(buffer: Buffer) -> Self {
        let memory = Memory {
            names: Names::default(),
            days: LruCache::unbounded(),
            weight: 0,
            newest: LruCache::new(SUBJECTS),
        };
        Self {
            buffer,
            room: super::ROOM,
            memory: RefCell::new(memory),
        }
    }

    /// From now on days in memory may take so many bytes, as [`weight`] guesses.
    pub(crate) fn take_room(&mut self, bytes: usize) -> Result<(), BufferError> {
        self.room = bytes;
        self.relieve()
    }

    /// One punch.
    pub(crate) fn get(
        &self,
        subject: &Subject,
        at: Timestamp,
        id: &PunchId,
    ) -> Result<Option<Arc<HeldPunch>>, BufferError> {
        let day = self.day(subject, day_of(at))?;
        Ok(day.and_then(|day| day.punches.get(&(at, id.clone())).cloned()))
    }

    /// Lays a punch on its day, in place of what was there under its instant and id.
    pub(crate) fn put(&self, subject: &Subject, held: HeldPunch) -> Result<(), BufferError> {
        let number = day_of(held.punch.at);
        if self.day(subject, number)?.is_none() {
            self.begin(subject, number)?;
        }
        let weight = weight(&held);
        let mut memory = self.memory.borrow_mut();
        let Some(day) = memory.days.get_mut(&(subject.clone(), number)) else {
            return Ok(());
        };
        let known = day
            .punches
            .insert((held.punch.at, held.punch.id.clone()), Arc::new(held));
        let gone = known.as_deref().map_or(0, self::weight);
        day.weight = (day.weight + weight).saturating_sub(gone);
        day.changed = true;
        memory.weight = (memory.weight + weight).saturating_sub(gone);
        drop(memory);
        self.relieve()
    }

    /// Keeps what was said of a punch.
    pub(crate) fn speak(
        &self,
        subject: &Subject,
        at: Timestamp,
        id: &PunchId,
        word: impl FnOnce(&mut Spoken),
    ) -> Result<(), BufferError> {
        let Some(mut day) = self.day(subject, day_of(at))? else {
            return Ok(());
        };
        let Some(held) = day.punches.get_mut(&(at, id.clone())) else {
            return Ok(());
        };
        let before = weight(held);
        word(&mut Arc::make_mut(held).spoken);
        let after = weight(held);
        day.weight = (day.weight + after).saturating_sub(before);
        day.changed = true;
        drop(day);
        let mut memory = self.memory.borrow_mut();
        memory.weight = (memory.weight + after).saturating_sub(before);
        Ok(())
    }

    /// Takes a punch away.
    pub(crate) fn remove(&self, subject: &Subject, at: Timestamp, id: &PunchId) -> Result<(), BufferError> {
        let Some(mut day) = self.day(subject, day_of(at))? else {
            return Ok(());
        };
        let Some(gone) = day.punches.remove(&(at, id.clone())) else {
            return Ok(());
        };
        let weight = weight(&gone);
        day.weight = day.weight.saturating_sub(weight);
        day.changed = true;
        drop(day);
        let mut memory = self.memory.borrow_mut();
        memory.weight = memory.weight.saturating_sub(weight);
        Ok(())
    }

    /// The `limit` latest punches before an instant, earliest first.
    pub(crate) fn before(
        &self,
        subject: &Subject,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<HeldPunch>>, BufferError> {
        let mut found = Vec::with_capacity(limit.min(16));
        self.walk(subject, day_of(at), Towards::Past, |day| {
            let earlier = day.punches.range(..first_at(at)).rev();
            found.extend(earlier.take(limit - found.len()).map(|(_, held)| held.clone()));
            found.len() < limit
        })?;
        found.reverse();
        Ok(found)
    }

    /// The `limit` earliest punches after an instant, earliest first.
    pub(crate) fn after(
        &self,
        subject: &Subject,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<HeldPunch>>, BufferError> {
        let mut found = Vec::new();
        self.walk(subject, day_of(at), Towards::Future, |day| {
            let later = day.punches.range(first_at(at.plus_millis(1))..);
            found.extend(later.take(limit - found.len()).map(|(_, held)| held.clone()));
            found.len() < limit
        })?;
        Ok(found)
    }

    /// The punches of a stretch, earliest first.
    pub(crate) fn within(&self, subject: &Subject, stretch: Stretch) -> Result<Vec<Arc<HeldPunch>>, BufferError> {
        let mut found = Vec::new();
        self.walk(subject, day_of(stretch.from), Towards::Future, |day| {
            let inside = day.punches.range(first_at(stretch.from)..);
            let inside = inside.take_while(|((at, _), _)| stretch.contains(*at));
            found.extend(inside.map(|(_, held)| held.clone()));
            let last = day.punches.last_key_value();
            last.is_none_or(|((at, _), _)| *at < stretch.from || stretch.contains(*at))
        })?;
        Ok(found)
    }

    /// Everybody who may have punched at an instant or later.
    pub(crate) fn subjects_since(&self, at: Timestamp) -> Result<Vec<Subject>, BufferError> {
        self.flush()?;
        let (mut found, mut from) = (Vec::new(), Vec::new());
        loop {
            let next = self.buffer.range(DAYS, Bound::Included(&from), Bound::Unbounded, 1)?;
            let Some((first, _)) = next.into_iter().next() else {
                return Ok(found);
            };
            let subject = subject_in(&first).map(Subject::from_text);
            let Some(subject) = subject else {
                return Ok(found);
            };
            let last = subject.end();
            let since = key(&subject, day_of(at));
            let later = self
                .buffer
                .range(DAYS, Bound::Included(&since), Bound::Excluded(&last), 1)?;
            if !later.is_empty() {
                found.push(subject);
            }
            from = last;
        }
    }

    /// Puts everything that changed into the buffer.
    pub(crate) fn flush(&self) -> Result<(), BufferError> {
        let mut memory = self.memory.borrow_mut();
        for ((subject, number), day) in memory.days.iter_mut().filter(|(_, day)| day.changed) {
            self.buffer
                .insert(DAYS, &key(subject, *number), &kept::to_bytes(&day.punches))?;
            day.changed = false;
        }
        Ok(())
    }

    /// Days of a subject one after another, from a day on, for as long as `more` wants.
    fn walk(
        &self,
        subject: &Subject,
        from: DayNumber,
        towards: Towards,
        mut more: impl FnMut(&Day) -> bool,
    ) -> Result<(), BufferError> {
        let mut number = from;
        loop {
            let known = match self.day(subject, number)? {
                Some(day) if !more(&day) => return Ok(()),
                Some(day) if towards == Towards::Past => day.before,
                Some(day) => day.after,
                None => Neighbour::Unknown,
            };
            number = match self.neighbour(subject, number, towards, known)? {
                Some(next) => next,
                None => return Ok(()),
            };
        }
    }

    fn neighbour(
        &self,
        subject: &Subject,
        of: DayNumber,
        towards: Towards,
        known: Neighbour,
    ) -> Result<Option<DayNumber>, BufferError> {
        match known {
            Neighbour::None => return Ok(None),
            Neighbour::Day(day) => return Ok(Some(day)),
            Neighbour::Unknown => {}
        }
        let next = self.look(subject, of, towards)?;
        if let Some(mut day) = self.in_memory(subject, of) {
            let found = next.map_or(Neighbour::None, Neighbour::Day);
            match towards {
                Towards::Past => day.before = found,
                Towards::Future => day.after = found,
            }
        }
        Ok(next)
    }

    /// The next day of a subject in the buffer, which knows of every day, if not what is in it.
    fn look(&self, subject: &Subject, of: DayNumber, towards: Towards) -> Result<Option<DayNumber>, BufferError> {
        let here = key(subject, of);
        let found = match towards {
            Towards::Past => {
                let first = subject.prefix();
                self.buffer
                    .range_back(DAYS, Bound::Included(&first), Bound::Excluded(&here), 1)?
            }
            Towards::Future => {
                let end = subject.end();
                self.buffer
                    .range(DAYS, Bound::Excluded(&here), Bound::Excluded(&end), 1)?
            }
        };
        Ok(found.first().and_then(|(key, _)| day_in(key)))
    }

    fn in_memory(&self, subject: &Subject, number: DayNumber) -> Option<RefMut<'_, Day>> {
        let place = (subject.clone(), number);
        RefMut::filter_map(self.memory.borrow_mut(), |memory| memory.days.get_mut(&place)).ok()
    }

    /// A day, read from the buffer if need be; `None` when there is none.
    fn day(&self, subject: &Subject, number: DayNumber) -> Result<Option<RefMut<'_, Day>>, BufferError> {
        if let Some(day) = self.in_memory(subject, number) {
            return Ok(Some(day));
        }
        let Some(bytes) = self.buffer.get(DAYS, &key(subject, number))? else {
            return Ok(None);
        };
        let punches =
            kept::from_bytes(subject, &bytes, &mut self.memory.borrow_mut().names).ok_or_else(|| BufferError {
                what: "read a day of punches",
                why: format!("{} bytes are no punches", bytes.len()),
            })?;
        self.hold(subject, number, punches, Neighbour::Unknown, Neighbour::Unknown);
        self.relieve()?;
        Ok(self.in_memory(subject, number))
    }

    /// A day that nobody has had a punch on yet. The buffer knows of it at once, so that it is found from either side.
    fn begin(&self, subject: &Subject, number: DayNumber) -> Result<(), BufferError> {
        let newest = self.memory.borrow_mut().newest.get(subject).copied();
        let (before, after) = match newest.filter(|newest| *newest < number) {
            Some(newest) => (Some(newest), None),
            None => {
                let around = |towards| self.look(subject, number, towards);
                (around(Towards::Past)?, around(Towards::Future)?)
            }
        };
        if after.is_none() {
            self.memory.borrow_mut().newest.put(subject.clone(), number);
        }
        self.buffer
            .insert(DAYS, &key(subject, number), &kept::to_bytes(&Punches::new()))?;
        if let Some(mut day) = before.and_then(|day| self.in_memory(subject, day)) {
            day.after = Neighbour::Day(number);
        }
        if let Some(mut day) = after.and_then(|day| self.in_memory(subject, day)) {
            day.before = Neighbour::Day(number);
        }
        let known = |day: Option<DayNumber>| day.map_or(Neighbour::None, Neighbour::Day);
        self.hold(subject, number, Punches::new(), known(before), known(after));
        Ok(())
    }

    fn hold(&self, subject: &Subject, number: DayNumber, punches: Punches, before: Neighbour, after: Neighbour) {
        let weight = 300 + punches.values().map(|held| weight(held)).sum::<usize>();
        let day = Day {
            punches,
            before,
            after,
            weight,
            changed: false,
        };
        let mut memory = self.memory.borrow_mut();
        memory.weight += weight;
        memory.days.put((subject.clone(), number), day);
    }

    /// Makes room: the day that was not used for longest goes first. The last one stays, however large.
    fn relieve(&self) -> Result<(), BufferError> {
        let mut memory = self.memory.borrow_mut();
        while memory.weight > self.room && memory.days.len() > 1 {
            let Some(((subject, number), day)) = memory.days.pop_lru() else {
                return Ok(());
            };
            memory.weight = memory.weight.saturating_sub(day.weight);
            if day.changed {
                self.buffer
                    .insert(DAYS, &key(&subject, number), &kept::to_bytes(&day.punches))?;
            }
        }
        Ok(())
    }
}
