//! Stage 2's thread: reads the journal behind the intake and decides, one page at a time.
//!
//! A page is decided, its events put in the outbox, and the position moved, in that order; whoever is killed in between
//! has a buffer that does not fit and builds it again.

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
};

use punchgate_journal::{Buffer, BufferError, Changes, Entry, Gap, Position, ReadError, Reader, Seq};
use punchgate_upstream::Outgoing;
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    board::Board,
    decide::{AMPLE_ROOM, Decider, Far, ROOM, Relief, Step},
    forward::Backlogs,
    held::Held,
    messages::Message,
    outbox,
    questions::Questions,
    store::{alarm::Alarm, carried},
};

/// Records decided before the buffer's position is moved.
const PAGE: usize = 1024;
/// Bytes of payload decided before the buffer's position is moved.
const PAGE_BYTES: usize = 512 << 10;

/// More records than this to catch up with, and it is done with more memory and a thread that reads ahead.
const MUCH: Seq = 10_000;
/// How many pages it reads ahead.
const AHEAD: usize = 2;

/// A page of the journal, read and understood.
struct Page {
    entries: Vec<(Seq, Entry)>,
    gaps: Vec<Gap>,
    through: Position,
}

impl Page {
    fn read(reader: &mut Reader, after: Seq) -> Result<Self, ReadError> {
        let page = reader.after(after, PAGE, PAGE_BYTES)?;
        let entries = page.records.iter();
        Ok(Self {
            entries: entries
                .map(|record| (record.seq, Entry::from_payload(&record.payload)))
                .collect(),
            gaps: page.gaps,
            through: page.through,
        })
    }
}

/// Why deciding stopped. Intake goes on; a restart builds the buffer again.
#[derive(Debug, Error)]
pub enum Undecided {
    /// The buffer failed.
    #[error("failed to decide: {0}")]
    Buffer(#[from] BufferError),
    /// The journal could not be read.
    #[error("failed to decide: {0}")]
    Journal(#[from] ReadError),
}

/// How far deciding has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The journal record up to which everything is decided.
    pub decided: Seq,
    /// The number of the newest event, 0 when there is none.
    pub newest: u64,
}

/// What the thread works with.
pub struct Deciding {
    /// The fold.
    pub decider: Decider,
    /// The buffer it keeps its state in.
    pub buffer: Buffer,
    /// The journal.
    pub reader: Reader,
    /// Punches on their way from the journal into the buffer.
    pub held: Arc<Held>,
    /// Where progress shows.
    pub board: Arc<Board>,
    /// The number of the last durable record; closed when the intake has ended.
    pub tail: watch::Receiver<Seq>,
    /// Told after each page.
    pub progress: watch::Sender<Progress>,
    /// What waits for each upstream.
    pub backlogs: Backlogs,
    /// What people ask about what is decided.
    pub questions: Questions,
}

impl Deciding {
    /// Decides until the intake has ended and everything it wrote is decided; then the buffer may be closed.
    ///
    /// # Errors
    /// [`Undecided`]: set the buffer aside and begin again.
    pub fn run(self) -> Result<(), Undecided> {
        let waiting = tokio::runtime::Builder::new_current_thread().build();
        waiting.map_or(Ok(()), |waiting| waiting.block_on(self.keep()))
    }

    /// The same, as a task: it waits only for the intake.
    ///
    /// # Errors
    /// As [`Deciding::run`].
    pub async fn keep(mut self) -> Result<(), Undecided> {
        let mut position = self.begin()?;
        if self.tail.borrow().saturating_sub(position.seq) > MUCH {
            position = match self.catch_up(position) {
                Err(Undecided::Buffer(error)) if self.buffer.is_on_disk() => self.go_on_in_memory(&error)?,
                decided => decided?,
            };
        }
        loop {
            while position.seq < *self.tail.borrow_and_update() {
                position = match self.page(position) {
                    Err(Undecided::Buffer(error)) if self.buffer.is_on_disk() => self.go_on_in_memory(&error)?,
                    decided => decided?,
                };
                self.questions.answer_those_waiting(&self.decider);
            }
            let ended = tokio::select! {
                biased;
                changed = self.tail.changed() => changed.is_err(),
                Some(question) = self.questions.next() => {
                    question.answer(&self.decider);
                    false
                }
            };
            if ended && position.seq >= *self.tail.borrow() {
                return Ok(self.decider.flush()?);
            }
        }
    }

