//! What can fail, said so that a person can mend it and a caller knows whether to try again.

use std::{io, path::PathBuf};

use crate::record::{MAX_PAYLOAD, Seq};

/// Why a journal did not open. Nothing on the disk was changed unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the state directory.
    #[error(
        "open the journal: {path:?} is locked by another process; stop the other punchgate, or give this one its own state directory"
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The directory lies on a network file system, where neither locks nor syncs can be trusted.
    #[error("open the journal: {dir:?} is on {kind}, where locks and syncs cannot be trusted; use a local disk")]
    NetworkFileSystem {
        /// The journal's directory.
        dir: PathBuf,
        /// The file system's name.
        kind: &'static str,
    },
    /// A newer program wrote here.
    #[error(
        "open the journal: {segment} has format {found}, this program reads up to {known}; run the newer punchgate again (nothing was changed)"
    )]
    Newer {
        /// The segment's file name.
        segment: String,
        /// Its format version.
        found: u16,
        /// The newest this program reads.
        known: u16,
    },
    /// The system refused.
    #[error("open the journal: {what} {path:?}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl OpenError {
    /// Whether a later try may succeed without a person's help.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Io { .. })
    }
}

/// Why a batch is not stored. None of it is acknowledged, and none of it will be believed later unless appended again.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk, quota or inode table is full.
    #[error("store records: the disk is full ({what} {path:?}: {source}); free space, or shorten the retention")]
    Full {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The sync failed. The segment is closed as suspect; the next append begins a new one.
    #[error("store records: sync {path:?}: {source}; nothing of this batch counts as stored")]
    Sync {
        /// The segment.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The system refused for another reason (read-only remount, vanished directory).
    #[error("store records: {what} {path:?}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Somebody removed the segment under us: what is written there is gone with the next stop.
    #[error(
        "store records: {path:?} was removed while in use; restart punchgate and find out who cleans its state directory"
    )]
    Removed {
        /// The segment.
        path: PathBuf,
    },
    /// A payload is longer than a record may be.
    #[error("store records: a payload of {len} bytes is longer than {MAX_PAYLOAD}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
}

impl AppendError {
    /// Whether space is what is missing: acknowledgements stop until there is some.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether appending the same batch later can succeed.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::TooLong { .. })
    }

    pub(crate) fn of(what: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if crate::is_full(&source) {
            Self::Full { what, path, source }
        } else {
            Self::Io { what, path, source }
        }
    }
}

/// Why records could not be read. Damage is no error: it comes as [`crate::Gap`].
#[derive(Debug, thiserror::Error)]
#[error("read the journal after record {after}: {path:?}: {source}")]
pub struct ReadError {
    /// Where reading began.
    pub after: Seq,
    /// The segment or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

/// Whether an error means that there is no room: disk, quota, file-size limit or inodes.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
