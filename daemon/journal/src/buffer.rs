//! The lookup store: everything that must be found fast, derived from the journal and rebuilt from it at need.
//!
//! Promises: named trees of bytes in key order; a batch is applied together with the journal position it comes from; memory stays
//! within [`BufferOptions`]; opening never fails and never panics: a store that cannot be trusted is put aside, and
//! the caller begins again from [`Position::START`]. Changes gather in memory and reach sled in sorted batches.
//!
//! Nothing here is durable before [`Buffer::close`], and nothing has to be: after any other stop the store is made
//! again. Deliberately absent: transactions over reads, iterators that live across writes, any knowledge of entries.

mod leaf;
mod overlay;
mod place;
mod seal;
mod shelf;

use std::{
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

pub use place::BufferOpening;

use crate::reader::Position;
use overlay::Overlay;
use shelf::Shelf;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// How much the buffer may hold in memory.
#[derive(Debug, Clone, Copy)]
pub struct BufferOptions {
    /// sled's page cache, in bytes. Default 8 MiB.
    pub cache_bytes: u64,
    /// Changes kept back before they are written, in bytes. Default 8 MiB.
    pub write_back_bytes: usize,
    /// While less than this is free on the disk, changes are kept back even so, up to 32 times as many: sled does not
    /// survive a full disk, and what is free is for the journal. In bytes. Default 32 MiB.
    pub reserve_bytes: u64,
    /// The format of what the caller keeps in it. A store with another one is put aside. Default 0.
    pub contents: u16,
}

impl Default for BufferOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 8 << 20,
            write_back_bytes: 8 << 20,
            reserve_bytes: 32 << 20,
            contents: 0,
        }
    }
}

/// The store below failed; drop the buffer, open it again and rebuild.
#[derive(Debug, Clone, thiserror::Error)]
#[error("use the buffer: {what}: {why}; it will be rebuilt from the journal")]
pub struct BufferError {
    /// What was tried.
    pub what: &'static str,
    /// What the store said.
    pub why: String,
}

