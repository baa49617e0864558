//! Where events wait: what the pump needs of it, and one in memory.
//!
//! An outbox belongs to one upstream. It keeps events in the order of their `seq` behind a cursor; the cursor is the
//! last `seq` that is settled, that is, delivered or among the dead letters. Deliberately absent: expiry. What was not
//! settled stays.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use punchgate_model::Timestamp;

use crate::{outgoing::Outgoing, refusal::Reason};

/// An event that will never be accepted, and why.
#[derive(Debug, Clone)]
pub struct Dead {
    /// The event.
    pub event: Outgoing,
    /// What the upstream said.
    pub why: Reason,
    /// When.
    pub at: Timestamp,
}

/// A step of the cursor.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// Everything up to and with this `seq` is delivered, but for the dead.
    pub through: u64,
    /// What goes to the dead letters, in the order of `seq`. Their `seq` is at most `through`.
    pub dead: Vec<Dead>,
}

/// Why an outbox could not be read or written. It is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OutboxError(pub String);

/// One upstream's outbox.
pub trait Outbox: Send {
    /// The last settled `seq`; 0 before the first.
    fn cursor(&self) -> u64;

    /// How many events wait behind the cursor. Asked often: it should cost nothing.
    fn backlog(&self) -> u64;

    /// Up to `limit` events with a `seq` above `after`, in the order of `seq`.
    ///
    /// # Errors
    /// [`OutboxError`] when the store cannot be read.
    fn read(&mut self, after: u64, limit: usize) -> impl Future<Output = Result<Vec<Outgoing>, OutboxError>> + Send;

    /// Moves the cursor and keeps the dead letters, durably and as one step. Repeating a step does no harm.
    ///
    /// # Errors
    /// [`OutboxError`] when the step could not be kept; nothing of it happened.
    fn settle(&mut self, settled: &Settled) -> impl Future<Output = Result<(), OutboxError>> + Send;
}

/// An outbox in memory, shared between clones: for tests, rehearsals and benchmarks.
#[derive(Debug, Clone, Default)]
pub struct MemoryOutbox(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    waiting: VecDeque<Outgoing>,
    cursor: u64,
    dead: Vec<Dead>,
    broken: Option<String>,
    steps: u64,
}

impl MemoryOutbox {
    /// Puts an event in.
    pub fn push(&self, event: Outgoing) {
        self.held().waiting.push_back(event);
    }

    /// The dead letters so far.
    pub fn dead(&self) -> Vec<Dead> {
        self.held().dead.clone()
    }

    /// How many steps were settled.
    pub fn steps(&self) -> u64 {
        self.held().steps
    }

    /// Makes settling fail with this message, as on a full disk, until it is told `None`.
    pub fn break_settling(&self, message: Option<&str>) {
        self.held().broken = message.map(str::to_owned);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox for MemoryOutbox {
    fn cursor(&self) -> u64 {
        self.held().cursor
    }

    fn backlog(&self) -> u64 {
        self.held().waiting.len() as u64
    }

    async fn read(&mut self, after: u64, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let held = self.held();
        let from = held.waiting.partition_point(|event| event.seq <= after);
        Ok(held.waiting.iter().skip(from).take(limit).cloned().collect())
    }

    async fn settle(&mut self, settled: &Settled) -> Result<(), OutboxError> {
        let mut held = self.held();
        if let Some(message) = &held.broken {
            return Err(OutboxError(message.clone()));
        }
        while held.waiting.front().is_some_and(|event| event.seq <= settled.through) {
            held.waiting.pop_front();
        }
        held.cursor = held.cursor.max(settled.through);
        held.dead.extend(settled.dead.iter().cloned());
        held.steps += 1;
        Ok(())
    }
}
