//! Where the store lies, whether it can be trusted, and putting it aside when not.
//!
//! A store is trusted only with a marker that [`close`] wrote after everything else was synced, and only while every file
//! is as the marker says, byte for byte: sled notices some damage, and turns some into missing keys. The marker is taken
//! away, durably, before sled sees its files: a kill while sled opens can leave a store that never opens again.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    BufferError, BufferOptions,
    seal::{self, Seal},
    shelf::{Shelf, SledShelf},
};
use crate::reader::Position;

const MARKER: &str = "clean";
const STORE: &str = "sled";

/// What was found when the buffer was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BufferOpening {
    /// The position that has been applied; the start for a fresh store.
    pub position: Position,
    /// Whether it begins empty: rebuild from the journal.
    pub fresh: bool,
    /// Why what was there is not used; `None` when there was nothing, or nothing wrong.
    pub why: Option<String>,
    /// Where it was put, if that worked.
    pub set_aside: Option<PathBuf>,
    /// Why the store is held in memory only (the disk is full, say); `None` when it lies on the disk.
    pub memory_only: Option<String>,
}

/// Opens what can be trusted, else a fresh store, else one in memory.
pub(crate) fn open(dir: &Path, options: BufferOptions, fits: impl FnOnce(Position) -> bool) -> (Shelf, BufferOpening) {
    let mut opening = BufferOpening {
        position: Position::START,
        fresh: false,
        why: None,
        set_aside: None,
        memory_only: None,
    };
    if dir.exists() {
        match trusted(dir, options, fits) {
            Ok((shelf, position)) => return (Shelf::Sled(shelf), BufferOpening { position, ..opening }),
            Err(why) => opening.why = Some(why),
        }
        opening.set_aside = put_aside(dir);
    }
    opening.fresh = true;
    let mut made = fresh(dir, options);
    if let (Err(_), Some(aside)) = (&made, opening.set_aside.take_if(|_| made.is_err())) {
        // What is kept for curiosity must not stand in the way of what is needed.
        let _ = fs::remove_dir_all(aside);
        made = fresh(dir, options);
    }
    match made {
        Ok(shelf) => (Shelf::Sled(shelf), opening),
        Err(why) => {
            opening.memory_only = Some(why);
            (Shelf::memory(), opening)
        }
    }
}

/// What the marker says, if it and every file are as they were when the store was closed.
pub(crate) fn check(dir: &Path, options: BufferOptions) -> Result<Position, String> {
    let bytes = fs::read(dir.join(MARKER)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "it was not closed in order".to_owned(),
        _ => format!("its marker cannot be read: {error}"),
    })?;
    let Seal { position, files } = Seal::read(&bytes, options.contents)?;
    let found = seal::files(&dir.join(STORE)).map_err(|error| format!("its files cannot be read: {error}"))?;
    match seal::difference(&files, &found) {
        Some(name) => Err(format!("its file {name} is not as it was when the store was closed")),
        None => Ok(position),
    }
}

fn trusted(
    dir: &Path,
    options: BufferOptions,
    fits: impl FnOnce(Position) -> bool,
) -> Result<(SledShelf, Position), String> {
    let position = check(dir, options)?;
    if !fits(position) {
        return Err(format!(
            "it has applied record {}, which this journal does not have",
            position.seq
        ));
    }
    fs::remove_file(dir.join(MARKER))
        .and_then(|()| sync_dir(dir))
        .map_err(|error| format!("its marker stays: {error}"))?;
    let shelf = SledShelf::open(&dir.join(STORE), options).map_err(|error| error.to_string())?;
    match shelf.position() {
        Ok(stored) if stored.unwrap_or_default() == position => Ok((shelf, position)),
        Ok(stored) => Err(format!(
            "its marker says {}, its store {}",
            position.seq,
            stored.unwrap_or_default().seq
        )),
        Err(error) => Err(error.to_string()),
    }
}

fn fresh(dir: &Path, options: BufferOptions) -> Result<SledShelf, String> {
    fs::create_dir_all(dir).map_err(|error| error.to_string())?;
    SledShelf::open(&dir.join(STORE), options).map_err(|error| error.to_string())
}

/// Renames the store; the one put aside before is removed. What cannot be renamed is removed too.
fn put_aside(dir: &Path) -> Option<PathBuf> {
    let parent = dir.parent()?;
    let stem = format!("{}.aside-", dir.file_name()?.to_string_lossy());
    let mut number = 0u64;
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(old) = name.strip_prefix(&stem).and_then(|n| n.parse::<u64>().ok()) {
            number = number.max(old);
            // Best effort: an old copy that stays only takes room.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let aside = parent.join(format!("{stem}{}", number + 1));
    match fs::rename(dir, &aside) {
        Ok(()) => Some(aside),
        Err(error) => {
            tracing::warn!(?dir, %error, "the buffer could not be put aside and is removed");
            let _ = fs::remove_dir_all(dir);
            let _ = fs::remove_file(dir);
            None
        }
    }
}

/// Syncs a closed store and marks it.
pub(crate) fn close(shelf: SledShelf, dir: &Path, position: Position, contents: u16) -> Result<(), BufferError> {
    shelf.finish()?;
    let mark = || -> io::Result<()> {
        let files = seal::files(&dir.join(STORE))?;
        sync_tree(&dir.join(STORE))?;
        let bytes = Seal { position, files }.bytes(contents);
        let draft = dir.join("clean.new");
        let mut file = File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, dir.join(MARKER))?;
        sync_dir(dir)
    };
    mark().map_err(|error| BufferError {
        what: "mark as closed",
        why: error.to_string(),
    })
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?
        } else {
            File::open(&path)?.sync_all()?
        }
    }
    sync_dir(dir)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
