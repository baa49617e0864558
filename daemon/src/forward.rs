//! Stage 3: one upstream's place in the outbox. The pump reads behind it and moves it only when the upstream has the events.
//!
//! Where an upstream stands is written to the journal without a sync of its own: what a power cut takes of it is sent
//! again, with the same ids.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use punchgate_journal::{Buffer, Entry};
use punchgate_kit::Clock;
use punchgate_upstream::{EventKind, Outbox, OutboxError, Outgoing, Settled};

use crate::{notebook::Notebook, outbox};

/// How many events wait for one upstream. Shared with deciding, which adds, and the outbox, which takes away.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    kinds: Arc<[EventKind]>,
    waiting: Arc<AtomicU64>,
}

impl Backlog {
    /// The backlog of an upstream that wants these kinds.
    pub fn of(kinds: impl Into<Arc<[EventKind]>>) -> Self {
        Self {
            kinds: kinds.into(),
            waiting: Arc::default(),
        }
    }

    /// Counts new events.
    pub fn add(&self, events: &[Outgoing]) {
        let wanted = events.iter().filter(|event| self.wants(event.kind)).count();
        self.waiting
            .fetch_add(u64::try_from(wanted).unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether the upstream wants events of a kind.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// How many wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Counts what waited before the start.
    pub fn start_at(&self, waiting: u64) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// Counts down what the upstream has. Never below zero, whatever a rebuild counted twice.
    pub fn settled(&self, done: u64) {
        let less = |n: u64| Some(n.saturating_sub(done));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// What waits for every upstream. Deciding adds to it what it puts into the outbox, in one piece, so that an upstream
/// that joins meanwhile is counted exactly.
#[derive(Debug, Clone, Default)]
pub struct Backlogs(Arc<Mutex<BTreeMap<String, Backlog>>>);

impl Backlogs {
    /// Changes them, or the outbox that they count, and nobody else meanwhile.
    pub fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Backlog>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where all upstreams stand.
#[derive(Debug, Default)]
pub struct Places(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Places {
    /// Where an upstream stands: as it is remembered here, else where it `stood` before the start.
    ///
    /// # Errors
    /// That of `stood`.
    pub fn of<E>(&self, upstream: &str, stood: impl FnOnce() -> Result<u64, E>) -> Result<Arc<AtomicU64>, E> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(upstream) {
            return Ok(place.clone());
        }
        let place = Arc::new(AtomicU64::new(stood()?));
        places.insert(upstream.to_owned(), place.clone());
        Ok(place)
    }

    /// An upstream that is not configured any more is waited for no longer.
    pub fn forget(&self, upstream: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(upstream);
    }

    fn least(&self) -> u64 {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places
            .values()
            .map(|place| place.load(Ordering::Acquire))
            .min()
            .unwrap_or(0)
    }
}

/// One upstream's outbox.
#[derive(Debug)]
pub struct Forwarding {
    upstream: String,
    buffer: Buffer,
    notebook: Notebook,
    clock: Clock,
    backlog: Backlog,
    places: Arc<Places>,
    cursor: Arc<AtomicU64>,
}

impl Forwarding {
    /// The outbox of an upstream whose place in it, one of `places`, is `cursor`.
    pub fn new(
        upstream: &str,
        buffer: Buffer,
        notebook: Notebook,
        clock: Clock,
        backlog: Backlog,
        places: Arc<Places>,
        cursor: Arc<AtomicU64>,
    ) -> Self {
        Self {
            upstream: upstream.to_owned(),
            buffer,
            notebook,
            clock,
            backlog,
            places,
            cursor,
        }
    }
}

impl Outbox for Forwarding {
    fn cursor(&self) -> u64 {
        self.cursor.load(Ordering::Acquire)
    }

    fn backlog(&self) -> u64 {
        self.backlog.waiting()
    }

    async fn read(&mut self, after: u64, limit: usize) -> Result<Vec<Outgoing>, OutboxError> {
        let found = outbox::after(&self.buffer, after, limit, |kind| self.backlog.wants(kind));
        found
            .map(|(events, _)| events)
            .map_err(|error| OutboxError(error.to_string()))
    }

    async fn settle(&mut self, settled: &Settled) -> Result<(), OutboxError> {
        let mut entries: Vec<Entry> = settled.dead.iter().map(|dead| self.dead_letter(dead)).collect();
        let deaths = !entries.is_empty();
        entries.push(Entry::Delivered {
            upstream: self.upstream.clone(),
            through: settled.through,
            at: self.clock.now(),
        });
        if deaths {
            self.notebook
                .write(entries)
                .await
                .map_err(|why| OutboxError(why.to_string()))?;
        } else {
            self.notebook.jot(entries).await;
        }
        let before = self.cursor.swap(settled.through, Ordering::AcqRel);
        let done = outbox::count(&self.buffer, before, settled.through, |kind| self.backlog.wants(kind)).unwrap_or(0);
        self.backlog.settled(done);
        // What every upstream has is not needed any more; the journal keeps it for its retention.
        outbox::trim(&self.buffer, self.places.least())
            .map(drop)
            .map_err(|error| OutboxError(error.to_string()))
    }
}

impl Forwarding {
    fn dead_letter(&self, dead: &punchgate_upstream::Dead) -> Entry {
        Entry::Dead {
            upstream: self.upstream.clone(),
            outbox_seq: dead.event.seq,
            event_id: dead.event.id.clone(),
            revision: dead.event.revision,
            reason: dead.why.to_string(),
            at: dead.at,
        }
    }
}
