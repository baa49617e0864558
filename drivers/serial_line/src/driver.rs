//! The conversation: hear a record, store it, say so. Or ask, hear, store, say so, ask again.
//!
//! - Acknowledged only with a `Stored` in hand. A clock that repeats a record is answered again; the repeat is the same punch.
//! - A record that makes no sense is not acknowledged, so a clock that waits keeps it; `clean.ignore` lets such records pass.
//! - No offset of the clock is measured from its records: a record may be old, and would then be moved to now.
//! - An acknowledgement names no record: said late, it is taken for an answer to the next one, which nobody has stored. So it is
//!   said only while the clock still waits for it, and once for a record and all its repeats that have come meanwhile.
//! - Where nobody waits for an answer, a record that could not be stored is offered to the journal until it is.
//! - The first record after opening may be the end of one that began before: when it makes no sense it is left out without
//!   alarm, and when it comes at once in a format where the end of a record could pass for a whole one, it is left out too.

use std::{collections::VecDeque, time::Duration};

use jiff::civil::DateTime;
use punchgate_kit::{Fault, Intake, Malformed, Moment, NotStored, Remark, Session, Stage, Stored, Turn, Unheard};
use punchgate_model::Reading;

use crate::{
    Options,
    codec::{Record, Word},
    format::{Entry, Misread},
    framer::Pieces,
    noise::Noise,
    settings::Acknowledge,
};

/// A record of the usual length takes less than this at 9600 baud.
const ONE_RECORD: Duration = Duration::from_millis(500);
/// Between two attempts to store what nobody else holds.
const AGAIN: Duration = Duration::from_secs(1);
/// A clock may have given up waiting for an answer after this, and repeats its record; shorter than any clock's patience that
/// we know of.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// What has come while a record was stored is with us after this.
const HAS_COME: Duration = Duration::from_millis(20);
/// So often the same record must come before it is called stuck.
const STUCK: u32 = 3;

pub(crate) async fn converse(session: Session<Record, Word>, intake: Intake, options: Options) -> Result<(), Fault> {
    let opened = session.moment();
    let mut clock = Clock {
        noise: Noise::new(opened),
        pieces: Pieces::default(),
        first: options.poll().is_none(),
        next_poll: opened,
        polled: 0,
        last_bad: (Vec::new(), 0),
        stored_one: false,
        waiting: VecDeque::new(),
        opened,
        session,
        intake,
        options,
    };
    clock.intake.remark(Remark::Reached(Stage::Reachable)).await;
    loop {
        match clock.hear().await? {
            Turn::Message(record) => clock.take(&record).await?,
            Turn::Garbled(why) => {
                clock.pieces.end();
                clock.garbled(why).await;
            }
            Turn::Command(command) => {
                // The asker may have gone.
                let _ = command
                    .answer
                    .send(Err("a clock that only prints its records takes no orders".to_owned()));
            }
            Turn::Closing => return Ok(()),
        }
    }
}

/// One clock on one line.
struct Clock {
    session: Session<Record, Word>,
    intake: Intake,
    options: Options,
    noise: Noise,
    pieces: Pieces,
    /// Nothing was heard yet that began after opening for certain.
    first: bool,
    opened: Moment,
    next_poll: Moment,
    polled: usize,
    last_bad: (Vec<u8>, u32),
    stored_one: bool,
    /// Heard while a record was stored, and not yet looked at.
    waiting: VecDeque<Turn<Record>>,
}

impl Clock {
    /// The next turn; polls whenever it is time.
    async fn hear(&mut self) -> Result<Turn<Record>, Fault> {
        if let Some(turn) = self.waiting.pop_front() {
            return Ok(turn);
        }
        let Some(poll) = self.options.poll().cloned() else {
            return Ok(self.session.hear().await?);
        };
        loop {
            let now = self.session.moment();
            if now >= self.next_poll {
                if let Some(words) = poll.words.get(self.polled % poll.words.len().max(1)) {
                    self.session.say(Word::poll(words)).await?;
                }
                self.polled = self.polled.wrapping_add(1);
                self.next_poll = now + poll.every;
            }
            match self
                .session
                .hear_within(self.next_poll - now.max(self.session.moment()))
                .await
            {
                Err(Unheard::Silence { .. }) => {}
                turn => return Ok(turn?),
            }
        }
    }

