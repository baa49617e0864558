//! Housekeeping by the thread that owns the journal, once a second: whether the disk works, what may go, what is held back.
//!
//! What is retired is whole segments, oldest first, that every upstream has had; and of these only such as are older than
//! the retention, or as many as the size limit asks for. The removal is a record of its own, written before it is done. What
//! is not delivered is never removed.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use punchgate_journal::{AppendError, Buffer, Entry, Journal, Kept, Seq};
use punchgate_model::{DeviceName, Timestamp};

use super::{alarm::Alarm, carried};
use crate::{
    board::Board,
    decide::{self, Decider, ids::Ids},
    forward::{Backlog, Backlogs},
    outbox,
};

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is asked what may be retired, when the limit does not press.
const RETIRE: Duration = Duration::from_secs(5);

/// What is kept, and how.
#[derive(Debug)]
pub struct Keeper {
    /// How long what every upstream has is kept.
    pub retention: Duration,
    /// The most the journal may be, in bytes.
    pub max_size: u64,
    /// Size of the ballast, in bytes.
    pub ballast: u64,
    /// What is derived from the journal, to see how far each upstream is.
    pub buffer: Buffer,
    /// The punches held.
    pub ids: Ids,
    /// The upstreams, and what each wants.
    pub upstreams: Backlogs,
    /// The devices of which nobody else holds what they say.
    pub nobody_holds: BTreeSet<DeviceName>,
    /// How often it is asked what may be retired, when the limit does not press; every 5 s.
    pub pause: Duration,
    /// Whether the ballast was given up.
    released: bool,
    looked: Option<Instant>,
    retired: Option<Instant>,
}

impl Keeper {
    /// Keeps everything for ever, for a journal without limits: for tests and simulations.
    pub fn of(buffer: Buffer, ids: Ids) -> Self {
        Self {
            retention: Duration::MAX,
            max_size: u64::MAX,
            ballast: 0,
            buffer,
            ids,
            upstreams: Backlogs::default(),
            nobody_holds: BTreeSet::new(),
            pause: RETIRE,
            released: false,
            looked: None,
            retired: None,
        }
    }

    /// Whether only what nobody else holds may be written: the room for anything else is used up.
    pub fn is_last_resort(&self) -> bool {
        self.released
    }

    /// Gives the ballast up for readings that nobody else holds.
    pub fn release(&mut self, journal: &mut Journal, board: &Board) {
        match journal.release_ballast() {
            Ok(true) => {
                self.released = true;
                board.alarm(Alarm::BallastReleased);
                board.with_journal(|row| row.ballast = false);
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the ballast could not be given up"),
        }
    }

    /// Whether so many bytes more are within the limit. Retires first what may go.
    pub fn has_room(&mut self, journal: &mut Journal, board: &Board, bytes: u64, now: Timestamp) -> bool {
        let wanted = |journal: &Journal| journal.bytes().saturating_add(bytes);
        if wanted(journal) > self.max_size {
            self.retire(journal, board, bytes, now);
        }
        wanted(journal) <= self.max_size
    }

    /// Looks at the disk and keeps what is to be kept, if it is time to.
    pub fn tend(&mut self, journal: &mut Journal, board: &Board, now: Timestamp) {
        if self
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOK.min(self.pause))
        {
            return;
        }
        self.looked = Some(Instant::now());
        self.look(journal, board, now);
        if self.retired.is_none_or(|retired| retired.elapsed() >= self.pause) {
            self.retired = Some(Instant::now());
            self.retire(journal, board, 0, now);
        }
    }

    fn look(&mut self, journal: &mut Journal, board: &Board, now: Timestamp) {
        let free = journal.free_space().ok();
        board.with_journal(|row| row.free_bytes = free);
        match journal.missing() {
            Ok(names) if names.is_empty() => board.settle(&Alarm::FilesGone { names }),
            Ok(names) => board.alarm(Alarm::FilesGone { names }),
            Err(error) => tracing::warn!(%error, "the journal's directory cannot be listed"),
        }
        let failing = board.journal().failing;
        // Gone for good: only asked so that it is told before somebody punches.
        if journal.is_removed() || failing.is_some() {
            if journal.bytes() >= self.max_size {
                self.retire(journal, board, 0, now);
            }
            match self.works(journal, board) {
                Ok(()) if failing.is_some() => {
                    board.with_journal(|row| row.failing = None);
                    tracing::info!(event = "store-works", "the disk takes records again");
                    board.works_again();
                }
                Ok(()) => {}
                Err(error) => board.with_journal(|row| row.failing = Some(error)),
            }
        }
    }

