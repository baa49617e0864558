//! Two tables every gateway needs, on top of the trees.

use std::ops::Bound;

use super::{Buffer, BufferError, Changes};

/// Ids met before, each with a number the caller chooses (the record it came with, say).
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    tree: &'static str,
}

impl Seen {
    /// The ids in a tree.
    pub const fn new(tree: &'static str) -> Self {
        Self { tree }
    }

    /// The number stored with an id.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn get(self, buffer: &Buffer, id: &[u8; 16]) -> Result<Option<u64>, BufferError> {
        let value = buffer.get(self.tree, id)?;
        Ok(value
            .and_then(|bytes| bytes.first_chunk::<8>().copied())
            .map(u64::from_be_bytes))
    }

    /// Remembers an id.
    pub fn insert(self, changes: &mut Changes, id: [u8; 16], number: u64) {
        changes.insert(self.tree, id.to_vec(), number.to_be_bytes().to_vec());
    }
}

/// Numbered events waiting to be sent, kept in chunks: the number of the first, then each with its length.
#[derive(Debug, Clone, Copy)]
pub struct Outbox {
    tree: &'static str,
}

/// Chunks looked at in one step.
const CHUNKS: usize = 16;

impl Outbox {
    /// The outbox in a tree.
    pub const fn new(tree: &'static str) -> Self {
        Self { tree }
    }

    /// Adds events with the numbers `first`, `first + 1` …; an empty list adds nothing. Large lists make large chunks: a few
    /// hundred events each is right.
    pub fn append(self, changes: &mut Changes, first: u64, events: &[Vec<u8>]) {
        if events.is_empty() {
            return;
        }
        let mut chunk = Vec::with_capacity(events.iter().map(|event| event.len() + 4).sum());
        for event in events {
            chunk.extend_from_slice(&u32::try_from(event.len()).unwrap_or(u32::MAX).to_be_bytes());
            chunk.extend_from_slice(event);
        }
        changes.insert(self.tree, first.to_be_bytes().to_vec(), chunk);
    }

    /// Events after a number: at most `limit`, and no more once `bytes` are together (but at least one).
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn after(
        self,
        buffer: &Buffer,
        seq: u64,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, BufferError> {
        let mut found = Vec::new();
        let mut size = 0;
        let mut from = self.chunk_with(buffer, seq.saturating_add(1))?;
        loop {
            let chunks = buffer.range(self.tree, from.bound(), Bound::Unbounded, CHUNKS)?;
            let Some((last, _)) = chunks.last() else {
                return Ok(found);
            };
            let last = last.clone();
            for (key, chunk) in &chunks {
                for (number, event) in events(key, chunk).filter(|(number, _)| *number > seq) {
                    if found.len() >= limit || (size >= bytes && !found.is_empty()) {
                        return Ok(found);
                    }
                    size += event.len();
                    found.push((number, event.to_vec()));
                }
            }
            from = From::After(last);
        }
    }

    /// Removes chunks in which every number is `through` or less; the caller repeats while it returns true.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn trim(self, buffer: &Buffer, changes: &mut Changes, through: u64) -> Result<bool, BufferError> {
        let chunks = buffer.range(
            self.tree,
            Bound::Unbounded,
            Bound::Included(&through.to_be_bytes()),
            4 * CHUNKS,
        )?;
        let full = chunks.len() == 4 * CHUNKS;
        for (key, chunk) in chunks {
            if events(&key, &chunk).last().is_none_or(|(number, _)| number <= through) {
                changes.remove(self.tree, key);
            } else {
                return Ok(false);
            }
        }
        Ok(full)
    }

    /// The last number in the outbox, `None` when it is empty.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn last(self, buffer: &Buffer) -> Result<Option<u64>, BufferError> {
        let chunks = buffer.range_back(self.tree, Bound::Unbounded, Bound::Unbounded, 1)?;
        Ok(chunks
            .first()
            .and_then(|(key, chunk)| events(key, chunk).last().map(|(number, _)| number)))
    }

    /// The chunk that holds a number begins at it or before.
    fn chunk_with(self, buffer: &Buffer, seq: u64) -> Result<From, BufferError> {
        let key = seq.to_be_bytes();
        let before = buffer.range_back(self.tree, Bound::Unbounded, Bound::Included(&key), 1)?;
        Ok(before
            .into_iter()
            .next()
            .map_or(From::At(key.to_vec()), |(key, _)| From::At(key)))
    }
}

/// Where to go on.
enum From {
    At(Vec<u8>),
    After(Vec<u8>),
}

impl From {
    fn bound(&self) -> Bound<&[u8]> {
        match self {
            Self::At(key) => Bound::Included(key),
            Self::After(key) => Bound::Excluded(key),
        }
    }
}

/// The events of a chunk with their numbers. Total: a damaged chunk ends early.
fn events<'a>(key: &[u8], chunk: &'a [u8]) -> impl Iterator<Item = (u64, &'a [u8])> {
    let first = key.first_chunk::<8>().copied().map(u64::from_be_bytes);
    let mut rest = chunk;
    let list = std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (event, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        rest = after;
        Some(event)
    });
    first.into_iter().flat_map(|first| first..).zip(list)
}
