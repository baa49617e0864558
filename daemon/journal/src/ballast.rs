//! A file that only takes up room, so that there is some left when the disk is full.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::storage::Storage;

/// Bytes written at once.
const PIECE: usize = 64 << 10;

/// The ballast file of a journal.
#[derive(Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
    dir: PathBuf,
    len: u64,
}

impl Ballast {
    pub(crate) fn new(dir: &Path, len: u64) -> Self {
        Self {
            path: dir.join("ballast"),
            dir: dir.to_owned(),
            len,
        }
    }

    fn present(&self, storage: &dyn Storage) -> io::Result<Option<u64>> {
        Ok(storage
            .list(&self.dir)?
            .iter()
            .find(|file| file.name == "ballast")
            .map(|file| file.len))
    }

    /// Removes it; false when there was none.
    pub(crate) fn release(&self, storage: &dyn Storage) -> io::Result<bool> {
        match storage.remove(&self.path) {
            Ok(()) => storage.sync_dir(&self.dir).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes it, unless it is there or would take more than a quarter of what is free.
    pub(crate) fn restore(&self, storage: &dyn Storage) -> io::Result<bool> {
        if self.len == 0 || self.present(storage)? == Some(self.len) {
            return Ok(self.len != 0);
        }
        if storage.free_space(&self.dir)? < self.len.saturating_mul(4) {
            return Ok(false);
        }
        let made = self.fill(storage);
        if made.is_err() {
            // Half a ballast on a full disk helps nobody.
            let _ = storage.remove(&self.path);
        }
        made.map(|()| true)
    }

    fn fill(&self, storage: &dyn Storage) -> io::Result<()> {
        let file = storage.create(&self.path)?;
        let mut piece = vec![0u8; PIECE];
        // Noise, because a compressing file system stores zeros in no room at all.
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        for byte in &mut piece {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes().first().copied().unwrap_or_default();
        }
        let mut at = 0;
        while at < self.len {
            let len = usize::try_from(self.len - at).unwrap_or(PIECE).min(PIECE);
            file.write_at(at, piece.split_at(len).0)?;
            at += len as u64;
        }
        file.sync()?;
        storage.sync_dir(&self.dir)
    }
}
