//! Builds the buffer from the journal while no gateway runs: the same deciding, without devices and upstreams.

use std::{sync::Arc, thread::JoinHandle};

use punchgate_journal::{Buffer, BufferError, Journal, OpenError, Seq};
use punchgate_kit::Clock;
use thiserror::Error;
use tokio::sync::watch;

use super::{folder, open};
use crate::{
    board::Board,
    config::Config,
    decide::{Decider, Digest, ids::Ids},
    deciding::{Deciding, Progress, Undecided},
    held::Held,
    pumps,
    questions::Questions,
    run::RunError,
};

/// Why there is no rebuilt buffer.
#[derive(Debug, Error)]
pub enum RebuildError {
    /// The store cannot be used, or is in use.
    #[error(transparent)]
    Unusable(#[from] RunError),
    /// Building failed; the next start tries again.
    #[error("build the buffer: {0}")]
    Unbuilt(String),
}

impl From<BufferError> for RebuildError {
    fn from(error: BufferError) -> Self {
        Self::Unbuilt(error.to_string())
    }
}

impl From<OpenError> for RebuildError {
    fn from(error: OpenError) -> Self {
        Self::Unusable(error.into())
    }
}

/// The same thread of work as a gateway's, for what the journal holds now: it ends when that is decided.
fn deciding(
    config: &Config,
    buffer: &Buffer,
    journal: &Journal,
) -> Result<(Deciding, watch::Receiver<Progress>), BufferError> {
    let (_, tail) = watch::channel(journal.tail());
    let (progress, watched) = watch::channel(Progress::default());
    let ids = Ids::open(buffer.clone())?;
    let deciding = Deciding {
        decider: Decider::new(buffer.clone(), ids.clone())?,
        buffer: buffer.clone(),
        reader: journal.reader(),
        held: Arc::new(Held::new(buffer.clone(), ids)),
        board: Arc::new(Board::new(Clock::system())),
        tail,
        progress,
        backlogs: pumps::backlogs(config),
        questions: Questions::none(),
    };
    Ok((deciding, watched))
}

/// What a buffer says once it has what came after it was closed.
fn caught_up(config: &Config, buffer: &Buffer, journal: &Journal) -> Result<Digest, RebuildError> {
    let done = deciding(config, buffer, journal)?.0.run();
    done.map_err(|error| RebuildError::Unbuilt(error.to_string()))?;
    Ok(Decider::digest(buffer)?)
}

/// A rebuild that goes on in a thread of its own.
pub struct Rebuild {
    buffer: Buffer,
    progress: watch::Receiver<Progress>,
    before: Option<Digest>,
    tail: Seq,
    thread: JoinHandle<Result<(), Undecided>>,
    /// Held until the buffer is closed: no gateway starts meanwhile.
    _journal: Journal,
}

impl Rebuild {
    /// Puts the buffer aside and begins.
    ///
    /// # Errors
    /// [`RebuildError`]: then nothing was changed but what every start mends.
    pub fn begin(config: &Config) -> Result<Self, RebuildError> {
        let path = &config.store.path;
        folder::prepare(path).map_err(RunError::from)?;
        let unnamed = |source| RunError::System {
            what: "make a name for a journal",
            source,
        };
        let (journal, opening) = open::journal(&path.join("journal"), open::options(config).map_err(unnamed)?)?;
        let mut reader = journal.reader();
        let place = path.join("buffer");
        let (old, found) = open::buffer(&place, &opening, &mut reader);
        let before = match found.fresh {
            true => None,
            false => Some(caught_up(config, &old, &journal)?),
        };
        drop(old);
        let (buffer, found) = Buffer::open(&place, open::buffer_options(), |_| false);
        if let Some(why) = found.memory_only {
            return Err(RebuildError::Unbuilt(why));
        }
        let (deciding, progress) = deciding(config, &buffer, &journal)?;
        Ok(Self {
            buffer,
            progress,
            before,
            tail: journal.tail(),
            thread: std::thread::spawn(move || deciding.run()),
            _journal: journal,
        })
    }

    /// Whether it has come to the end, or failed.
    pub fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// The last record that is decided.
    pub fn decided(&mut self) -> Seq {
        self.progress.borrow_and_update().decided
    }

    /// The journal's last record.
    pub fn tail(&self) -> Seq {
        self.tail
    }

    /// What the buffer that was there before said, if it could be trusted.
    pub fn before(&self) -> Option<&Digest> {
        self.before.as_ref()
    }

    /// Waits for the end, and closes the buffer so that the next start takes it as it is.
    ///
    /// # Errors
    /// [`RebuildError::Unbuilt`].
    pub fn finish(self) -> Result<Digest, RebuildError> {
        let done = self.thread.join();
        done.map_err(|_| RebuildError::Unbuilt("deciding panicked; please report this defect".to_owned()))?
            .map_err(|error| RebuildError::Unbuilt(error.to_string()))?;
        let digest = Decider::digest(&self.buffer)?;
        self.buffer.close()?;
        Ok(digest)
    }
}
