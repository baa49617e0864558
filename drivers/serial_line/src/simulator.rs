//! A clock at the other end of the line, with a memory of what nobody acknowledged yet and a knob for every fault.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::tz::TimeZone;
use punchgate_kit::{Ledger, Session, SimPunch, Simulator, Turn, Unheard};
use punchgate_model::Timestamp;
use serde::Deserialize;

use crate::{
    Options, SerialLine,
    codec::{Record, Word},
    format::Entry,
    print,
    settings::Acknowledge,
};

/// How often an idle clock looks whether somebody has punched.
const TICK: Duration = Duration::from_millis(50);
/// So long an answer may still be on its way.
const SETTLING: Duration = Duration::from_millis(200);

/// What can be set on a simulated clock. Faults that come "every n" count the records sent, from 1; 0 is never.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knobs {
    /// The format it prints; a preset.
    pub preset: String,
    /// What it waits for after each record; the preset's own where not given.
    pub acknowledge: Option<Acknowledge>,
    /// How long it waits before it repeats a record.
    #[serde(with = "punchgate_kit::span")]
    pub repeat_after: Duration,
    /// The IANA zone of its clock.
    pub timezone: String,
    /// How far its clock is ahead, in seconds; negative when it is behind.
    pub clock_offset: i64,
    /// The year its clock shows, whatever the year is: 2000 after a flat battery, or 2099.
    pub year: Option<i16>,
    /// Prints 30 February.
    pub impossible_date: bool,
    /// So many bytes of garbage before each record.
    pub noise: usize,
    /// Every n-th record is sent without its second half first.
    pub truncate_every: u32,
    /// Every n-th record is sent with a flipped bit near its end first.
    pub damage_every: u32,
    /// Sets the top bit of each character so that its parity is even, as a 7E1 clock looks to an 8N1 port.
    pub parity: bool,
    /// Sends at most so many bytes at once; 0 is everything.
    pub split: usize,
    /// Every n-th acknowledgement is lost on the way to the clock.
    pub lose_ack_every: u32,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            preset: "giga-tms-tr320".to_owned(),
            acknowledge: None,
            repeat_after: Duration::from_secs(2),
            timezone: "UTC".to_owned(),
            clock_offset: 0,
            year: None,
            impossible_date: false,
            noise: 0,
            truncate_every: 0,
            damage_every: 0,
            parity: false,
            split: 0,
            lose_ack_every: 0,
        }
    }
}

/// A simulated clock.
#[derive(Debug)]
pub struct TextClock {
    knobs: Knobs,
    options: Options,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    waiting: VecDeque<Kept>,
    ledger: Ledger,
    sent: u32,
    answered: u32,
    /// How often the oldest record was sent.
    attempts: u32,
}

#[derive(Debug, Clone)]
struct Kept {
    record: Vec<u8>,
    entry: String,
}

type Line = Session<Word, Record>;

impl Simulator for TextClock {
    type Of = SerialLine;
    type Knobs = Knobs;

    fn new(knobs: Knobs) -> Self {
        let options = Options::preset(&knobs.preset).unwrap_or_default();
        Self {
            options,
            knobs,
            memory: Mutex::default(),
        }
    }

    fn punch(&self, punch: SimPunch) {
        let record = self.record(&punch);
        let printed = self.printed(&record, &punch);
        let entry = format!("{}|{printed}|{}", punch.credential, punch.factor);
        let mut memory = self.memory();
        memory.ledger.issued.push(entry.clone());
        memory.waiting.push_back(Kept { record, entry });
    }

    fn ledger(&self) -> Ledger {
        self.memory().ledger.clone()
    }

    async fn behave(&self, mut session: Line) {
        // When the link goes, so does the conversation; what was not acknowledged stays in memory.
        let _gone = match self.options.poll() {
            Some(_) => self.answer_polls(&mut session).await,
            None => self.push(&mut session).await,
        };
    }
}

/// The link is gone.
struct Gone;

impl TextClock {
    /// What this clock waits for after each record.
    pub fn acknowledge(&self) -> Acknowledge {
        self.knobs.acknowledge.unwrap_or(self.options.acknowledge())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, punch: &SimPunch) -> Vec<u8> {
        let mut record = print::record(
            &self.knobs.preset,
            punch,
            self.shows(punch.at),
            self.knobs.impossible_date,
        );
        if self.knobs.parity {
            record
                .iter_mut()
                .filter(|b| b.count_ones() % 2 == 1)
                .for_each(|b| *b |= 0x80);
        }
        record
    }

    /// What its clock shows at an instant.
    fn shows(&self, at: Timestamp) -> jiff::civil::DateTime {
        let zone = TimeZone::get(&self.knobs.timezone).unwrap_or(TimeZone::UTC);
        let shown = zone.to_datetime(at.plus_millis(self.knobs.clock_offset.saturating_mul(1000)).to_jiff());
        let year = self.knobs.year.unwrap_or(shown.year());
        shown.with().year(year).build().unwrap_or(shown)
    }

