//! What runs inside: the intake and deciding, a thread each, and the ways to them.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use punchgate_journal::Buffer;
use punchgate_kit::{Clock, Delivery};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{RunError, store::Store};
use crate::{
    board::Board,
    contact::Contacts,
    decide::{ids::Ids, settings::Settings},
    deciding::{Deciding, Progress, Undecided},
    forward::Backlogs,
    held::Held,
    intake::{self, Desk},
    notebook::{Note, Notebook},
    our_clock::OurClock,
    questions,
    store::keeper::Keeper,
};

/// How long the threads have to finish what was handed to them. With what comes before it is less than 10 s.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// What runs inside: the two threads, and the ways to them.
pub(super) struct Works {
    pub(super) ways: Ways,
    /// Cancelled when one of the threads ends.
    pub(super) broken: CancellationToken,
    intake: JoinHandle<()>,
    deciding: JoinHandle<Result<(), Undecided>>,
}

/// The ways in, for whoever speaks with the world. The threads end when the last of them is dropped.
#[derive(Clone)]
pub(super) struct Ways {
    pub(super) deliveries: mpsc::Sender<Delivery>,
    pub(super) notebook: Notebook,
    pub(super) buffer: Buffer,
    /// The settings in force.
    pub(super) settings: Arc<watch::Sender<Settings>>,
    pub(super) backlogs: Backlogs,
    /// Where to ask about what is decided.
    pub(super) questions: questions::Desk,
    pub(super) ids: Ids,
    pub(super) progress: watch::Receiver<Progress>,
    /// The journal's end at the start.
    pub(super) begun_at: u64,
}

impl Ways {
    /// Waits, not for long, until what was in the journal at the start is decided: until then not every answer that was
    /// given before is known again.
    pub(super) async fn caught_up(&self, patience: Duration) {
        let mut progress = self.progress.clone();
        let caught_up = progress.wait_for(|progress| progress.decided >= self.begun_at);
        let _ = tokio::time::timeout(patience, caught_up).await;
    }
}

impl Works {
    pub(super) fn start(
        store: Store,
        settings: Settings,
        (keeper, backlogs): (Keeper, Backlogs),
        (clock, ours): (&Clock, OurClock),
        board: &Arc<Board>,
    ) -> Result<Self, RunError> {
        let Store {
            journal,
            buffer,
            ids,
            decider,
            owed,
            epochs,
            ..
        } = store;
        let begun_at = journal.tail();
        let (deliveries, arriving) = mpsc::channel(4096);
        let (notebook, notes) = Notebook::new();
        let (tail, tail_seen) = watch::channel(begun_at);
        let decided = buffer.position().seq;
        let (progress, progress_seen) = watch::channel(Progress { decided, newest: 0 });
        let (settings, settings_seen) = watch::channel(settings);
        let held = Arc::new(Held::new(buffer.clone(), ids.clone()));
        let (ask, questions) = questions::Desk::new();
        let deciding = Deciding {
            decider,
            buffer: buffer.clone(),
            reader: journal.reader(),
            held: held.clone(),
            board: board.clone(),
            tail: tail_seen,
            progress,
            backlogs: backlogs.clone(),
            questions,
        };
        let desk = Desk {
            journal,
            held,
            clock: clock.clone(),
            board: board.clone(),
            tail,
            contacts: Contacts::new(settings_seen),
            epochs,
            ours,
            progress: progress_seen.clone(),
            begun_at,
            keeper,
            owed,
        };
        let broken = CancellationToken::new();
        let (intake_ends, deciding_ends) = (broken.clone().drop_guard(), broken.clone().drop_guard());
        let ways = Ways {
            deliveries,
            notebook,
            buffer,
            settings: Arc::new(settings),
            backlogs,
            questions: ask,
            ids,
            progress: progress_seen,
            begun_at,
        };
        Ok(Self {
            ways,
            broken,
            intake: spawn("intake", move || {
                let _told = intake_ends;
                keep_intake(desk, arriving, notes);
            })?,
            deciding: spawn("deciding", move || {
                let _told = deciding_ends;
                deciding.run()
            })?,
        })
    }

    /// Waits for the threads, which end when nobody can write to them any more, and closes the buffer. Not for long:
    /// what they leave undone the next start does.
    pub(super) fn stop(self) {
        let Self {
            ways, intake, deciding, ..
        } = self;
        let buffer = ways.buffer.clone();
        drop(ways);
        let end = Instant::now() + LAST_PAGE;
        match join_until(intake, end) {
            Some(Ok(())) => {}
            Some(Err(_)) => {
                tracing::error!("the intake ended in a panic; this is a defect of punchgate, please report it");
            }
            None => tracing::warn!("a conversation did not end in time; what it had stored is stored"),
        }
        match join_until(deciding, end) {
            Some(Ok(Ok(()))) => {
                if let Err(error) = buffer.close() {
                    tracing::warn!(%error, "the buffer will be built again at the next start");
                }
            }
            Some(Ok(Err(error))) => tracing::error!(%error, "the buffer will be built again at the next start"),
            Some(Err(_)) => {
                tracing::error!("deciding ended in a panic; this is a defect of punchgate, please report it");
            }
            None => tracing::warn!("deciding is not done; the next start goes on with it, or builds the buffer again"),
        }
    }
}

/// What a thread ended with; `None` when it has not ended by then, and then it ends with the process.
fn join_until<T>(thread: JoinHandle<T>, end: Instant) -> Option<thread::Result<T>> {
    while !thread.is_finished() {
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Some(thread.join())
}

fn keep_intake(desk: Desk, arriving: mpsc::Receiver<Delivery>, notes: mpsc::Receiver<Note>) {
    if let Err(error) = intake::run(desk, arriving, notes) {
        tracing::warn!(%error, "where upstreams stand could not be synced; they may see events again");
    }
}

fn spawn<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, RunError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|source| RunError::System {
        what: "start a thread",
        source,
    })
}
