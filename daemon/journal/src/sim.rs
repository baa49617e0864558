//! A disk that loses what was not synced, for tests and simulations. Deterministic: same calls, same seed, same bytes.
//!
//! What it models: file content, file size and directory entries that reach the disk independently; a last block
//! that is torn; a disk that fills up at a chosen write or at a capacity; a sync that fails once and drops
//! what it should have written; reads that fail; bits that flip; power that goes at a chosen call. What it does not:
//! time, permissions, symbolic links.
//!
//! ```
//! use punchgate_journal::{Storage, sim::{Loss, SimDisk}};
//! let disk = SimDisk::new(1);
//! let file = disk.create("journal/a".as_ref()).unwrap();
//! file.write_at(0, b"hello").unwrap();
//! disk.power_cut(Loss::Everything);
//! assert!(disk.list("journal".as_ref()).unwrap().is_empty());
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::storage::{Access, Listed, Lock, Storage, StoredFile};

/// Bytes that reach the disk together.
const BLOCK: usize = 512;

/// What a power cut takes of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// None of it (a killed process, or luck).
    Nothing,
    /// Each block, size and directory entry by the toss of a coin; the last block kept may be torn.
    AtRandom,
    /// Sizes and entries are kept, content is zeros.
    Content,
    /// Content is kept as far as the old size reaches, and entries are kept.
    Sizes,
    /// Content and sizes are kept, directory entries are lost.
    Entries,
    /// Each file suffers another of these, and each directory entry the toss of a coin: files reach the disk in any order.
    Each,
}

impl Loss {
    /// Every policy.
    pub const ALL: [Self; 7] = [
        Self::Everything,
        Self::Nothing,
        Self::AtRandom,
        Self::Content,
        Self::Sizes,
        Self::Entries,
        Self::Each,
    ];
}

impl Loss {
    /// What becomes of one file.
    fn of_a_file(self, random: &mut u64) -> Self {
        const ONE: [Loss; 5] = [
            Loss::Everything,
            Loss::Nothing,
            Loss::AtRandom,
            Loss::Content,
            Loss::Sizes,
        ];
        match self {
            Self::Each => ONE
                .get(usize::try_from(toss(random)).unwrap_or(0) % ONE.len())
                .copied()
                .unwrap_or(Self::AtRandom),
            other => other,
        }
    }
}

/// A simulated disk; clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default, Clone)]
struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    resized: bool,
}

#[derive(Debug)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    entries: BTreeMap<PathBuf, u64>,
    durable_entries: BTreeMap<PathBuf, u64>,
    next_inode: u64,
    /// Handles from before a power cut or kill are dead.
    boot: u64,
    locks: BTreeSet<PathBuf>,
    random: u64,
    /// Calls that change something, so far.
    changes: u64,
    writes: u64,
    syncs: u64,
    power_off_at: Option<u64>,
    power_is_off: bool,
    full_at_writes: Option<(u64, u64)>,
    capacity: Option<u64>,
    fail_sync_at: Option<u64>,
    unreadable: BTreeSet<PathBuf>,
    /// Blocks that reach the disk, or do not, together.
    page: usize,
    network: Option<&'static str>,
}