    /// The device time of a record, as a reader of this format would take it down; empty for a reader without a clock.
    fn printed(&self, record: &[u8], punch: &SimPunch) -> String {
        let plain: Vec<u8> = record
            .iter()
            .map(|b| if self.knobs.parity { b & 0x7f } else { *b })
            .collect();
        match self.options.read(&plain, Some(self.shows(punch.at))) {
            Ok(Entry::Reading(reading)) => reading.device_time.map(|time| time.printed).unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// Sends records as they come, each until it is acknowledged where that is wanted.
    async fn push(&self, session: &mut Line) -> Result<(), Gone> {
        loop {
            let head = self.memory().waiting.front().cloned();
            match head {
                None => drop(self.hear(session, TICK).await?),
                Some(kept) => {
                    self.send(session, &kept).await?;
                    match self.acknowledge() {
                        Acknowledge::None => drop(self.memory().waiting.pop_front()),
                        _ => self.await_answer(session).await?,
                    }
                }
            }
        }
    }

    /// Answers each poll with the oldest record, or with ACK when there is none.
    async fn answer_polls(&self, session: &mut Line) -> Result<(), Gone> {
        loop {
            match session.hear().await.map_err(|_| Gone)? {
                Turn::Message(word) if word.is_ack() => drop(self.acknowledged()),
                Turn::Message(word) if !word.is_nak() => {
                    let head = self.memory().waiting.front().cloned();
                    match head {
                        Some(kept) => self.send(session, &kept).await?,
                        None => self.say(session, b"\x06").await?,
                    }
                }
                _ => {}
            }
        }
    }

    /// The next turn, or `None` after so much silence.
    async fn hear(&self, session: &mut Line, patience: Duration) -> Result<Option<Turn<Word>>, Gone> {
        match session.hear_within(patience).await {
            Ok(turn) => Ok(Some(turn)),
            Err(Unheard::Silence { .. }) => Ok(None),
            Err(Unheard::Gone(_)) => Err(Gone),
        }
    }

    async fn await_answer(&self, session: &mut Line) -> Result<(), Gone> {
        let until = session.moment() + self.knobs.repeat_after;
        loop {
            match self.hear(session, until - session.moment()).await? {
                Some(Turn::Message(word)) if word.is_ack() => {
                    match self.acknowledged() {
                        0 => continue,
                        1 => return Ok(()),
                        // A late answer to a record sent twice must not be taken for an answer to the next one.
                        _ => while self.hear(session, SETTLING).await?.is_some() {},
                    }
                    return Ok(());
                }
                Some(Turn::Message(word)) if word.is_nak() => return Ok(()),
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }

    /// Takes the oldest record for safe. How often it had been sent; 0 when the answer was lost.
    fn acknowledged(&self) -> u32 {
        let mut memory = self.memory();
        memory.answered += 1;
        if is_due(memory.answered, self.knobs.lose_ack_every) {
            return 0;
        }
        if let Some(kept) = memory.waiting.pop_front() {
            memory.ledger.acknowledged.push(kept.entry);
        }
        std::mem::take(&mut memory.attempts)
    }

    async fn send(&self, session: &mut Line, kept: &Kept) -> Result<(), Gone> {
        let sent = {
            let mut memory = self.memory();
            memory.sent += 1;
            memory.attempts += 1;
            memory.sent
        };
        if self.knobs.noise > 0 {
            let garbage: Vec<u8> = (0..self.knobs.noise).map(|n| [0xf7, 0x00, 0xa3, 0x7e][n % 4]).collect();
            self.say(session, &[garbage.as_slice(), b"\r\n"].concat()).await?;
        }
        if let Some(broken) = self.broken(sent, &kept.record) {
            self.say(session, &broken).await?;
            if self.acknowledge() != Acknowledge::None {
                // No answer, or NAK, makes it come again.
                return Ok(());
            }
            session.pause(Duration::from_secs(5)).await;
        }
        self.say(session, &kept.record).await
    }

    /// What the n-th record looks like when a fault is due.
    fn broken(&self, sent: u32, record: &[u8]) -> Option<Vec<u8>> {
        let mut broken = record.to_vec();
        if is_due(sent, self.knobs.truncate_every) {
            broken.truncate(record.len() / 2);
        } else if is_due(sent, self.knobs.damage_every) {
            let at = record.len().saturating_sub(4);
            broken.get_mut(at).map(|byte| *byte ^= 0x40)?;
        } else {
            return None;
        }
        Some(broken)
    }

    async fn say(&self, session: &mut Line, bytes: &[u8]) -> Result<(), Gone> {
        let size = if self.knobs.split == 0 {
            bytes.len().max(1)
        } else {
            self.knobs.split
        };
        for piece in bytes.chunks(size) {
            session.say(Record::new(piece.to_vec())).await.map_err(|_| Gone)?;
            if self.knobs.split > 0 {
                session.pause(Duration::from_millis(2)).await;
            }
        }
        Ok(())
    }
}

fn is_due(count: u32, every: u32) -> bool {
    every > 0 && count.is_multiple_of(every)
}
