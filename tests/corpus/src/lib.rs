//! What must hold of any bytes, one function for each decoder and each parser of files.
//!
//! Each target panics with a story when a law is broken, not only when the code panics. `tests/fuzz` feeds them from a
//! fuzzer; the tests of this crate feed them every file of `tests/fuzz/corpus` and mutations of each, in the ordinary suite.
//!
//! Deliberately absent: any randomness that is not given, sockets, and real time.

#![forbid(unsafe_code)]

mod http;
mod journal;
mod mutation;
mod people;
mod serial;
mod settings;
mod talk;
mod terminal;
mod upstream;

use std::path::{Path, PathBuf};

pub use http::{http1, ingest};
pub use journal::{buffer, journal_entry, journal_segment, sample_segment};
pub use mutation::Mutations;
pub use people::{directory, replay};
pub use serial::serial_line;
pub use settings::config;
pub use talk::capture;
pub use terminal::{turns, zk_data, zk_stream, zk_talk};
pub use upstream::answer;

/// One target: any bytes go in, nothing comes out but a panic.
pub type Target = fn(&[u8]);

/// Every target with its name, which is also the name of its corpus folder and its fuzz program.
pub const TARGETS: [(&str, Target); 14] = [
    ("answer", answer),
    ("buffer", buffer),
    ("capture", capture),
    ("config", config),
    ("directory", directory),
    ("http1", http1),
    ("ingest", ingest),
    ("journal_entry", journal_entry),
    ("journal_segment", journal_segment),
    ("replay", replay),
    ("serial_line", serial_line),
    ("zk_data", zk_data),
    ("zk_stream", zk_stream),
    ("zk_talk", zk_talk),
];

/// The root of the repository the test runner was started in. Asked at run time: a program kept in a shared target folder
/// must not read another checkout.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).join("../..")
}

/// The folder of a target's corpus.
pub fn folder(target: &str) -> PathBuf {
    root().join("tests/fuzz/corpus").join(target)
}
