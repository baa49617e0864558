//! Faults planted on purpose, and sizes made small: how the crash rigs prove that they would notice.
//!
//! Compiled only with the feature `planted-bugs`, never into a shipped build. `PUNCHGATE_SABOTAGE` names the fault,
//! `PUNCHGATE_SEGMENT_BYTES` makes the journal's segments so small that a rig sees many of them,
//! `PUNCHGATE_WRITE_BACK_BYTES` lets the buffer keep back so little that it writes while a rig looks, and
//! `PUNCHGATE_HOUSEKEEPING_MS` says how often it is asked what may be retired, so that a rig need not wait for it.

use std::{env, sync::OnceLock, time::Duration};

use punchgate_journal::{Answer, BufferOptions, Options};

/// How long before it writes the fault [`Sabotage::AckBeforeWrite`] answers.
pub const HEAD_START: Duration = Duration::from_millis(20);

/// A planted fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// `ack-before-sync`: records count as stored once they are written. A power cut loses them, a kill does not.
    AckBeforeSync,
    /// `ack-before-write`: devices are answered a moment before anything is written. A kill loses it.
    AckBeforeWrite,
}

impl Sabotage {
    /// The fault that the environment names, read once.
    ///
    /// # Panics
    /// When it names one that does not exist: a rig must not mistake a sound gateway for a sabotaged one.
    pub fn wanted() -> Option<Self> {
        static WANTED: OnceLock<Option<Sabotage>> = OnceLock::new();
        *WANTED.get_or_init(|| match env::var("PUNCHGATE_SABOTAGE").ok()?.as_str() {
            "ack-before-sync" => Some(Self::AckBeforeSync),
            "ack-before-write" => Some(Self::AckBeforeWrite),
            other => panic!("there is no planted fault {other:?}"),
        })
    }
}

/// Plants what the environment asks for into the journal's options.
pub fn plant(options: &mut Options) {
    if Sabotage::wanted() == Some(Sabotage::AckBeforeSync) {
        options.answer = Answer::BeforeSync;
    }
    if let Some(bytes) = number("PUNCHGATE_SEGMENT_BYTES") {
        options.segment_bytes = bytes;
    }
}

/// How the buffer is kept, as the environment asks for it.
pub fn buffer() -> BufferOptions {
    let mut options = BufferOptions::default();
    if let Some(bytes) = number("PUNCHGATE_WRITE_BACK_BYTES") {
        options.write_back_bytes = usize::try_from(bytes).unwrap_or(options.write_back_bytes);
    }
    options
}

/// How often it is asked what may be retired: as the environment says, else as usual.
pub fn housekeeping(usual: Duration) -> Duration {
    number("PUNCHGATE_HOUSEKEEPING_MS").map_or(usual, Duration::from_millis)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}