    /// Where to go on. A rebuild of a journal whose oldest records were retired takes first what was carried over from them.
    fn begin(&mut self) -> Result<Position, Undecided> {
        let position = self.buffer.position();
        let first = self.reader.first();
        if position != Position::START || first <= 1 {
            return Ok(position);
        }
        let (before, carried) = carried::latest(&mut self.reader.clone())?.unwrap_or((1, Vec::new()));
        for entry in &carried {
            self.decider.step(first.saturating_sub(1), entry)?;
        }
        if before < first {
            // Nobody retired these.
            let gap = Gap::at_the_start(before, first);
            self.cross(&gap)?;
        }
        Ok(position)
    }

    /// The buffer's disk failed. Everything in it follows from the journal, so it is decided again, in memory.
    fn go_on_in_memory(&mut self, error: &BufferError) -> Result<Position, Undecided> {
        let told = Message::new("opening-memory").with("why", error);
        tracing::error!(event = told.id(), %error, "the buffer failed and is built again in memory");
        self.buffer.retreat();
        self.decider.begin_again()?;
        let tail = *self.tail.borrow();
        self.board.with_journal(|row| {
            row.opening.push(told);
            (row.buffer, row.rebuilding_to) = ("memory", Some(tail));
        });
        self.begin()
    }

    fn cross(&mut self, gap: &Gap) -> Result<(), BufferError> {
        self.decider.cross(gap)?;
        self.board.alarm(Alarm::of_gap(gap, &mut self.reader.clone()));
        Ok(())
    }

    /// Decides what the journal holds now, with a second thread to read ahead, and with more memory.
    fn catch_up(&mut self, from: Position) -> Result<Position, Undecided> {
        let (tail, mut reader) = (*self.tail.borrow(), self.reader.clone());
        self.decider.take_room(AMPLE_ROOM)?;
        let position = thread::scope(|threads| {
            let (pages, read) = mpsc::sync_channel(AHEAD);
            threads.spawn(move || {
                let mut seq = from.seq;
                while seq < tail {
                    let page = Page::read(&mut reader, seq);
                    let through = page.as_ref().map_or(tail, |page| page.through.seq);
                    seq = if through > seq { through } else { tail };
                    // Nobody listens any more when the buffer failed.
                    if pages.send(page).is_err() {
                        return;
                    }
                }
            });
            read.iter().try_fold(from, |_, page| self.decide(page?))
        })?;
        self.decider.take_room(ROOM)?;
        Ok(position)
    }

    fn page(&mut self, position: Position) -> Result<Position, Undecided> {
        let page = Page::read(&mut self.reader, position.seq)?;
        self.decide(page)
    }

    fn decide(&mut self, page: Page) -> Result<Position, Undecided> {
        let mut gaps = page.gaps.iter().peekable();
        let (mut done, position) = (Step::default(), self.buffer.position());
        for (seq, entry) in &page.entries {
            #[cfg(feature = "sabotage")]
            if self.rebuilding(*seq) {
                continue;
            }
            while let Some(gap) = gaps.next_if(|gap| gap.before_seq.is_some_and(|before| before <= *seq)) {
                self.cross(gap)?;
            }
            self.board.pulses.deciding.beats();
            let follows = Follows {
                board: &self.board,
                buffer: &self.buffer,
                backlogs: &self.backlogs,
                progress: &self.progress,
            };
            let step = self.decider.step_by_step(*seq, entry, &mut |relief| {
                let before = std::mem::take(&mut done.events);
                follows.take(before, relief, position)
            })?;
            done.punches.extend(step.punches);
            done.answers.extend(step.answers);
            done.events.extend(step.events);
        }
        for gap in gaps {
            self.cross(gap)?;
        }
        self.board.resolving(None);
        self.board.pulses.deciding.waits_for_disk();
        self.finish(done, page.through)?;
        self.board.pulses.deciding.rests();
        Ok(page.through)
    }

