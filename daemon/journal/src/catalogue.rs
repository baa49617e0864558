//! What the writer and the readers share: the list of segments, and how far each is durable.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    record::{Identity, Link, Seq},
    storage::Storage,
};

/// Bytes between two notes of where a record lies.
const NOTE_EVERY: u64 = 64 << 10;

/// One segment as far as it may be read.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Tells two files of one name apart.
    pub generation: u64,
    pub path: PathBuf,
    pub name: String,
    pub first: Seq,
    /// The link its header carries.
    pub link: Link,
    /// Bytes that are durable; readers stop here.
    pub durable: AtomicU64,
    /// Now and then a record's number and offset, rising.
    notes: Mutex<Vec<(Seq, u64)>>,
}

impl Segment {
    pub(crate) fn new(generation: u64, dir: &Path, first: Seq, link: Link, durable: u64) -> Self {
        let name = crate::segment::name(first);
        let path = dir.join(&name);
        Self {
            generation,
            path,
            name,
            first,
            link,
            durable: AtomicU64::new(durable),
            notes: Mutex::default(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Vec<(Seq, u64)>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers where a record lies, if the last note is far enough behind.
    pub(crate) fn note(&self, seq: Seq, at: u64) {
        let mut notes = self.notes();
        if notes
            .last()
            .is_none_or(|(last, offset)| *last < seq && offset + NOTE_EVERY <= at)
        {
            notes.push((seq, at));
        }
    }

    /// The nearest noted record at or before a number.
    pub(crate) fn near(&self, seq: Seq) -> (Seq, u64) {
        let notes = self.notes();
        let index = notes.partition_point(|(noted, _)| *noted <= seq);
        index
            .checked_sub(1)
            .and_then(|i| notes.get(i))
            .copied()
            .unwrap_or((self.first, crate::segment::HEADER))
    }
}

/// Everything readers need.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub storage: Arc<dyn Storage>,
    pub dir: PathBuf,
    pub identity: Identity,
    /// The checksum's start value, of the identity.
    pub seed: u32,
    segments: RwLock<Vec<Arc<Segment>>>,
    tail: AtomicU64,
}

impl Catalogue {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        dir: &Path,
        identity: Identity,
        segments: Vec<Arc<Segment>>,
        tail: Seq,
    ) -> Self {
        let seed = crate::record::seed(&identity);
        Self {
            storage,
            dir: dir.to_owned(),
            identity,
            seed,
            segments: RwLock::new(segments),
            tail: AtomicU64::new(tail),
        }
    }

    /// The last durable record's number, 0 when there is none.
    pub(crate) fn tail(&self) -> Seq {
        self.tail.load(Ordering::Acquire)
    }

    /// Makes records visible: first the bytes, then the number.
    pub(crate) fn publish(&self, segment: &Segment, durable: u64, tail: Seq) {
        segment.durable.store(durable, Ordering::Release);
        self.tail.store(tail, Ordering::Release);
    }

    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<Arc<Segment>>)) {
        change(&mut self.segments.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The segment that holds a number, or else the first after it; and the first number of the one behind.
    pub(crate) fn holding(&self, seq: Seq) -> Option<(Arc<Segment>, Option<Seq>)> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let index = segments
            .partition_point(|segment| segment.first <= seq)
            .saturating_sub(1);
        let next = segments.get(index + 1).map(|segment| segment.first);
        segments.get(index).map(|segment| (Arc::clone(segment), next))
    }
}
