//! The two stores below: sled on the disk, a map in memory. The only file that names sled.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::{BufferError, BufferOptions, Pair, leaf, overlay::Pending};
use crate::reader::Position;

/// The tree and key under which the position is kept.
const META: &str = "meta";
const POSITION: &[u8] = b"position";

/// Where the next opening panics, as sled does over some damage.
#[cfg(test)]
pub(super) static PANIC: Mutex<Option<std::path::PathBuf>> = Mutex::new(None);

#[cfg(test)]
fn takes_panic(path: &Path) -> bool {
    let mut planted = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    planted.take_if(|planted| planted == path).is_some()
}

/// A store below.
#[derive(Debug)]
pub(crate) enum Shelf {
    Sled(SledShelf),
    Memory(HashMap<String, BTreeMap<Vec<u8>, Vec<u8>>>),
}

/// sled with its trees opened once.
#[derive(Debug)]
pub(crate) struct SledShelf {
    db: sled::Db,
    trees: Mutex<HashMap<String, sled::Tree>>,
}

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);
type Pairs<'a> = Box<dyn Iterator<Item = Result<Pair, BufferError>> + 'a>;

impl Shelf {
    pub(crate) fn memory() -> Self {
        Self::Memory(HashMap::new())
    }

    pub(crate) fn get(&self, tree: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BufferError> {
        match self {
            Self::Sled(sled) => {
                let tree = sled.tree(tree)?;
                let Some((under, sealed)) = guard("read", || leaf_of(&tree, key))? else {
                    return Ok(None);
                };
                leaf::find(unseal(&tree, &under, &sealed)?, key).map_err(damaged)
            }
            Self::Memory(trees) => Ok(trees.get(tree).and_then(|tree| tree.get(key)).cloned()),
        }
    }

    pub(crate) fn range<'a>(&'a self, tree: &str, bounds: Bounds<'a>, backwards: bool) -> Pairs<'a> {
        match self {
            Self::Sled(sled) => sled.range(tree, bounds, backwards),
            Self::Memory(trees) => {
                let Some(tree) = trees.get(tree) else {
                    return Box::new(std::iter::empty());
                };
                let pairs = tree
                    .range::<[u8], _>(bounds)
                    .map(|(key, value)| Ok((key.clone(), value.clone())));
                if backwards {
                    Box::new(pairs.rev())
                } else {
                    Box::new(pairs)
                }
            }
        }
    }

    pub(crate) fn apply(
        &mut self,
        changes: HashMap<&'static str, Pending>,
        position: Position,
    ) -> Result<(), BufferError> {
        match self {
            Self::Sled(sled) => sled.apply(changes, position),
            Self::Memory(trees) => {
                for (name, pending) in changes {
                    let tree = trees.entry(name.to_owned()).or_default();
                    for (key, value) in pending {
                        match value {
                            Some(value) => drop(tree.insert(key, value)),
                            None => drop(tree.remove(&key)),
                        }
                    }
                }
                Ok(())
            }
        }
    }

    pub(crate) fn bytes_on_disk(&self) -> u64 {
        match self {
            Self::Sled(sled) => sled.db.size_on_disk().unwrap_or(0),
            Self::Memory(_) => 0,
        }
    }
}

impl SledShelf {
    /// Opens sled in a thread of its own, because a broken store can make it panic.
    pub(crate) fn open(path: &Path, options: BufferOptions) -> Result<Self, BufferError> {
        // No flushing on a timer: an idle gateway syncs nothing, and the journal is the truth.
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(options.cache_bytes)
            .flush_every_ms(None);
        #[cfg(test)]
        let planted = path.to_owned();
        let opened = std::thread::spawn(move || {
            #[cfg(test)]
            assert!(!takes_panic(&planted), "planted in open");
            config.open()
        })
        .join();
        match opened {
            Ok(Ok(db)) => Ok(Self {
                db,
                trees: Mutex::default(),
            }),
            Ok(Err(error)) => Err(BufferError {
                what: "open",
                why: error.to_string(),
            }),
            Err(panic) => Err(BufferError {
                what: "open",
                why: said(&*panic),
            }),
        }
    }