    #[cfg(feature = "sabotage")]
    fn rebuilding(&self, seq: Seq) -> bool {
        let behind = self.buffer.position().seq == 0 && *self.tail.borrow() > seq + 8;
        behind && seq % 8 == 5 && punchgate_sabotage::is_planted(punchgate_sabotage::Bug::SkipWhileRebuilding)
    }

    fn finish(&self, done: Step, through: Position) -> Result<(), BufferError> {
        let newest = done.events.last().map(|event| event.seq);
        self.board.spoke(&done.events);
        let known = self.progress.borrow().newest;
        put(&self.buffer, &self.backlogs, (&done.events, known), through)?;
        self.held.settled(&done.punches, done.answers);
        self.board.quarantine(self.decider.quarantined());
        self.board
            .holds_unknown
            .store(self.decider.holds_unknown(), Ordering::Relaxed);
        let epoch = self.decider.epoch();
        self.board.with_journal(|row| {
            row.decided = through.seq;
            row.epoch = epoch;
            if row.rebuilding_to.take_if(|to| *to <= through.seq).is_some() {
                tracing::info!(
                    event = "buffer-rebuilt",
                    records = through.seq,
                    "the buffer is complete again"
                );
            }
        });
        self.progress.send_modify(|progress| {
            progress.decided = through.seq;
            progress.newest = newest.unwrap_or(0).max(progress.newest);
        });
        Ok(())
    }
}

/// Where goes what an entry gives that very much follows from, while it is still being decided.
struct Follows<'a> {
    board: &'a Board,
    buffer: &'a Buffer,
    backlogs: &'a Backlogs,
    progress: &'a watch::Sender<Progress>,
}

impl Follows<'_> {
    /// Puts away what the page has given so far. The position stays: whoever is killed now decides the entry again, and
    /// says the same.
    fn take(&self, mut events: Vec<Outgoing>, relief: Relief, position: Position) -> Result<(), BufferError> {
        let Far { done, of, punches } = relief.far;
        tracing::info!(
            event = "resolving",
            done,
            of,
            punches,
            "a change of people or policies is being followed"
        );
        self.board.resolving(Some(relief.far));
        self.board.pulses.deciding.beats();
        events.extend(relief.events);
        self.board.spoke(&events);
        let known = self.progress.borrow().newest;
        put(self.buffer, self.backlogs, (&events, known), position)?;
        let newest = events.last().map_or(known, |event| event.seq);
        self.progress
            .send_modify(|progress| progress.newest = newest.max(progress.newest));
        Ok(())
    }
}

/// Puts events in the outbox and moves the position. A buffer that is built again while the gateway runs gives the same
/// events once more: those up to number `known` are not counted again.
fn put(
    buffer: &Buffer,
    backlogs: &Backlogs,
    (events, known): (&[Outgoing], u64),
    through: Position,
) -> Result<(), BufferError> {
    let counted = events.partition_point(|event| event.seq <= known);
    let fresh = events.get(counted..).unwrap_or_default();
    let mut changes = Changes::default();
    backlogs.with(|backlogs| {
        if !backlogs.is_empty() {
            outbox::put(&mut changes, events);
        }
        // Counted before a pump can find them: what it settles is counted down, and never below nothing.
        backlogs.values().for_each(|backlog| backlog.add(fresh));
        buffer.apply(changes, through)
    })
}