/// A tree, a key, and its new value (`None` removes it).
type Change = (&'static str, Vec<u8>, Option<Vec<u8>>);

/// A set of changes that belong together.
#[derive(Debug, Default, Clone)]
pub struct Changes {
    list: Vec<Change>,
}

impl Changes {
    /// Sets a key.
    pub fn insert(&mut self, tree: &'static str, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.list.push((tree, key.into(), Some(value.into())));
    }

    /// Removes a key, whether or not it is there.
    pub fn remove(&mut self, tree: &'static str, key: impl Into<Vec<u8>>) {
        self.list.push((tree, key.into(), None));
    }

    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// The lookup store. Clones share it; any thread may read, one at a time writes.
#[derive(Debug, Clone)]
pub struct Buffer {
    inner: Arc<RwLock<Inner>>,
}

#[derive(Debug)]
struct Inner {
    shelf: Shelf,
    overlay: Overlay,
    position: Position,
    options: BufferOptions,
    /// Where it lies, for the marker; `None` in memory.
    dir: Option<PathBuf>,
}

impl Buffer {
    /// Opens the store in `dir`, which is made and put aside as needed. `fits` says whether a position lies on the journal
    /// ([`crate::Reader::fits`]). When [`BufferOpening::fresh`] comes back true, rebuild from the start of the journal.
    pub fn open(dir: &Path, options: BufferOptions, fits: impl FnOnce(Position) -> bool) -> (Self, BufferOpening) {
        let (shelf, opening) = place::open(dir, options, fits);
        let on_disk = matches!(shelf, Shelf::Sled(_));
        let buffer = Self::with(shelf, opening.position, options, on_disk.then(|| dir.to_owned()));
        (buffer, opening)
    }

    /// An empty store that lives and dies with the process.
    pub fn in_memory() -> Self {
        Self::with(Shelf::memory(), Position::START, BufferOptions::default(), None)
    }

    fn with(shelf: Shelf, position: Position, options: BufferOptions, dir: Option<PathBuf>) -> Self {
        let inner = Inner {
            shelf,
            overlay: Overlay::default(),
            position,
            options,
            dir,
        };
        Self {
            inner: Arc::new(RwLock::new(inner)),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal position that has been applied.
    pub fn position(&self) -> Position {
        self.read().position
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn get(&self, tree: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BufferError> {
        let inner = self.read();
        match inner.overlay.get(tree, key) {
            Some(known) => Ok(known.clone()),
            None => inner.shelf.get(tree, key),
        }
    }

    /// Sets a key.
    ///
    /// # Errors
    /// As [`Buffer::apply`].
    pub fn insert(&self, tree: &'static str, key: &[u8], value: &[u8]) -> Result<(), BufferError> {
        let mut changes = Changes::default();
        changes.insert(tree, key, value);
        let position = self.position();
        self.apply(changes, position)
    }

    /// Removes a key, whether or not it is there.
    ///
    /// # Errors
    /// As [`Buffer::apply`].
    pub fn remove(&self, tree: &'static str, key: &[u8]) -> Result<(), BufferError> {
        let mut changes = Changes::default();
        changes.remove(tree, key);
        let position = self.position();
        self.apply(changes, position)
    }

    /// Makes changes, and moves the position, as one step for every reader.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn apply(&self, changes: Changes, position: Position) -> Result<(), BufferError> {
        let mut inner = self.write();
        for (tree, key, value) in changes.list {
            inner.overlay.put(tree, key, value);
        }
        inner.position = position;
        if inner.overlay.bytes() > inner.options.write_back_bytes && inner.may_write() {
            inner.relieve()
        } else {
            Ok(())
        }
    }

    /// Pairs with keys in `from ..= to` in rising order, at most `limit`.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn range(
        &self,
        tree: &str,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, BufferError> {
        let inner = self.read();
        overlay::merge(&inner.overlay, &inner.shelf, tree, (from, to), limit, false)
    }

    /// Pairs with keys between `from` and `to` in falling order, at most `limit`.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn range_back(
        &self,
        tree: &str,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, BufferError> {
        let inner = self.read();
        overlay::merge(&inner.overlay, &inner.shelf, tree, (from, to), limit, true)
    }

    /// Pairs whose keys begin with a prefix, in rising order, at most `limit`.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn with_prefix(&self, tree: &str, prefix: &[u8], limit: usize) -> Result<Vec<Pair>, BufferError> {
        let end = after_prefix(prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.range(tree, Bound::Included(prefix), to, limit)
    }

    /// Hands what is kept back to the store below. Not needed for correctness; frees memory when idle.
    ///
    /// # Errors
    /// [`BufferError`] when the store below failed.
    pub fn write_back(&self) -> Result<(), BufferError> {
        self.write().write_back()
    }

    /// Gives up a store that failed, and goes on empty and in memory, for every clone: rebuild from the start of the journal.
    pub fn retreat(&self) {
        let mut inner = self.write();
        let broken = std::mem::replace(&mut inner.shelf, Shelf::memory());
        (inner.overlay, inner.position, inner.dir) = (Overlay::default(), Position::START, None);
        // Letting go of a broken store may take long, or panic.
        drop(std::thread::spawn(move || drop(broken)));
    }

    /// Whether it lies on the disk; else it dies with the process.
    pub fn is_on_disk(&self) -> bool {
        self.read().dir.is_some()
    }

    /// Bytes the store takes on the disk, 0 in memory.
    pub fn bytes_on_disk(&self) -> u64 {
        self.read().shelf.bytes_on_disk()
    }

    /// Writes everything, syncs it and marks the store as closed in order, so that it need not be rebuilt. Other clones see an
    /// empty store afterwards.
    ///
    /// # Errors
    /// [`BufferError`]; the next opening rebuilds.
    pub fn close(self) -> Result<(), BufferError> {
        let mut inner = self.write();
        inner.write_back()?;
        let shelf = std::mem::replace(&mut inner.shelf, Shelf::memory());
        let position = std::mem::take(&mut inner.position);
        match (shelf, inner.dir.take()) {
            (Shelf::Sled(sled), Some(dir)) => place::close(sled, &dir, position, inner.options.contents),
            _ => Ok(()),
        }
    }
}

impl Inner {
    fn write_back(&mut self) -> Result<(), BufferError> {
        #[cfg(feature = "sabotage")]
        if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::PositionBeforeData) {
            self.overlay.take();
            return self.shelf.apply(std::collections::HashMap::new(), self.position);
        }
        self.shelf.apply(self.overlay.take(), self.position)
    }

    /// Whether there is room on the disk, or too much has gathered to wait for it.
    fn may_write(&self) -> bool {
        let Some(dir) = &self.dir else { return true };
        let free = rustix::fs::statvfs(dir).map_or(u64::MAX, |about| about.f_bavail.saturating_mul(about.f_frsize));
        free >= self.options.reserve_bytes || self.overlay.bytes() > self.options.write_back_bytes.saturating_mul(32)
    }

    /// Writes the largest trees until half is free. Scattered keys gather longer that way and share more leaves.
    fn relieve(&mut self) -> Result<(), BufferError> {
        while self.overlay.bytes() > self.options.write_back_bytes / 2 {
            self.shelf.apply(self.overlay.take_largest(), self.position)?;
        }
        Ok(())
    }
}

/// Reads any bytes as what lies on the disk below a buffer, a leaf and a marker, for tests that feed it anything.
///
/// # Errors
/// The law that was broken: what is read must be written again as it was.
pub fn read_any(bytes: &[u8]) -> Result<(), &'static str> {
    let pairs: Result<Vec<_>, _> = leaf::pairs(bytes).collect();
    if let Ok(pairs) = pairs
        && pairs.is_sorted_by(|a, b| a.0 < b.0)
    {
        let pieces = leaf::merge(b"", bytes, []).map_err(|_| "a whole leaf is damaged")?;
        let again: Vec<_> = pieces
            .iter()
            .flat_map(|(_, piece)| leaf::pairs(piece).flatten())
            .collect();
        if again != pairs {
            return Err("a leaf is written otherwise than it was read");
        }
        let found = pairs
            .iter()
            .all(|(key, value)| leaf::find(bytes, key).is_ok_and(|found| found.as_deref() == Some(value)));
        if !found {
            return Err("a key of a leaf is not found in it");
        }
    }
    match seal::Seal::read(bytes, 1) {
        Ok(seal) if seal.bytes(1) != bytes && seal.files.len() < 2 => {
            Err("a marker is written otherwise than it was read")
        }
        _ => Ok(()),
    }
}

/// The first key after all those with a prefix; `None` when there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
#[path = "buffer/tests.rs"]
mod tests;
