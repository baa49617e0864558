//! The store, opened: the journal, the buffer beside it, and what they know of the configuration.

use punchgate_journal::{AppendError, Buffer, BufferError, Entry, Journal, Payload};
use punchgate_kit::Clock;

use super::{RunError, force::Force};
use crate::{
    board::Board,
    config::Config,
    decide::{Decider, ids::Ids},
    delivered,
    epochs::Epochs,
    forward::Backlogs,
    messages::{Lang, Message},
    opening, plan,
    store::{alarm::Alarm, folder, keeper::Keeper, open},
};

/// The journal and the buffer, open.
pub(super) struct Store {
    pub(super) journal: Journal,
    pub(super) buffer: Buffer,
    pub(super) ids: Ids,
    pub(super) decider: Decider,
    /// The log epochs at the journal's end.
    pub(super) epochs: Epochs,
    fresh: bool,
    /// What the start could not write.
    pub(super) owed: Vec<Payload>,
    /// What opening them found and repaired.
    opening: Vec<Message>,
    /// What of the store needs looking at.
    alarms: Vec<Alarm>,
    ballast: bool,
}

impl Store {
    pub(super) fn open(config: &Config) -> Result<Self, RunError> {
        let path = &config.store.path;
        folder::prepare(path)?;
        let options = open::options(config).map_err(|source| RunError::System {
            what: "make a name for a journal",
            source,
        })?;
        let (mut journal, opening) = open::journal(&path.join("journal"), options)?;
        let mut reader = journal.reader();
        let mut alarms = Alarm::of_opening(&opening, &mut reader);
        let (buffer, found) = open::buffer(&path.join("buffer"), &opening, &mut reader);
        alarms.extend(open::lost_start(&buffer, &reader).map(|gap| Alarm::of_gap(&gap, &mut reader)));
        let opening_told = opening::told(&opening, &found);
        for told in &opening_told {
            let what = told.say(Lang::En);
            if opening.is_clean() {
                tracing::info!(event = told.id(), %what, "the store was opened");
            } else {
                tracing::error!(event = told.id(), %what, "the journal was damaged; what is lost is listed, the rest is kept");
            }
        }
        let failed = |error: BufferError| RunError::Configuration(error.to_string());
        let ids = Ids::open(buffer.clone()).map_err(failed)?;
        let mut decider = Decider::new(buffer.clone(), ids.clone()).map_err(failed)?;
        if found.fresh {
            let upstreams = config.upstreams.iter().map(|upstream| upstream.name.as_str());
            decider.skip(delivered::by_all(&mut reader, upstreams));
        }
        alarms.extend(open::take_home(&mut journal, decider.epoch()));
        let epochs = decider
            .log_epochs()
            .clone()
            .to_the_end(&mut reader, buffer.position().seq);
        Ok(Self {
            epochs,
            journal,
            buffer,
            ids,
            decider,
            fresh: found.fresh,
            owed: Vec::new(),
            opening: opening_told,
            alarms,
            ballast: opening.ballast,
        })
    }

    /// Shows on the board where the journal and the buffer stand, and what was found.
    pub(super) fn show(&mut self, board: &Board) {
        let tail = self.journal.tail();
        board.with_journal(|row| {
            row.tail = tail;
            row.bytes = self.journal.bytes();
            row.first = self.journal.reader().first();
            row.decided = self.buffer.position().seq;
            row.opening.clone_from(&self.opening);
            row.epoch = self.decider.epoch();
            row.ballast = self.ballast;
            row.buffer = if self.buffer.is_on_disk() { "disk" } else { "memory" };
            row.rebuilding_to = (self.fresh && tail > 0).then_some(tail);
        });
        self.alarms.drain(..).for_each(|alarm| board.alarm(alarm));
        // A buffer that failed is built again, and then it says so once more.
        let ledgers = self.decider.ledgers().unwrap_or_default();
        board.remember(
            ledgers
                .into_iter()
                .map(|(device, ledger)| (device, ledger.through))
                .collect(),
        );
    }

    /// What looks after the disk from now on.
    pub(super) fn keeper(&self, config: &Config, upstreams: Backlogs) -> Keeper {
        let mut keeper = Keeper::of(self.buffer.clone(), self.ids.clone());
        keeper.retention = config.store.retention;
        keeper.max_size = config.store.max_size.0;
        keeper.ballast = config.store.ballast.0;
        keeper.upstreams = upstreams;
        keeper.nobody_holds = plan::nobody_holds(config);
        #[cfg(feature = "planted-bugs")]
        {
            keeper.pause = crate::planted::housekeeping(keeper.pause);
        }
        keeper
    }

    /// Writes what of the configuration decides to the journal, before any reading that it decides about. What a full disk
    /// does not take is owed: it must not keep the gateway from forwarding what it holds.
    pub(super) fn write(&mut self, wanted: &Force) {
        let at = Clock::system().now();
        let (settings, people) = self.decider.known();
        let known = Force {
            settings: settings.clone(),
            people,
        };
        let entries = wanted.opening(&known, (self.fresh, self.journal.tail() == 0), at);
        if let Err(owed) = note_opening(&mut self.journal, &entries) {
            let error = owed.why;
            tracing::error!(%error, "the configuration could not be noted; it is, before the first punch that the disk takes");
            self.owed = owed.payloads;
        }
    }
}

/// What a start could not write.
#[derive(Debug)]
pub struct Owed {
    /// What it is: to be written before anything else ([`crate::intake::Desk::owed`]), so that no punch is decided without it.
    pub payloads: Vec<Payload>,
    /// Why it could not.
    pub why: AppendError,
}

/// Writes what a start writes. A disk that failed is tried once more: the journal goes on in a new segment.
///
/// # Errors
/// [`Owed`].
pub fn note_opening(journal: &mut Journal, entries: &[Entry]) -> Result<(), Owed> {
    let payloads: Vec<_> = entries.iter().map(Entry::to_payload).collect();
    let noted = match journal.append(&payloads) {
        Err(error) if error.may_pass() && !error.is_full() => journal.append(&payloads),
        noted => noted,
    };
    noted.map(drop).map_err(|why| Owed { payloads, why })
}