    fn works(&mut self, journal: &mut Journal, board: &Board) -> Result<(), String> {
        if journal.bytes() >= self.max_size {
            return board.journal().failing.map_or(Ok(()), Err);
        }
        if !self.released {
            return journal.probe().map_err(|error| error.to_string());
        }
        let restored = journal.restore_ballast();
        let roomy = journal
            .free_space()
            .is_ok_and(|free| free >= self.ballast.saturating_mul(2));
        if matches!(restored, Ok(true)) || (roomy && journal.probe().is_ok()) {
            self.released = false;
            board.with_journal(|row| row.ballast = matches!(restored, Ok(true)));
            board.settle(&Alarm::BallastReleased);
            return Ok(());
        }
        Err(board.journal().failing.unwrap_or_else(|| "the disk is full".to_owned()))
    }

    /// Retires what may go: what is old enough, and what the limit asks for.
    fn retire(&mut self, journal: &mut Journal, board: &Board, bytes: u64, now: Timestamp) {
        let kept = journal.kept();
        let delivered = self.delivered();
        let total: u64 = kept.iter().map(|segment| segment.bytes).sum();
        let excess = total.saturating_add(bytes).saturating_sub(self.max_size);
        let (mut before, mut link, mut freed) = (0, Default::default(), 0);
        for (segment, behind) in kept.iter().zip(kept.iter().skip(1)) {
            if behind.first > delivered {
                break;
            }
            if freed >= excess && !self.is_old(journal, behind, now) {
                break;
            }
            (before, link) = (behind.first, behind.link);
            freed += segment.bytes;
        }
        if before > 0
            && let Err(error) = self.remove(journal, board, (before, link, freed), now)
        {
            tracing::warn!(%error, "what has been kept long enough could not be removed");
        }
        if journal.bytes().saturating_add(bytes) > self.max_size {
            let (bytes, limit) = (journal.bytes(), self.max_size);
            board.alarm(Alarm::MaxSize { bytes, limit });
        } else {
            board.settle(&Alarm::MaxSize { bytes: 0, limit: 0 });
        }
        board.with_journal(|row| (row.bytes, row.first) = (journal.bytes(), journal.reader().first()));
    }

    /// The first record that is not decided, or not delivered to every upstream that wants what came of it.
    fn delivered(&self) -> Seq {
        let decided = self.buffer.position().seq.saturating_add(1);
        let undelivered = |(name, backlog): (&String, &Backlog)| {
            let cursor = Decider::cursor(&self.buffer, name).unwrap_or(0);
            let next = outbox::after(&self.buffer, cursor, 1, |event| backlog.wants(event));
            match next {
                Ok((events, _)) => events
                    .first()
                    .map_or(decided, |event| decide::events::record_of(event.seq)),
                Err(_) => 0,
            }
        };
        let waiting = self.upstreams.with(|upstreams| upstreams.iter().map(undelivered).min());
        waiting.unwrap_or(decided).min(decided)
    }

    /// Whether everything before a segment was written longer ago than it is kept: its first dated record says so.
    fn is_old(&self, journal: &Journal, behind: &Kept, now: Timestamp) -> bool {
        let mut reader = journal.reader();
        let page = reader
            .after(behind.first.saturating_sub(1), 64, 1 << 20)
            .unwrap_or_default();
        let written = page.records.iter().find_map(decide::time_of);
        let kept = i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX);
        written.is_some_and(|written| now.since(written) > kept)
    }

    fn remove(
        &mut self,
        journal: &mut Journal,
        board: &Board,
        (before, link, bytes): (Seq, [u8; 16], u64),
        now: Timestamp,
    ) -> Result<(), AppendError> {
        let carried = match carried::gather(&self.buffer, &self.ids, &mut journal.reader(), before, now) {
            Ok(carried) => carried,
            Err(error) => {
                tracing::warn!(%error, "nothing is retired while what must be kept of it cannot be read");
                return Ok(());
            }
        };
        let retired = Entry::Retired {
            at: now,
            before,
            link: link.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes,
            carried,
        };
        journal.append(&[retired.to_payload()])?;
        let freed = journal.remove_before(before)?;
        tracing::info!(
            event = "store-retired",
            before,
            bytes = freed,
            "records kept long enough are removed"
        );
        board.with_journal(|row| row.retired_bytes += freed);
        Ok(())
    }
}