impl SimDisk {
    /// An empty disk; `seed` decides every toss of a coin.
    pub fn new(seed: u64) -> Self {
        let state = State {
            inodes: BTreeMap::new(),
            entries: BTreeMap::new(),
            durable_entries: BTreeMap::new(),
            next_inode: 1,
            boot: 0,
            locks: BTreeSet::new(),
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            changes: 0,
            writes: 0,
            syncs: 0,
            power_off_at: None,
            power_is_off: false,
            full_at_writes: None,
            capacity: None,
            fail_sync_at: None,
            unreadable: BTreeSet::new(),
            page: 1,
            network: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A copy of this disk as it is now, with its own future.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let copy = Self::new(seed);
        {
            let (from, mut to) = (self.lock_state(), copy.lock_state());
            to.inodes.clone_from(&from.inodes);
            to.entries.clone_from(&from.entries);
            to.durable_entries.clone_from(&from.durable_entries);
            to.next_inode = from.next_inode;
        }
        copy
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on 512-byte blocks are lost and kept in pages of so many, as a page cache of 4 KiB does with 8.
    pub fn set_page(&self, blocks: usize) {
        self.lock_state().page = blocks.max(1);
    }

    /// Whether the power went at a call chosen before, and nobody has turned it on again.
    pub fn is_off(&self) -> bool {
        self.lock_state().power_is_off
    }

    /// How many calls have changed something (create, write, sync, cut, rename, remove, directory sync).
    pub fn changes(&self) -> u64 {
        self.lock_state().changes
    }

    /// How many writes there were.
    pub fn writes(&self) -> u64 {
        self.lock_state().writes
    }

    /// How many file syncs there were.
    pub fn syncs(&self) -> u64 {
        self.lock_state().syncs
    }

    /// The power goes at the n-th changing call from the start, counted from 0: it and all later ones fail; a write may
    /// have got half way.
    pub fn power_off_at(&self, change: u64) {
        self.lock_state().power_off_at = Some(change);
    }

    /// So many writes, beginning with the n-th from the start, find no room; each gets half way.
    pub fn full_at_writes(&self, first: u64, count: u64) {
        self.lock_state().full_at_writes = Some((first, first.saturating_add(count)));
    }

    /// All files together hold at most so many bytes; `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock_state().capacity = bytes;
    }

    /// The n-th sync from the start (of a file or a directory) fails and drops what it should have written; later ones succeed.
    pub fn fail_sync_at(&self, sync: u64) {
        self.lock_state().fail_sync_at = Some(sync);
    }

    /// Reads of a file fail from now on, or no longer.
    pub fn set_unreadable(&self, path: &Path, unreadable: bool) {
        let mut state = self.lock_state();
        if unreadable {
            state.unreadable.insert(path.to_owned());
        } else {
            state.unreadable.remove(path);
        }
    }

    /// Poses as a network file system of this name.
    pub fn set_network(&self, name: Option<&'static str>) {
        self.lock_state().network = name;
    }

    /// Changes a file behind everybody's back, on the disk and in every cache.
    pub fn meddle(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock_state();
        let Some(id) = state.entries.get(path).copied() else {
            return;
        };
        if let Some(inode) = state.inodes.get_mut(&id) {
            change(&mut inode.seen);
            inode.durable.clone_from(&inode.seen);
            inode.dirty.clear();
        }
    }

    /// A file as it is seen, if there is one.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock_state();
        state
            .inodes
            .get(state.entries.get(path)?)
            .map(|inode| inode.seen.clone())
    }

    /// Puts a file there, durably.
    pub fn place(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.lock_state();
        let id = state.new_inode();
        let inode = Inode {
            seen: bytes.to_vec(),
            durable: bytes.to_vec(),
            ..Inode::default()
        };
        state.inodes.insert(id, inode);
        state.entries.insert(path.to_owned(), id);
        state.durable_entries.insert(path.to_owned(), id);
    }

    /// Takes a file away, durably.
    pub fn lose(&self, path: &Path) {
        let mut state = self.lock_state();
        state.entries.remove(path);
        state.durable_entries.remove(path);
    }

    /// The process is killed: open handles and locks are gone, nothing written is.
    pub fn kill(&self) {
        let mut state = self.lock_state();
        state.reboot();
    }

    /// The power goes and comes back.
    pub fn power_cut(&self, loss: Loss) {
        let mut state = self.lock_state();
        state.reboot();
        state.settle_entries(loss);
        let ids: Vec<u64> = state.inodes.keys().copied().collect();
        for id in ids {
            let (mut random, page) = (state.random, state.page);
            if let Some(inode) = state.inodes.get_mut(&id) {
                inode.settle(loss.of_a_file(&mut random), page, &mut random);
            }
            state.random = random;
        }
        let used: BTreeSet<u64> = state.entries.values().copied().collect();
        state.inodes.retain(|id, _| used.contains(id));
    }
}

/// xorshift64.
fn toss(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random >> 11
}

