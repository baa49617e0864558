//! Supervision, once for every unit: start, watch, back off, park, start again for ever.
//!
//! A unit that ends with a fault is started again after a jittered backoff (1 s to 60 s, forgotten after a healthy
//! minute). A panic counts as a fault and costs one unit, never the daemon. Only a fault that waiting cannot heal parks
//! the unit, and says what to mend.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use punchgate_kit::{Fault, Recovery};
use punchgate_upstream::Backoff;
use tokio::time::{Instant, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::board::{Board, UnitState};

/// How long a unit must have run for its earlier faults to be forgotten.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// The shortest and the longest pause before a unit is started again.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// What a unit runs: one attempt, until it ends.
pub type Attempt = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// Something that is kept running.
pub struct Unit {
    /// Its name in `status` and logs.
    pub name: Arc<str>,
    /// Begins one attempt.
    pub start: Box<dyn Fn() -> Attempt + Send + Sync>,
}

/// Keeps units running until `closing` is cancelled and each has ended.
pub struct Supervisor {
    board: Arc<Board>,
    closing: CancellationToken,
    units: TaskTracker,
}

impl Supervisor {
    /// A supervisor that reports to the board.
    pub fn new(board: Arc<Board>, closing: CancellationToken) -> Self {
        Self {
            board,
            closing,
            units: TaskTracker::new(),
        }
    }

    /// Starts to keep a unit running.
    pub fn keep(&self, unit: Unit) {
        self.board.unit(&unit.name, UnitState::Talking);
        self.units
            .spawn(keep_running(unit, self.board.clone(), self.closing.clone()));
    }

    /// Waits until every unit has ended, which they do once `closing` is cancelled; at most for `patience`.
    pub async fn ended(&self, patience: Duration) {
        self.units.close();
        let _ = tokio::time::timeout(patience, self.units.wait()).await;
    }
}

async fn keep_running(unit: Unit, board: Arc<Board>, closing: CancellationToken) {
    let mut backoff = Backoff::shuffled(LEAST_PAUSE, MOST_PAUSE);
    while !closing.is_cancelled() {
        let began = Instant::now();
        board.unit(&unit.name, UnitState::Talking);
        let fault = match tokio::spawn((unit.start)()).await {
            Ok(Ok(())) if closing.is_cancelled() => break,
            // A conversation that ends well though nobody asked for it: the other side went away.
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(fault),
            Err(panic) => Some(panicked(&unit.name, panic)),
        };
        if began.elapsed() >= HEALTHY_AFTER {
            backoff.reset();
        }
        let recovery = fault.as_ref().map_or(Recovery::Again, Fault::recovery);
        let least = match recovery {
            Recovery::Park => {
                park(&unit.name, fault, &board, &closing).await;
                return;
            }
            Recovery::Again => Duration::ZERO,
            Recovery::AgainIn(span) => span,
        };
        let pause = backoff.after_failure().max(least);
        let why = fault.map_or_else(
            || "the other side ended the conversation".to_owned(),
            |fault| fault.to_string(),
        );
        tracing::warn!(unit = %unit.name, %why, again_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "unit waits");
        board.unit(&unit.name, UnitState::Waiting { why, pause });
        tokio::select! {
            () = closing.cancelled() => break,
            () = sleep(pause) => {}
        }
    }
    board.unit(&unit.name, UnitState::Stopped);
}

async fn park(name: &str, fault: Option<Fault>, board: &Board, closing: &CancellationToken) {
    let why = fault.map(|fault| fault.to_string()).unwrap_or_default();
    tracing::error!(unit = %name, %why, "unit parked until a person mends it");
    board.unit(name, UnitState::Parked { why });
    closing.cancelled().await;
}

fn panicked(name: &str, error: tokio::task::JoinError) -> Fault {
    tracing::error!(unit = %name, %error, "a unit panicked; this is a defect of punchgate, please report it");
    Fault::Refused {
        what: "to go on",
        why: "it panicked; please report this defect".to_owned(),
    }
}
