//! Why the gateway did not start, or did not stop well.

use std::io;

use thiserror::Error;

/// Why the gateway did not start or did not stop well.
#[derive(Debug, Error)]
pub enum RunError {
    /// The state directory cannot be used.
    #[error("use the state directory {path}: {source}")]
    State {
        /// The directory.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] punchgate_journal::OpenError),
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