impl Inode {
    fn touch(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / BLOCK..to.div_ceil(BLOCK));
    }

    fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for block in std::mem::take(&mut self.dirty) {
            self.keep(block, BLOCK);
        }
        self.resized = false;
    }

    /// Copies the first bytes of a block to the disk, within its size there.
    fn keep(&mut self, block: usize, len: usize) {
        let at = block * BLOCK;
        let source = self.seen.iter().skip(at).take(len);
        self.durable
            .iter_mut()
            .skip(at)
            .zip(source)
            .for_each(|(to, from)| *to = *from);
    }

    /// What is left after a power cut.
    fn settle(&mut self, loss: Loss, page: usize, random: &mut u64) {
        let keep_size = match loss {
            Loss::Everything | Loss::Sizes => false,
            Loss::Nothing | Loss::Content | Loss::Entries => true,
            Loss::AtRandom | Loss::Each => toss(random).is_multiple_of(2),
        };
        if keep_size && self.resized {
            self.durable.resize(self.seen.len(), 0);
        }
        let dirty = std::mem::take(&mut self.dirty);
        let last = dirty.last().copied();
        let mut tossed = None;
        for block in dirty {
            let kept = match tossed {
                Some((of, kept)) if of == block / page => kept,
                _ => toss(random).is_multiple_of(2),
            };
            tossed = Some((block / page, kept));
            let len = match loss {
                Loss::Everything | Loss::Content => 0,
                Loss::Nothing | Loss::Sizes | Loss::Entries => BLOCK,
                Loss::AtRandom | Loss::Each if Some(block) == last => {
                    usize::try_from(toss(random)).unwrap_or(0) % (BLOCK + 1)
                }
                Loss::AtRandom | Loss::Each => BLOCK * usize::from(kept),
            };
            self.keep(block, len);
        }
        self.resized = false;
        self.seen.clone_from(&self.durable);
    }
}

impl State {
    fn new_inode(&mut self) -> u64 {
        self.next_inode += 1;
        self.next_inode
    }

    fn reboot(&mut self) {
        self.boot += 1;
        self.locks.clear();
        self.power_is_off = false;
        self.power_off_at = None;
        self.full_at_writes = None;
        self.fail_sync_at = None;
    }

    fn settle_entries(&mut self, loss: Loss) {
        let paths: BTreeSet<PathBuf> = self
            .entries
            .keys()
            .chain(self.durable_entries.keys())
            .cloned()
            .collect();
        let mut kept = BTreeMap::new();
        for path in paths {
            let keep_new = match loss {
                Loss::Everything | Loss::Entries => false,
                Loss::AtRandom | Loss::Each => toss(&mut self.random).is_multiple_of(2),
                _ => true,
            };
            let from = if keep_new { &self.entries } else { &self.durable_entries };
            if let Some(id) = from.get(&path) {
                kept.insert(path, *id);
            }
        }
        self.entries.clone_from(&kept);
        self.durable_entries = kept;
    }

    /// Counts a changing call; fails it when the power is off.
    fn change(&mut self) -> io::Result<()> {
        let now = self.changes;
        self.changes += 1;
        if self.power_off_at.is_some_and(|at| now >= at) {
            self.power_is_off = true;
        }
        self.powered()
    }

    fn powered(&self) -> io::Result<()> {
        if self.power_is_off {
            Err(io::Error::other("the power is off"))
        } else {
            Ok(())
        }
    }

    fn fails_to_sync(&mut self) -> bool {
        let now = self.syncs;
        self.syncs += 1;
        self.fail_sync_at == Some(now)
    }

    fn used(&self) -> u64 {
        self.entries
            .values()
            .filter_map(|id| self.inodes.get(id))
            .map(|inode| inode.seen.len() as u64)
            .sum()
    }

