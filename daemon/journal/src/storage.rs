//! The few things the journal asks of a file system, so that a real one and a simulated one take the same code.
//!
//! Promises: nothing here interprets bytes; every error is the system's own. Deliberately absent: paths
//! outside the state directory, memory maps, asynchronous calls.

use std::{fmt, io, path::Path};

/// A file system as the journal sees it. Paths are those of the machine; for [`crate::sim::SimDisk`] they are only names.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Makes a directory and its parents, and makes the entries durable; no error if it is there.
    ///
    /// # Errors
    /// The system's.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;

    /// Plain files of a directory, sorted by name; directories in it are left out.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, dir: &Path) -> io::Result<Vec<Listed>>;

    /// Makes a new empty file for reading and writing; an existing one is emptied.
    ///
    /// # Errors
    /// The system's.
    fn create(&self, path: &Path) -> io::Result<Box<dyn StoredFile>>;

    /// Opens an existing file.
    ///
    /// # Errors
    /// The system's; `NotFound` when there is none.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn StoredFile>>;

    /// Renames, replacing what has the new name. Durable only after [`Storage::sync_dir`].
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable only after [`Storage::sync_dir`].
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes names created, renamed and removed in a directory durable.
    ///
    /// # Errors
    /// The system's.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes an unprivileged process may still write in that directory's file system.
    ///
    /// # Errors
    /// The system's.
    fn free_space(&self, dir: &Path) -> io::Result<u64>;

    /// What tells a file from every copy of it: its inode and when it was made. `None` where the system does not say.
    ///
    /// # Errors
    /// The system's.
    fn mark(&self, _path: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// The name of the network file system that holds the directory, if it is one. Locks and syncs cannot be trusted there.
    ///
    /// # Errors
    /// The system's.
    fn network_file_system(&self, dir: &Path) -> io::Result<Option<&'static str>>;

    /// Takes the exclusive lock of a state directory; it is released when the value is dropped or the process ends.
    ///
    /// # Errors
    /// `WouldBlock` when another process holds it, else the system's.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

/// A held lock; dropping it lets go.
pub trait Lock: fmt::Debug + Send + Sync {}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing in place.
    Write,
}

/// A file found in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name without the directory; names that are not UTF-8 are shown with replacement characters.
    pub name: String,
    /// Its size in bytes.
    pub len: u64,
}

/// An open file. Offsets are explicit, so that one handle serves several threads.
pub trait StoredFile: fmt::Debug + Send + Sync {
    /// Reads up to `buffer.len()` bytes at `offset`; 0 at the end of the file.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes at `offset`, extending the file. After an error any part of them may have been written.
    ///
    /// # Errors
    /// The system's.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the content and the size durable (`fdatasync`). After an error nothing written since the last
    /// success may be believed, whatever a second call says.
    ///
    /// # Errors
    /// The system's.
    fn sync(&self) -> io::Result<()>;

    /// Cuts or extends (with zeros).
    ///
    /// # Errors
    /// The system's.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The size in bytes.
    ///
    /// # Errors
    /// The system's.
    fn size(&self) -> io::Result<u64>;

    /// Whether the file still has a name; false after somebody removed it under us.
    ///
    /// # Errors
    /// The system's.
    fn is_linked(&self) -> io::Result<bool>;
}
