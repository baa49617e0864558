//! Opening the store: which journal and buffer are taken, and whether the one was copied or the other knows too much.

use std::{
    fs, io,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use punchgate_journal::{
    Buffer, BufferOpening, BufferOptions, DiskStorage, Entry, Gap, Home, Journal, OpenError, Opening, Options, Reader,
};
use punchgate_kit::Clock;

use super::alarm::Alarm;
use crate::{config::Config, decide::Decider};

/// How long the journal's lock is waited for, and how often it is tried.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Opens the journal. A process that was just killed may hold its lock a moment longer.
pub(crate) fn journal(dir: &Path, options: Options) -> Result<(Journal, Opening), OpenError> {
    let began = Instant::now();
    loop {
        match Journal::open(Arc::new(DiskStorage), dir, options) {
            Err(OpenError::Locked { .. }) if began.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
}

/// Segments at most this long, so that a small limit still has several of them to retire one by one.
const SEGMENT: u64 = 64 << 20;

pub(crate) fn options(config: &Config) -> io::Result<Options> {
    let mut options = Options::new(random_identity()?);
    options.ballast_bytes = config.store.ballast.0;
    options.segment_bytes = SEGMENT.min(config.store.max_size.0 / 16).max(64 << 10);
    #[cfg(feature = "planted-bugs")]
    crate::planted::plant(&mut options);
    Ok(options)
}

pub(crate) fn buffer_options() -> BufferOptions {
    #[cfg(feature = "planted-bugs")]
    let options = crate::planted::buffer();
    #[cfg(not(feature = "planted-bugs"))]
    let options = BufferOptions::default();
    BufferOptions {
        contents: crate::decide::FORMAT,
        ..options
    }
}

/// Opens the buffer. One that was built while records were there that are lost now is built again: what it knows of them
/// would hide them from the devices that still hold them.
pub(crate) fn buffer(path: &Path, opening: &Opening, reader: &mut Reader) -> (Buffer, BufferOpening) {
    let options = buffer_options();
    let (buffer, found) = {
        let mut reader = reader.clone();
        Buffer::open(path, options, move |position| reader.fits(position).unwrap_or(false))
    };
    let position = found.position.seq;
    let knows = |gap: &&Gap| gap.after_seq < position && !Decider::has_crossed(&buffer, gap);
    let start = lost_start(&buffer, reader);
    let why = match opening.gaps.iter().chain(&start).find(knows) {
        _ if found.fresh => None,
        Some(gap) => Some(format!("it knows records after {} that are lost", gap.after_seq)),
        None => None,
    };
    let Some(why) = why else { return (buffer, found) };
    drop(buffer);
    // Not closed in order, and so put aside.
    let (buffer, again) = Buffer::open(path, options, |_| false);
    let why = Some(why);
    (buffer, BufferOpening { why, ..again })
}

/// The oldest records, where they are gone and nobody retired them. A fresh buffer does not know; deciding looks then.
pub(crate) fn lost_start(buffer: &Buffer, reader: &Reader) -> Option<Gap> {
    let (kept, first) = (Decider::retired(buffer).max(1), reader.first());
    (buffer.position().seq > 0 && kept < first).then(|| Gap::at_the_start(kept, first))
}

/// Looks whether the journal was copied here; if so, a new epoch begins.
pub(crate) fn take_home(journal: &mut Journal, epoch: u32) -> Option<Alarm> {
    let alarm = match journal.home() {
        Ok(Home::Own) => return None,
        Ok(Home::Copied) => {
            let (at, epoch, why) = (Clock::system().now(), epoch.saturating_add(1), "copied".to_owned());
            if let Err(error) = journal.append(&[Entry::Began { at, epoch, why }.to_payload()]) {
                tracing::error!(%error, "the new epoch could not be noted; the next start tries again");
                return Some(Alarm::Copied { epoch });
            }
            Some(Alarm::Copied { epoch })
        }
        Ok(Home::Unknown) => None,
        Err(error) => {
            tracing::warn!(%error, "it cannot be told whether the journal was copied here");
            return None;
        }
    };
    if let Err(error) = journal.settle_here() {
        tracing::warn!(%error, "a copy of the journal would not be noticed");
    }
    alarm
}

fn random_identity() -> io::Result<punchgate_journal::Identity> {
    use std::io::Read;
    let mut identity = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut identity)?;
    Ok(identity)
}