    async fn take(&mut self, record: &Record) -> Result<(), Fault> {
        if record.is_blank() || record.is_answer() || self.is_echo(record) {
            return Ok(());
        }
        if self.pieces.is_piece(self.options.records(), record.bytes()) {
            self.garbled(Malformed::new(0, "a shorter record", record.bytes()))
                .await;
            return Ok(());
        }
        let first = std::mem::take(&mut self.first);
        match self.options.read(record.bytes(), self.received()) {
            Ok(_) if first && self.may_be_a_tail(record) => {
                let text = "a record that came just after opening may be the end of a longer one and is left out";
                self.intake.remark(Remark::Unexpected(text.to_owned())).await;
            }
            Ok(entry) => self.store(record, entry).await?,
            Err(misread) => self.misread(record, misread, first).await?,
        }
        Ok(())
    }

    fn is_echo(&self, record: &Record) -> bool {
        self.options
            .poll()
            .is_some_and(|poll| poll.words.iter().any(|word| word == record.bytes()))
    }

    fn may_be_a_tail(&self, record: &Record) -> bool {
        self.session.moment() - self.opened < ONE_RECORD && self.options.is_loose(record.bytes())
    }

    /// The time of arrival where the clock stands.
    fn received(&self) -> Option<DateTime> {
        let zone = self.session.zone()?;
        Some(zone.to_datetime(self.session.clock().now().to_jiff()))
    }

    async fn store(&mut self, record: &Record, entry: Entry) -> Result<(), Fault> {
        let heard = self.session.moment();
        let readings: Vec<Reading> = match entry {
            Entry::Reading(reading) => vec![*reading],
            Entry::Ignored => Vec::new(),
        };
        self.noise.good();
        self.last_bad = (Vec::new(), 0);
        let punched = !readings.is_empty();
        let Some(stored) = self.report(readings).await? else {
            return Ok(());
        };
        if punched && !std::mem::replace(&mut self.stored_one, true) {
            self.intake.remark(Remark::Reached(Stage::Stored)).await;
        }
        if let Some(word) = Word::ack(&stored, self.options.acknowledge()) {
            self.pass_over_repeats(record).await?;
            if self.session.moment() - heard <= ANSWER_WITHIN {
                self.session.say(word).await?;
            }
        }
        if self.options.poll().is_some_and(|poll| poll.after_record) {
            self.next_poll = self.session.moment();
        }
        Ok(())
    }

    /// The clock has sent the same again while it was stored: one answer is for all of it.
    async fn pass_over_repeats(&mut self, record: &Record) -> Result<(), Fault> {
        let mut patience = Duration::ZERO;
        loop {
            match self.session.hear_within(patience).await {
                Ok(Turn::Message(again)) if again.bytes() == record.bytes() => patience = HAS_COME,
                Ok(turn) => self.waiting.push_back(turn),
                Err(Unheard::Silence { .. }) => return Ok(()),
                Err(Unheard::Gone(gone)) => return Err(gone.into()),
            }
        }
    }

    /// `None` when the readings are not stored and the clock still has them.
    async fn report(&self, readings: Vec<Reading>) -> Result<Option<Stored>, Fault> {
        loop {
            match self.intake.report(readings.clone()).await {
                Ok(stored) => return Ok(Some(stored)),
                Err(NotStored::Stopping) => return Err(NotStored::Stopping.into()),
                Err(_) if self.options.acknowledge() != Acknowledge::None => return Ok(None),
                Err(_) => self.session.pause(AGAIN).await,
            }
        }
    }

    async fn misread(&mut self, record: &Record, misread: Misread, first: bool) -> Result<(), Fault> {
        if matches!(misread, Misread::Damaged(_)) && self.options.says_nak() {
            self.session.say(Word::nak()).await?;
        }
        if first {
            let text = "the first record after opening was incomplete and is left out";
            self.intake.remark(Remark::Unexpected(text.to_owned())).await;
            return Ok(());
        }
        self.stuck(record).await;
        self.garbled(misread.into_malformed()).await;
        Ok(())
    }

    /// A clock that waits for an answer repeats what we cannot read, and everything behind it waits.
    async fn stuck(&mut self, record: &Record) {
        if self.options.acknowledge() == Acknowledge::None {
            return;
        }
        if self.last_bad.0 != record.bytes() {
            self.last_bad = (record.bytes().to_vec(), 0);
        }
        self.last_bad.1 += 1;
        if self.last_bad.1 == STUCK {
            let details = format!(
                "the clock repeats a record of {} bytes that is not understood, and waits; mend the format, or let it \
                 pass with clean.ignore",
                record.bytes().len()
            );
            self.intake
                .remark(Remark::Event {
                    name: "record-stuck".to_owned(),
                    details,
                })
                .await;
        }
    }

    async fn garbled(&mut self, why: Malformed) {
        self.first = false;
        let (noise, single) = self.noise.bad(self.session.moment());
        if single {
            self.intake.remark(Remark::Garbled(why)).await;
        }
        if let Some(noise) = noise {
            self.intake.remark(noise).await;
        }
    }
}
