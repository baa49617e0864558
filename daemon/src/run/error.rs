//! Why the gateway did not start, or did not stop well.

use std::io;

use punchgate_journal::OpenError;
use thiserror::Error;

use crate::{messages::Message, store::folder::FolderError};

/// Why the gateway did not start or did not stop well.
#[derive(Debug, Error)]
pub enum RunError {
    /// The state directory cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The directory of people cannot be read.
    #[error("read the directory {path}: {source}")]
    Directory {
        /// The file.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// An upstream or device makes no sense.
    #[error("{0}")]
    Configuration(String),
    /// A thread ended that must not. A restart opens the store afresh and builds the buffer again.
    #[error("go on: storing or deciding ended; the log says why (systemd starts the gateway again)")]
    Broken,
    /// The system refused something basic.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl RunError {
    /// The sentence for operators.
    pub fn message(&self) -> Message {
        use OpenError as O;
        let what = match self {
            Self::Folder(error) => error.message(),
            Self::Open(O::Locked { path }) => Message::new("store-locked").with("path", path.display()),
            Self::Open(O::NetworkFileSystem { dir, kind }) => Message::new("store-network")
                .with("path", dir.display())
                .with("kind", kind),
            Self::Open(O::Newer { segment, found, known }) => Message::new("store-newer")
                .with("segment", segment)
                .with("found", found)
                .with("known", known),
            other => return Message::new("run-failed").with("why", other),
        };
        Message::new("run-refused").with_message("why", what)
    }
}