    fn tree(&self, name: &str) -> Result<sled::Tree, BufferError> {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = trees.get(name) {
            return Ok(tree.clone());
        }
        let tree = guard("open a tree", || self.db.open_tree(name))?;
        trees.insert(name.to_owned(), tree.clone());
        Ok(tree)
    }

    fn range<'a>(&self, tree: &str, bounds: Bounds<'a>, backwards: bool) -> Pairs<'a> {
        let tree = match self.tree(tree) {
            Ok(tree) => tree,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let first = match bounds.0 {
            Bound::Included(from) | Bound::Excluded(from) => guard("read", || leaf_of(&tree, from)),
            Bound::Unbounded => Ok(None),
        };
        let first = match first {
            Ok(first) => first.map_or(Bound::Unbounded, |(under, _)| Bound::Included(under.to_vec())),
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        // A leaf named by the end itself may hold the end; filtering is cheaper than asking.
        let last = match bounds.1 {
            Bound::Included(to) | Bound::Excluded(to) => Bound::Included(to.to_vec()),
            Bound::Unbounded => Bound::Unbounded,
        };
        let mut leaves = tree.range((first, last));
        let mut ready: std::vec::IntoIter<Pair> = Vec::new().into_iter();
        Box::new(std::iter::from_fn(move || {
            loop {
                if let Some(pair) = ready.next() {
                    return Some(Ok(pair));
                }
                let next = guard("walk", || {
                    if backwards { leaves.next_back() } else { leaves.next() }.transpose()
                });
                let leaf = match next.transpose()? {
                    Ok(leaf) => leaf,
                    Err(error) => return Some(Err(error)),
                };
                let (under, sealed) = leaf;
                match unseal(&tree, &under, &sealed).and_then(|leaf| within(leaf, bounds).map_err(damaged)) {
                    Ok(mut pairs) => {
                        if backwards {
                            pairs.reverse();
                        }
                        ready = pairs.into_iter();
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
        }))
    }

    fn apply(&self, changes: HashMap<&'static str, Pending>, position: Position) -> Result<(), BufferError> {
        for (name, pending) in changes {
            let tree = self.tree(name)?;
            apply_to(&tree, pending)?;
        }
        let meta = self.tree(META)?;
        guard("write", || meta.insert(POSITION, encode(position)).map(drop))
    }

    /// The position stored with the last changes written.
    pub(crate) fn position(&self) -> Result<Option<Position>, BufferError> {
        let meta = self.tree(META)?;
        Ok(guard("read", || meta.get(POSITION))?.and_then(|bytes| decode(&bytes)))
    }

    /// Flips a bit in the first byte of every leaf of a tree, as a medium may; returns how many there were.
    #[cfg(test)]
    pub(super) fn spoil(&self, tree: &str) -> usize {
        let tree = self.tree(tree).expect("a tree");
        let leaves: Vec<_> = tree.iter().flatten().collect();
        for (under, leaf) in &leaves {
            let mut bad = leaf.to_vec();
            bad[0] ^= 1;
            tree.insert(under, bad).expect("written");
        }
        leaves.len()
    }

    /// Writes out and lets go; syncing the files is the caller's part, because sled does not.
    pub(crate) fn finish(self) -> Result<(), BufferError> {
        guard("flush", || self.db.flush().map(drop))?;
        guard("close", move || {
            drop(self);
            Ok(())
        })
    }
}

/// The leaf that holds a key, if it is there: the last one named by it or before.
fn leaf_of(tree: &sled::Tree, key: &[u8]) -> sled::Result<Option<(sled::IVec, sled::IVec)>> {
    tree.range::<&[u8], _>(..=key).next_back().transpose()
}

/// The pairs of a leaf within bounds.
fn within(leaf: &[u8], bounds: Bounds<'_>) -> Result<Vec<Pair>, leaf::Damaged> {
    let mut found = Vec::new();
    for pair in leaf::pairs(leaf) {
        let (key, value) = pair?;
        if std::ops::RangeBounds::<[u8]>::contains(&bounds, key) {
            found.push((key.to_vec(), value.to_vec()));
        }
    }
    Ok(found)
}

/// Makes sorted changes, leaf by leaf.
fn apply_to(tree: &sled::Tree, pending: Pending) -> Result<(), BufferError> {
    let mut pending = pending.into_iter().peekable();
    while let Some((key, _)) = pending.peek() {
        let found = guard("read", || leaf_of(tree, key))?;
        let (under, old) = match &found {
            Some((under, sealed)) => (under.clone(), unseal(tree, under, sealed)?),
            None => Default::default(),
        };
        let behind = (Bound::Excluded(under.as_ref()), Bound::<&[u8]>::Unbounded);
        let next = guard("read", || tree.range::<&[u8], _>(behind).keys().next().transpose())?;
        let here = |(key, _): &(Vec<u8>, _)| next.as_ref().is_none_or(|next| key.as_slice() < next.as_ref());
        let changes: Vec<_> = std::iter::from_fn(|| pending.next_if(here)).collect();
        let pieces = leaf::merge(&under, old, changes).map_err(damaged)?;
        guard("write", || {
            if pieces.is_empty() {
                tree.remove(&under)?;
            }
            pieces
                .into_iter()
                .try_for_each(|(under, leaf)| tree.insert(&under, seal(tree, &under, leaf)).map(drop))
        })?;
    }
    Ok(())
}

/// Bytes of the checksum behind a leaf.
const SEAL: usize = 4;

/// Covers the tree's and the leaf's names too, so that a leaf in another one's place is noticed.
fn checksum(tree: &sled::Tree, under: &[u8], leaf: &[u8]) -> [u8; SEAL] {
    let names = crc32c::crc32c_append(crc32c::crc32c(&tree.name()), under);
    crc32c::crc32c_append(names, leaf).to_le_bytes()
}

fn seal(tree: &sled::Tree, under: &[u8], mut leaf: Vec<u8>) -> Vec<u8> {
    let sum = checksum(tree, under, &leaf);
    leaf.extend_from_slice(&sum);
    leaf
}

/// A leaf without its checksum, if that is true: what sled gives back must be what it was given.
fn unseal<'a>(tree: &sled::Tree, under: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], BufferError> {
    let split = sealed
        .len()
        .checked_sub(SEAL)
        .and_then(|at| sealed.split_at_checked(at));
    split
        .filter(|(leaf, sum)| checksum(tree, under, leaf) == **sum)
        .map(|(leaf, _)| leaf)
        .ok_or_else(|| BufferError {
            what: "read",
            why: "a leaf has a wrong checksum".to_owned(),
        })
}

fn damaged(_: leaf::Damaged) -> BufferError {
    BufferError {
        what: "read",
        why: "a leaf ends in the middle of a pair".to_owned(),
    }
}

/// Runs a call into sled; its panics become errors.
fn guard<T>(what: &'static str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, BufferError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(BufferError {
            what,
            why: error.to_string(),
        }),
        Err(panic) => Err(BufferError {
            what,
            why: said(&*panic),
        }),
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("sled panicked: {}", text.unwrap_or("without a word"))
}

/// A position as 24 bytes.
pub(crate) fn encode(position: Position) -> Vec<u8> {
    let mut bytes = position.seq.to_be_bytes().to_vec();
    bytes.extend_from_slice(&position.link);
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Option<Position> {
    let (seq, rest) = bytes.split_first_chunk::<8>()?;
    Some(Position {
        seq: u64::from_be_bytes(*seq),
        link: *rest.first_chunk::<16>()?,
    })
}
