//! The store, opened: the journal, the buffer beside it, and what they know of the configuration.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use punchgate_journal::{
    AppendError, Buffer, BufferError, BufferOptions, DiskStorage, Entry, Journal, OpenError, Opening, Options, Storage,
};
use punchgate_kit::Clock;

use super::{RunError, force::Force};
use crate::{
    board::Board,
    config::Config,
    decide::{Decider, ids::Ids},
    delivered,
    messages::{Lang, Message},
    opening,
};

/// How long the journal's lock is waited for, and how often it is tried.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The journal and the buffer, open.
pub(super) struct Store {
    pub(super) journal: Journal,
    pub(super) buffer: Buffer,
    pub(super) ids: Ids,
    pub(super) decider: Decider,
    fresh: bool,
    /// What opening them found and repaired.
    opening: Vec<Message>,
}

impl Store {
    pub(super) fn open(config: &Config) -> Result<Self, RunError> {
        let path = &config.store.path;
        let unusable = |source| RunError::State {
            path: path.display().to_string(),
            source,
        };
        make_private(path).map_err(unusable)?;
        let mut options = Options::new(random_identity().map_err(unusable)?);
        options.ballast_bytes = config.store.ballast.0;
        #[cfg(feature = "planted-bugs")]
        crate::planted::plant(&mut options);
        let (journal, opening) = open_journal(&path.join("journal"), options)?;
        let mut reader = journal.reader();
        let fits = |position| reader.fits(position).unwrap_or(false);
        let (buffer, found) = Buffer::open(&path.join("buffer"), buffer_options(), fits);
        let opening_told = opening::told(&opening, &found);
        for told in &opening_told {
            let what = told.say(Lang::En);
            if opening.is_clean() {
                tracing::info!(%what, "the store was opened");
            } else {
                tracing::error!(%what, "the journal was damaged; what is lost is listed, the rest is kept");
            }
        }
        let failed = |error: BufferError| RunError::Configuration(error.to_string());
        let ids = Ids::open(buffer.clone()).map_err(failed)?;
        let mut decider = Decider::new(buffer.clone(), ids.clone()).map_err(failed)?;
        if found.fresh {
            let upstreams = config.upstreams.iter().map(|upstream| upstream.name.as_str());
            decider.skip(delivered::by_all(&mut reader, upstreams));
        }
        Ok(Self {
            journal,
            buffer,
            ids,
            decider,
            fresh: found.fresh,
            opening: opening_told,
        })
    }

    /// Shows on the board where the journal and the buffer stand.
    pub(super) fn show(&self, board: &Board) {
        board.with_journal(|row| {
            row.tail = self.journal.tail();
            row.bytes = self.journal.bytes();
            row.decided = self.buffer.position().seq;
            row.opening.clone_from(&self.opening);
        });
    }

    /// Writes what of the configuration decides to the journal, before any reading that it decides about. Gives back
    /// what is in force: a full disk must not keep the gateway from forwarding what it holds.
    pub(super) fn write(&mut self, wanted: Force) -> Force {
        let at = Clock::system().now();
        let (settings, people) = self.decider.known();
        let known = Force {
            settings: settings.clone(),
            people,
        };
        let entries = wanted.opening(&known, (self.fresh, self.journal.tail() == 0), at);
        match note_opening(&mut self.journal, &entries) {
            Ok(()) => wanted,
            Err(error) => {
                tracing::error!(%error, "the configuration in force could not be noted; the one before stays in force");
                known
            }
        }
    }
}

/// Writes what a start writes. A disk that failed is tried once more: the journal goes on in a new segment, and a
/// configuration that is not noted would not be in force until the next start.
///
/// # Errors
/// [`AppendError`]; the configuration before stays in force.
pub fn note_opening(journal: &mut Journal, entries: &[Entry]) -> Result<(), AppendError> {
    let payloads: Vec<_> = entries.iter().map(Entry::to_payload).collect();
    let noted = match journal.append(&payloads) {
        Err(error) if error.may_pass() && !error.is_full() => journal.append(&payloads),
        noted => noted,
    };
    noted.map(drop)
}

/// Opens the journal. A process that was just killed may hold its lock a moment longer.
fn open_journal(dir: &Path, options: Options) -> Result<(Journal, Opening), OpenError> {
    let began = Instant::now();
    loop {
        match Journal::open(Arc::new(DiskStorage), dir, options) {
            Err(OpenError::Locked { .. }) if began.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
}

#[cfg(not(feature = "planted-bugs"))]
fn buffer_options() -> BufferOptions {
    BufferOptions::default()
}

#[cfg(feature = "planted-bugs")]
fn buffer_options() -> BufferOptions {
    crate::planted::buffer()
}

/// Makes the state directory, with its name on the disk: without it a power cut would take everything in it along.
fn make_private(path: &Path) -> io::Result<()> {
    let is_there = path.is_dir();
    match DiskStorage.make_dir(path) {
        // Whoever made it saw to its name; an earlier start of ours is made up for where that is possible.
        Err(_) if is_there => {}
        made => made?,
    }
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn random_identity() -> io::Result<punchgate_journal::Identity> {
    use std::io::Read;
    let mut identity = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut identity)?;
    Ok(identity)
}
