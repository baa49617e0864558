use crate::record::Identity;

/// How a journal is kept.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The identity a new journal gets: 16 random bytes. An existing journal keeps its own.
    pub identity: Identity,
    /// A segment is closed when it would grow beyond this many bytes. Default 64 MiB.
    pub segment_bytes: u64,
    /// So many bytes, counted from the end, are read and checked on opening; the last segment always is. Default 256 MiB.
    pub scan_bytes: u64,
    /// Size of the ballast file in bytes; 0 for none. Default 4 MiB.
    pub ballast_bytes: u64,
    /// When an append answers.
    #[cfg(any(test, feature = "planted"))]
    pub answer: Answer,
}

/// A planted fault, to prove that the crash tests see it.
#[cfg(any(test, feature = "planted"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// As it must be.
    AfterSync,
    /// The fault: records count as stored once they are written.
    BeforeSync,
}

impl Options {
    /// The defaults, with an identity for the case that there is no journal yet.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            segment_bytes: 64 << 20,
            scan_bytes: 256 << 20,
            ballast_bytes: 4 << 20,
            #[cfg(any(test, feature = "planted"))]
            answer: Answer::AfterSync,
        }
    }
}
