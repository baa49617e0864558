//! The append-only truth, and beside it the lookup buffer that can be rebuilt from it.
//!
//! Promises: what [`Journal::append`] returned outlives kill and power cut; what comes out of a [`Reader`] is
//! what went in, or is reported as lost with its bounds; no bytes on the disk make it panic or refuse to start,
//! but a newer format; the [`Buffer`] may be deleted at any time. The constraints, the format and what may be
//! lost are in this crate's README.
//!
//! Deliberately absent: async, clocks, threads of its own (one exception: the buffer opens sled in one), and any
//! opinion on what an entry means.

mod ballast;
mod buffer;
mod catalogue;
mod disk;
mod entry;
mod error;
mod home;
mod journal;
mod opening;
mod options;
mod reader;
mod record;
mod recovery;
mod scan;
mod segment;
pub mod sim;
mod storage;
mod survey;
mod verify;
mod walk;

#[cfg(test)]
mod fault_tests;

pub use buffer::{Buffer, BufferError, BufferOpening, BufferOptions, Changes, Pair, read_any as read_any_buffer};
pub use disk::DiskStorage;
pub use entry::{Answered, ClockMeasured, DirectoryRows, Entry, Numbered, Raw};
pub(crate) use error::is_full;
pub use error::{AppendError, OpenError, ReadError};
pub use home::Home;
pub use journal::{Journal, Kept, Stretch};
pub use opening::{Cut, Gap, Opening, SetAside, Stranger};
#[cfg(any(test, feature = "planted"))]
pub use options::Answer;
pub use options::Options;
pub use reader::{Page, Position, Reader};
pub use record::{Identity, Link, MAX_PAYLOAD, Payload, Record, Seq};
pub use segment::FORMAT;
pub use storage::{Access, Listed, Lock, Storage, StoredFile};
pub use verify::{Export, SegmentVerified, Verified, verify};
