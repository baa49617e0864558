//! Stage 2's thread: reads the journal behind the intake and decides, one page at a time.
//!
//! A page is decided, its events put in the outbox, and the position moved, in that order; whoever is killed in between
//! has a buffer that does not fit and builds it again.

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
};

use punchgate_journal::{Buffer, BufferError, Changes, Entry, Position, ReadError, Reader, Seq};
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    board::Board,
    decide::{Decider, Step},
    forward::Backlogs,
    held::Held,
    outbox,
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
    through: Position,
}

impl Page {
    fn read(reader: &mut Reader, after: Seq) -> Result<Self, ReadError> {
        let page = reader.after(after, PAGE, PAGE_BYTES)?;
        for gap in &page.gaps {
            tracing::error!(?gap, "records of the journal are lost; everything around them is kept");
        }
        let entries = page.records.iter();
        Ok(Self {
            entries: entries
                .map(|record| (record.seq, Entry::from_payload(&record.payload)))
                .collect(),
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
        let mut position = self.buffer.position();
        if self.tail.borrow().saturating_sub(position.seq) > MUCH {
            position = self.catch_up(position)?;
        }
        loop {
            while position.seq < *self.tail.borrow_and_update() {
                position = self.page(position)?;
            }
            if self.tail.changed().await.is_err() && position.seq >= *self.tail.borrow() {
                return Ok(self.decider.flush()?);
            }
        }
    }

    /// Decides what the journal holds now, with a second thread to read ahead, and with more memory.
    fn catch_up(&mut self, from: Position) -> Result<Position, Undecided> {
        let (tail, mut reader) = (*self.tail.borrow(), self.reader.clone());
        self.decider.take_room(true)?;
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
        self.decider.take_room(false)?;
        Ok(position)
    }

    fn page(&mut self, position: Position) -> Result<Position, Undecided> {
        let page = Page::read(&mut self.reader, position.seq)?;
        self.decide(page)
    }

    fn decide(&mut self, page: Page) -> Result<Position, Undecided> {
        let mut done = Step::default();
        for (seq, entry) in &page.entries {
            #[cfg(feature = "sabotage")]
            if self.rebuilding(*seq) {
                continue;
            }
            let step = self.decider.step(*seq, entry)?;
            done.punches.extend(step.punches);
            done.answers.extend(step.answers);
            done.events.extend(step.events);
        }
        self.finish(done, page.through)?;
        Ok(page.through)
    }

    #[cfg(feature = "sabotage")]
    fn rebuilding(&self, seq: Seq) -> bool {
        let behind = self.buffer.position().seq == 0 && *self.tail.borrow() > seq + 8;
        behind && seq % 8 == 5 && punchgate_sabotage::is_planted(punchgate_sabotage::Bug::SkipWhileRebuilding)
    }

    fn finish(&self, done: Step, through: Position) -> Result<(), BufferError> {
        let newest = done.events.last().map(|event| event.seq);
        self.count(&done);
        let mut changes = Changes::default();
        self.backlogs.with(|backlogs| {
            if !backlogs.is_empty() {
                outbox::put(&mut changes, &done.events);
            }
            // Counted before a pump can find them: what it settles is counted down, and never below nothing.
            backlogs.values().for_each(|backlog| backlog.add(&done.events));
            self.buffer.apply(changes, through)
        })?;
        self.held.settled(&done.punches, done.answers);
        self.board
            .quarantined
            .store(self.decider.quarantined(), Ordering::Relaxed);
        self.board
            .holds_unknown
            .store(self.decider.holds_unknown(), Ordering::Relaxed);
        self.board.with_journal(|row| row.decided = through.seq);
        self.progress.send_modify(|progress| {
            progress.decided = through.seq;
            progress.newest = newest.unwrap_or(progress.newest);
        });
        Ok(())
    }

    fn count(&self, done: &Step) {
        let verdicts = done
            .events
            .iter()
            .filter(|event| event.kind == punchgate_upstream::EventKind::Verdict);
        let (mut all, mut revised) = (0, 0);
        for verdict in verdicts {
            all += 1;
            revised += u64::from(verdict.revision > 1);
        }
        self.board.verdicts.fetch_add(all, Ordering::Relaxed);
        self.board.revisions.fetch_add(revised, Ordering::Relaxed);
    }
}
