//! The writer: the one place where records become durable.
//!
//! ```text
//! append(batch) ── encode ── write ── fdatasync ── publish ── Ok(Stretch)     one write, one sync per batch
//!                              │          │
//!                      cut back to     the segment is closed as suspect; what was not yet durable is written
//!                      the old end     again, into a new file, by the next call. Never synced twice and believed.
//! ```

use std::{
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    ballast::Ballast,
    catalogue::{Catalogue, Segment},
    error::{AppendError, OpenError},
    home::{self, Home},
    opening::Opening,
    options::Options,
    reader::Reader,
    record::{Identity, Link, MAX_PAYLOAD, OVERHEAD, Payload, Seq, encode},
    recovery::{at, recover},
    segment::{HEADER, Header, name},
    storage::{Lock, Storage, StoredFile},
};

/// Lazily appended bytes kept for rewriting; beyond it the next lazy append syncs first.
const LAZY_LIMIT: usize = 1 << 20;
/// Bytes a probe writes.
const PROBE: usize = 64 << 10;

/// The numbers a batch got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Number of the batch's first record.
    pub first: Seq,
    /// Number of its last; `first - 1` for an empty batch.
    pub last: Seq,
}

impl Stretch {
    /// The numbers as a range.
    pub fn range(self) -> RangeInclusive<Seq> {
        self.first..=self.last
    }
}

/// One segment of those kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its first number.
    pub first: Seq,
    /// The first number of the segment behind it; `None` for the last.
    pub next: Option<Seq>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Hash of the record before its first, zeros where it is not known.
    pub link: Link,
}

/// An open journal; there is one per state directory, and it is the only writer.
#[derive(Debug)]
pub struct Journal {
    catalogue: Arc<Catalogue>,
    options: Options,
    /// `None` before the first append, and after a failure that makes the last segment suspect.
    current: Option<Current>,
    /// Next number to give, and the link its record carries.
    next: Seq,
    link: Link,
    /// The link the record after the last durable one carries.
    durable_link: Link,
    /// Number given after the last durable record.
    durable_next: Seq,
    /// Encoded records with a number but without a sync.
    lazy: Vec<u8>,
    /// The batch being encoded.
    group: Vec<u8>,
    generation: u64,
    ballast: Ballast,
    /// The segment that somebody removed while it was in use: nothing is stored any more.
    removed: Option<PathBuf>,
    _lock: Box<dyn Lock>,
}

#[derive(Debug)]
struct Current {
    segment: Arc<Segment>,
    file: Box<dyn StoredFile>,
    /// Where the next record goes.
    end: u64,
}