    fn inode(&mut self, id: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many of so many bytes fit at an offset.
    fn room(&mut self, id: u64, offset: usize, len: usize) -> usize {
        let write = self.writes;
        self.writes += 1;
        if self
            .full_at_writes
            .is_some_and(|(from, to)| (from..to).contains(&write))
        {
            return len / 2;
        }
        let Some(capacity) = self.capacity else { return len };
        let have = self.inodes.get(&id).map_or(0, |inode| inode.seen.len());
        let grows = (offset + len).saturating_sub(have) as u64;
        let free = capacity.saturating_sub(self.used());
        len - usize::try_from(grows.saturating_sub(free)).unwrap_or(len).min(len)
    }

    fn write(&mut self, id: u64, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let inode = self.inode(id)?;
        let end = offset + bytes.len();
        if inode.seen.len() < end {
            let old = inode.seen.len();
            inode.seen.resize(end, 0);
            inode.touch(old, end);
            inode.resized = true;
        }
        inode
            .seen
            .iter_mut()
            .skip(offset)
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        inode.touch(offset, end);
        Ok(())
    }
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

fn bad_block() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
}

impl Storage for SimDisk {
    fn make_dir(&self, _dir: &Path) -> io::Result<()> {
        self.lock_state().powered()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Listed>> {
        let state = self.lock_state();
        state.powered()?;
        let within = state.entries.iter().filter(|(path, _)| path.parent() == Some(dir));
        let listed = within.filter_map(|(path, id)| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some(Listed {
                name,
                len: state.inodes.get(id)?.seen.len() as u64,
            })
        });
        Ok(listed.collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn StoredFile>> {
        let mut state = self.lock_state();
        state.change()?;
        let id = match state.entries.get(path).copied() {
            Some(id) => {
                let inode = state.inode(id)?;
                inode.seen.clear();
                inode.resized = true;
                id
            }
            None => {
                let id = state.new_inode();
                state.inodes.insert(id, Inode::default());
                state.entries.insert(path.to_owned(), id);
                id
            }
        };
        Ok(Box::new(SimFile {
            disk: self.clone(),
            id,
            path: path.to_owned(),
            boot: state.boot,
        }))
    }

    fn open(&self, path: &Path, _access: Access) -> io::Result<Box<dyn StoredFile>> {
        let state = self.lock_state();
        state.powered()?;
        let id = *state.entries.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            id,
            path: path.to_owned(),
            boot: state.boot,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.change()?;
        let id = state.entries.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.entries.insert(to.to_owned(), id);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.change()?;
        state
            .entries
            .remove(path)
            .map(|_| ())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.change()?;
        if state.fails_to_sync() {
            return Err(bad_block());
        }
        state.durable_entries.retain(|path, _| path.parent() != Some(dir));
        let now: Vec<_> = state
            .entries
            .iter()
            .filter(|(path, _)| path.parent() == Some(dir))
            .collect();
        let now: Vec<_> = now.into_iter().map(|(path, id)| (path.clone(), *id)).collect();
        state.durable_entries.extend(now);
        Ok(())
    }

    fn free_space(&self, _dir: &Path) -> io::Result<u64> {
        let state = self.lock_state();
        Ok(state
            .capacity
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used())))
    }

    fn mark(&self, path: &Path) -> io::Result<Option<String>> {
        let state = self.lock_state();
        state.powered()?;
        Ok(state.entries.get(path).map(|id| format!("inode {id}")))
    }

    fn network_file_system(&self, _dir: &Path) -> io::Result<Option<&'static str>> {
        Ok(self.lock_state().network)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut state = self.lock_state();
        state.powered()?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock {
            disk: self.clone(),
            path: path.to_owned(),
            boot: state.boot,
        }))
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    boot: u64,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock_state();
        if state.boot == self.boot {
            state.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    id: u64,
    path: PathBuf,
    boot: u64,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock_state();
        state.powered()?;
        if state.boot == self.boot {
            Ok(state)
        } else {
            Err(io::Error::other("this process was killed"))
        }
    }
}

impl StoredFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        if state.unreadable.contains(&self.path) {
            return Err(bad_block());
        }
        let inode = state.inode(self.id)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(inode.seen.len());
        let source = inode.seen.split_at(from).1;
        let len = source.len().min(buffer.len());
        buffer.iter_mut().zip(source).for_each(|(to, from)| *to = *from);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state()?;
        let offset = usize::try_from(offset).map_err(|_| full())?;
        if let Err(error) = state.change() {
            // The power went while it wrote.
            let mut random = state.random;
            let got = usize::try_from(toss(&mut random)).unwrap_or(0) % (bytes.len() + 1);
            state.random = random;
            state.write(self.id, offset, bytes.split_at(got).0)?;
            return Err(error);
        }
        let fits = state.room(self.id, offset, bytes.len());
        state.write(self.id, offset, bytes.split_at(fits).0)?;
        if fits < bytes.len() { Err(full()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        state.change()?;
        if state.fails_to_sync() {
            // As Linux does it: the pages are marked clean and forgotten, what is seen stays for now.
            let inode = state.inode(self.id)?;
            inode.dirty.clear();
            inode.resized = true;
            return Err(bad_block());
        }
        state.inode(self.id)?.sync();
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        state.change()?;
        let len = usize::try_from(len).map_err(|_| full())?;
        let inode = state.inode(self.id)?;
        let old = inode.seen.len();
        inode.seen.resize(len, 0);
        inode.touch(old.min(len), old.max(len));
        inode.resized = true;
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let mut state = self.state()?;
        state.inode(self.id).map(|inode| inode.seen.len() as u64)
    }

    fn is_linked(&self) -> io::Result<bool> {
        let state = self.state()?;
        Ok(state.entries.values().any(|id| *id == self.id))
    }
}