impl Journal {
    /// Opens or begins the journal in `dir` and mends what the last stop left behind. Needs no free space.
    ///
    /// # Errors
    /// [`OpenError`]: another process has it, a newer format, a network file system, or the system's own.
    pub fn open(storage: Arc<dyn Storage>, dir: &Path, options: Options) -> Result<(Self, Opening), OpenError> {
        storage.make_dir(dir).map_err(|source| at("make", dir, source))?;
        if let Ok(Some(kind)) = storage.network_file_system(dir) {
            return Err(OpenError::NetworkFileSystem {
                dir: dir.to_owned(),
                kind,
            });
        }
        let path = dir.join("lock");
        let lock = storage.lock(&path).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked { path: path.clone() },
            _ => at("lock", &path, source),
        })?;
        let found = recover(&*storage, dir, &options)?;
        let mut opening = found.opening;
        let ballast = Ballast::new(dir, options.ballast_bytes);
        opening.ballast = ballast.restore(&*storage).unwrap_or(false);
        let generation = found.segments.len() as u64;
        let current = found.open.and_then(|(file, end)| {
            found.segments.last().map(|segment| Current {
                segment: Arc::clone(segment),
                file,
                end,
            })
        });
        let catalogue = Arc::new(Catalogue::new(
            storage,
            dir,
            found.identity,
            found.segments,
            opening.tail,
        ));
        let journal = Self {
            catalogue,
            options,
            current,
            next: found.next,
            link: found.link,
            durable_link: found.link,
            durable_next: found.next,
            lazy: Vec::new(),
            group: Vec::new(),
            generation,
            ballast,
            removed: None,
            _lock: lock,
        };
        Ok((journal, opening))
    }

    /// The identity every record's checksum carries.
    pub fn identity(&self) -> Identity {
        self.catalogue.identity
    }

    /// The last durable record's number, 0 when there is none.
    pub fn tail(&self) -> Seq {
        self.catalogue.tail()
    }

    /// A reader; any number of them may be used from other threads.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.catalogue))
    }

    /// Stores a batch: one write, one sync. When this returns, the records outlive a power cut.
    ///
    /// # Errors
    /// [`AppendError`]: nothing of the batch counts as stored, and the same batch may be appended again.
    pub fn append(&mut self, batch: &[Payload]) -> Result<Stretch, AppendError> {
        let stretch = self.write(batch)?;
        self.sync_after(batch.len())?;
        Ok(stretch)
    }

    /// Stores a batch without a sync, for facts that may be lost in a power cut (how far an upstream has come).
    /// It becomes durable, and visible to readers, with the next sync; it is never lost before records
    /// appended later.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_lazy(&mut self, batch: &[Payload]) -> Result<Stretch, AppendError> {
        if self.lazy.len() > LAZY_LIMIT {
            self.sync()?;
        }
        let stretch = self.write(batch)?;
        self.lazy.extend_from_slice(&self.group);
        Ok(stretch)
    }

    /// Makes lazily appended records durable; does nothing when there are none.
    ///
    /// # Errors
    /// As [`Journal::append`]; the records are kept in memory and written again by the next call.
    pub fn sync(&mut self) -> Result<(), AppendError> {
        if self.next == self.durable_next {
            return Ok(());
        }
        if self.current.is_none() {
            self.write(&[])?;
        }
        self.sync_current()
    }

    /// Whether there are records without a sync.
    pub fn is_lazy(&self) -> bool {
        self.next != self.durable_next
    }

    /// Removes whole segments in which every record's number is below `seq`; the last segment stays. Returns the
    /// bytes freed.
    ///
    /// # Errors
    /// The system's; what was removed before stays removed.
    pub fn remove_before(&mut self, seq: Seq) -> Result<u64, AppendError> {
        let mut freed = 0;
        loop {
            let segments = self.catalogue.segments();
            let (Some(oldest), Some(second)) = (segments.first(), segments.get(1)) else {
                return Ok(freed);
            };
            if second.first > seq {
                return Ok(freed);
            }
            let storage = &self.catalogue.storage;
            storage
                .remove(&oldest.path)
                .map_err(|source| AppendError::of("remove", &oldest.path, source))?;
            self.catalogue.change(|segments| drop(segments.remove(0)));
            freed += oldest.durable.load(std::sync::atomic::Ordering::Acquire);
            // One by one and oldest first, so that a power cut never leaves a hole.
            let dir = &self.catalogue.dir;
            storage
                .sync_dir(dir)
                .map_err(|source| AppendError::of("sync the directory", dir, source))?;
        }
    }

    /// What is kept, segment by segment, oldest first.
    pub fn kept(&self) -> Vec<Kept> {
        let segments = self.catalogue.segments();
        let kept = |(index, segment): (usize, &Arc<Segment>)| Kept {
            first: segment.first,
            next: segments.get(index + 1).map(|next| next.first),
            bytes: segment.durable.load(std::sync::atomic::Ordering::Acquire),
            link: segment.link,
        };
        segments.iter().enumerate().map(kept).collect()
    }

    /// Looks whether every segment still has its file, and gives the names of those that have not. When the one being
    /// written is among them, nothing is stored from now on: it would be gone with the next stop.
    ///
    /// # Errors
    /// The system's, other than that the directory is gone.
    pub fn missing(&mut self) -> io::Result<Vec<String>> {
        let listed = match self.catalogue.storage.list(&self.catalogue.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.removed.get_or_insert_with(|| self.catalogue.dir.clone());
                Vec::new()
            }
            listed => listed?,
        };
        let segments = self.catalogue.segments();
        let missing = segments
            .iter()
            .filter(|segment| !listed.iter().any(|file| file.name == segment.name));
        let missing: Vec<&Arc<Segment>> = missing.collect();
        if let (Some(last), Some(gone)) = (segments.last(), missing.last())
            && last.generation == gone.generation
        {
            self.removed.get_or_insert_with(|| gone.path.clone());
        }
        Ok(missing.into_iter().map(|segment| segment.name.clone()).collect())
    }

    /// Writes a little beside the journal, syncs it and removes it again: whether storing would work now.
    ///
    /// # Errors
    /// As [`Journal::append`] would.
    pub fn probe(&mut self) -> Result<(), AppendError> {
        self.refuse_where_removed()?;
        let Catalogue { storage, dir, .. } = &*self.catalogue;
        let path = dir.join("probe");
        let tried = || -> io::Result<()> {
            let file = storage.create(&path)?;
            file.write_at(0, &vec![0; PROBE])?;
            file.sync()
        };
        let tried = tried();
        // What is left of it is overwritten by the next one.
        let _ = storage.remove(&path);
        tried.map_err(|source| AppendError::of("write", &path, source))
    }

    /// Whether the journal lies where it was made. Ask before [`Journal::settle_here`].
    ///
    /// # Errors
    /// The system's.
    pub fn home(&self) -> io::Result<Home> {
        home::look(&*self.catalogue.storage, &self.catalogue.dir)
    }

    /// From now on the journal belongs here.
    ///
    /// # Errors
    /// The system's.
    pub fn settle_here(&self) -> io::Result<()> {
        home::settle(&*self.catalogue.storage, &self.catalogue.dir)
    }

    /// Whether somebody removed what was being written: nothing is stored any more.
    pub fn is_removed(&self) -> bool {
        self.removed.is_some()
    }

    fn refuse_where_removed(&self) -> Result<(), AppendError> {
        match &self.removed {
            Some(path) => Err(AppendError::Removed { path: path.clone() }),
            None => Ok(()),
        }
    }

    /// Bytes in all segments.
    pub fn bytes(&self) -> u64 {
        let segments = self.catalogue.segments();
        segments
            .iter()
            .map(|segment| segment.durable.load(std::sync::atomic::Ordering::Acquire))
            .sum()
    }

    /// Bytes an unprivileged process may still write.
    ///
    /// # Errors
    /// The system's.
    pub fn free_space(&self) -> io::Result<u64> {
        self.catalogue.storage.free_space(&self.catalogue.dir)
    }

    /// Gives the ballast's space back, for readings nobody else holds. Returns whether there was any.
    ///
    /// # Errors
    /// The system's.
    pub fn release_ballast(&mut self) -> io::Result<bool> {
        self.ballast.release(&*self.catalogue.storage)
    }

    /// Makes the ballast again, if there is room for it several times over. Returns whether it is there.
    ///
    /// # Errors
    /// The system's.
    pub fn restore_ballast(&mut self) -> io::Result<bool> {
        self.ballast.restore(&*self.catalogue.storage)
    }

    /// Syncs what is lazy and lets go of the lock. Dropping the journal without it loses nothing acknowledged.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn close(mut self) -> Result<(), AppendError> {
        self.sync()
    }

    /// Encodes and writes a batch, with what is lazy before it where the segment is new.
    fn write(&mut self, batch: &[Payload]) -> Result<Stretch, AppendError> {
        self.refuse_where_removed()?;
        if let Some(long) = batch.iter().find(|payload| payload.bytes.len() > MAX_PAYLOAD) {
            return Err(AppendError::TooLong { len: long.bytes.len() });
        }
        let size: usize = batch.iter().map(|payload| payload.bytes.len() + OVERHEAD).sum();
        self.make_room(size as u64)?;
        self.group.clear();
        self.group.reserve(size);
        let first = self.next;
        let (mut link, mut next) = (self.link, self.next);
        for payload in batch {
            link = encode(&mut self.group, self.catalogue.seed, next, &link, payload);
            next = next.saturating_add(1);
        }
        let Some(current) = &mut self.current else {
            return Ok(Stretch {
                first,
                last: first.saturating_sub(1),
            });
        };
        if !self.group.is_empty() {
            if let Err(source) = current.file.write_at(current.end, &self.group) {
                return Err(self.take_back(source));
            }
            current.segment.note(first, current.end);
            current.end += self.group.len() as u64;
        }
        (self.link, self.next) = (link, next);
        Ok(Stretch {
            first,
            last: next.saturating_sub(1),
        })
    }

    /// A write failed: part of it may be in the file.
    fn take_back(&mut self, source: io::Error) -> AppendError {
        let Some(current) = &self.current else {
            return AppendError::of("write", &self.catalogue.dir, source);
        };
        // A limit on the size of files, not on the disk: the next segment is a smaller file.
        let too_large = source.kind() == io::ErrorKind::FileTooLarge && current.end > HEADER;
        let error = AppendError::of("write", &current.segment.path, source);
        if current.file.set_len(current.end).is_err() || too_large {
            self.current = None;
        }
        error
    }

    fn sync_after(&mut self, records: usize) -> Result<(), AppendError> {
        #[cfg(any(test, feature = "planted"))]
        if self.options.answer == crate::Answer::BeforeSync {
            self.published();
            return Ok(());
        }
        #[cfg(feature = "sabotage")]
        if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::AnswerBeforeSync) {
            self.published();
            return Ok(());
        }
        let before = (self.next.saturating_sub(records as u64), self.group.len());
        let result = self.sync_current();
        if result.is_err() {
            // The batch is the caller's again; its numbers go to what is appended next.
            self.next = before.0;
            self.link = first_link(&self.group).unwrap_or(self.link);
        }
        result
    }

    fn sync_current(&mut self) -> Result<(), AppendError> {
        let Some(current) = &self.current else { return Ok(()) };
        let path = &current.segment.path;
        let result = current.file.sync();
        #[cfg(feature = "sabotage")]
        let result = match result {
            Err(_) if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::BelieveTheSecondSync) => {
                current.file.sync()
            }
            result => result,
        };
        let synced = match result {
            Ok(()) if current.file.is_linked().unwrap_or(true) => Ok(()),
            Ok(()) => {
                self.removed = Some(path.clone());
                Err(AppendError::Removed { path: path.clone() })
            }
            Err(source) if crate::is_full(&source) => Err(AppendError::Full {
                what: "sync",
                path: path.clone(),
                source,
            }),
            Err(source) => Err(AppendError::Sync {
                path: path.clone(),
                source,
            }),
        };
        match synced {
            Ok(()) => self.published(),
            Err(_) => self.current = None,
        }
        synced
    }

    fn published(&mut self) {
        if let Some(current) = &self.current {
            self.catalogue
                .publish(&current.segment, current.end, self.next.saturating_sub(1));
        }
        self.lazy.clear();
        (self.durable_next, self.durable_link) = (self.next, self.link);
    }

    /// Sees to it that there is a segment with room for so many bytes, and that what is lazy is in it or synced.
    fn make_room(&mut self, size: u64) -> Result<(), AppendError> {
        match &self.current {
            Some(current) if current.end == HEADER || current.end + size <= self.options.segment_bytes => return Ok(()),
            Some(_) if self.next != self.durable_next => self.sync_current()?,
            _ => {}
        }
        // Once the new segment may have its name, nothing more may go into the old one: the name ends it.
        self.current = None;
        let mut current = self.begin_segment(self.durable_next, self.durable_link)?;
        if !self.lazy.is_empty() {
            let written = current.file.write_at(current.end, &self.lazy);
            written.map_err(|source| AppendError::of("write", &current.segment.path, source))?;
            current.end += self.lazy.len() as u64;
        }
        let segment = Arc::clone(&current.segment);
        self.catalogue.change(|segments| {
            // A suspect segment without one durable record has the same name and was replaced just now.
            segments.retain(|old| old.first != segment.first);
            segments.push(segment);
        });
        self.current = Some(current);
        Ok(())
    }

    /// Makes an empty segment: complete and durable before it has its name, and its name durable before it is used.
    fn begin_segment(&mut self, first: Seq, link: Link) -> Result<Current, AppendError> {
        let Catalogue {
            storage, dir, identity, ..
        } = &*self.catalogue;
        let path = dir.join(name(first));
        let draft = PathBuf::from(format!("{}.new", path.display()));
        let begin = || -> Result<Box<dyn StoredFile>, (&'static str, io::Error)> {
            let file = storage.create(&draft).map_err(|e| ("create", e))?;
            let header = Header {
                identity: *identity,
                first,
                link,
            }
            .encode();
            file.write_at(0, &header).map_err(|e| ("write", e))?;
            file.sync().map_err(|e| ("sync", e))?;
            storage.rename(&draft, &path).map_err(|e| ("rename", e))?;
            #[cfg(feature = "sabotage")]
            if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::ForgetTheDirectory) {
                return Ok(file);
            }
            storage.sync_dir(dir).map_err(|e| ("sync the directory of", e))?;
            Ok(file)
        };
        let file = begin().map_err(|(what, source)| {
            // Only tidiness: a draft is never read, and opening removes it.
            let _ = storage.remove(&draft);
            AppendError::of(what, &path, source)
        })?;
        self.generation += 1;
        let segment = Arc::new(Segment::new(self.generation, dir, first, link, HEADER));
        Ok(Current {
            segment,
            file,
            end: HEADER,
        })
    }
}

/// The link the first of some encoded records carries.
fn first_link(group: &[u8]) -> Option<Link> {
    group.get(16..)?.first_chunk().copied()
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
