//! Supervision, once for every unit: start, watch, back off, park, start again for ever.
//!
//! Each unit has a token of its own, so that one can be ended while the others run.
//!
//! A unit that ends with a fault is started again after a jittered backoff (1 s to 60 s, forgotten after a healthy
//! minute). A panic counts as a fault and costs one unit, never the daemon. Only a fault that waiting cannot heal parks
//! the unit, and says what to mend.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use punchgate_kit::{Fault, Recovery};
use punchgate_upstream::Backoff;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    board::{Board, UnitState},
    faults,
    messages::Lang,
};

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
    /// Begins one attempt, which ends once the token is cancelled.
    pub start: Box<dyn Fn(CancellationToken) -> Attempt + Send + Sync>,
}

/// A unit that is kept running. Dropping it changes nothing.
#[derive(Debug)]
pub struct Kept {
    name: Arc<str>,
    closing: CancellationToken,
    running: JoinHandle<()>,
}

impl Kept {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells it to end, and does not wait.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Tells it to end and waits, at most for `patience`; what it had in hand longer ends by itself.
    pub async fn end(self, patience: Duration) {
        self.close();
        let _ = tokio::time::timeout(patience, self.running).await;
    }
}

/// Keeps units running until `closing` is cancelled and each has ended.
pub struct Supervisor {
    board: Arc<Board>,
    closing: CancellationToken,
    units: TaskTracker,
    backoff: Backoff,
}

impl Supervisor {
    /// A supervisor that reports to the board.
    pub fn new(board: Arc<Board>, closing: CancellationToken) -> Self {
        Self {
            board,
            closing,
            units: TaskTracker::new(),
            backoff: Backoff::shuffled(LEAST_PAUSE, MOST_PAUSE),
        }
    }

    /// The same, with a seed for the jitter of its pauses, so that a simulation can be repeated.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.backoff = Backoff::new(LEAST_PAUSE, MOST_PAUSE, seed);
        self
    }

    /// Starts to keep a unit running.
    pub fn keep(&self, unit: Unit) -> Kept {
        self.board.unit(&unit.name, UnitState::Talking);
        let (name, closing) = (unit.name.clone(), self.closing.child_token());
        let backoff = self.backoff.reseeded(&unit.name);
        let running = self
            .units
            .spawn(keep_running(unit, self.board.clone(), closing.clone(), backoff));
        Kept { name, closing, running }
    }

    /// Waits until every unit has ended, which they do once `closing` is cancelled; at most for `patience`.
    pub async fn ended(&self, patience: Duration) {
        self.units.close();
        let _ = tokio::time::timeout(patience, self.units.wait()).await;
    }
}

async fn keep_running(unit: Unit, board: Arc<Board>, closing: CancellationToken, mut backoff: Backoff) {
    while !closing.is_cancelled() {
        let began = Instant::now();
        board.unit(&unit.name, UnitState::Talking);
        let fault = match tokio::spawn((unit.start)(closing.clone())).await {
            Ok(Ok(())) if closing.is_cancelled() => break,
            // A conversation that ends well though nobody asked for it: the other side went away.
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(fault),
            Err(panic) => Some(panicked(&unit.name, panic)),
        };
        if began.elapsed() >= HEALTHY_AFTER {
            backoff.reset();
        }
        let for_the_disk = matches!(fault, Some(Fault::NotStored(_)));
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
        let reason = fault.map_or_else(faults::ended, |fault| faults::told(&unit.name, &fault));
        let why = reason.say(Lang::En);
        tracing::warn!(unit = %unit.name, %why, again_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "unit waits");
        board.unit(&unit.name, UnitState::Waiting { why: reason, pause });
        tokio::select! {
            biased;
            () = closing.cancelled() => break,
            () = sleep(pause) => {}
            // The device was never at fault: it is spoken to as soon as there is somewhere to put what it says.
            () = board.until_storing(), if for_the_disk => backoff.reset(),
        }
    }
    board.unit(&unit.name, UnitState::Stopped);
}

async fn park(name: &str, fault: Option<Fault>, board: &Board, closing: &CancellationToken) {
    let reason = fault.map_or_else(faults::ended, |fault| faults::told(name, &fault));
    let why = reason.say(Lang::En);
    tracing::error!(unit = %name, %why, "unit parked until a person mends it");
    board.unit(name, UnitState::Parked { why: reason });
    closing.cancelled().await;
}

fn panicked(name: &str, error: tokio::task::JoinError) -> Fault {
    tracing::error!(unit = %name, %error, "a unit panicked; this is a defect of punchgate, please report it");
    Fault::Refused {
        what: "to go on",
        why: "it panicked; please report this defect".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use punchgate_kit::Clock;
    use punchgate_model::Timestamp;
    use tokio::time::advance;

    use super::*;

    fn supervisor() -> (Supervisor, Arc<Board>, CancellationToken) {
        let board = Arc::new(Board::new(Clock::starting_at(Timestamp::from_millis(0))));
        let closing = CancellationToken::new();
        (Supervisor::new(board.clone(), closing.clone()), board, closing)
    }

    /// A unit that counts its attempts and ends each of them as told.
    fn unit(name: &str, attempts: &Arc<AtomicUsize>, end: impl Fn(usize) -> Attempt + Send + Sync + 'static) -> Unit {
        let attempts = attempts.clone();
        let start = move |_| end(attempts.fetch_add(1, Ordering::SeqCst));
        Unit {
            name: name.into(),
            start: Box::new(start),
        }
    }

    fn gone() -> Fault {
        Fault::Unreachable {
            peer: "192.0.2.1:4370".into(),
            why: "no route".into(),
        }
    }

    fn state(board: &Board, name: &str) -> &'static str {
        board.units().get(name).map_or("unknown", |row| row.state)
    }

    async fn pass(span: Duration) {
        for _ in 0..span.as_secs().max(1) * 4 {
            advance(Duration::from_millis(250)).await;
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_unplugged_on_friday_comes_back_on_monday() {
        let (supervisor, board, _closing) = supervisor();
        let attempts = Arc::new(AtomicUsize::new(0));
        let weekend = 2 * 24 * 60;
        supervisor.keep(unit("gate-1", &attempts, move |n| {
            Box::pin(async move {
                if n < weekend {
                    Err(gone())
                } else {
                    std::future::pending().await
                }
            })
        }));
        tokio::time::sleep(Duration::from_secs(3 * 24 * 3600)).await;
        assert_eq!(state(&board, "gate-1"), "talking");
        assert_eq!(attempts.load(Ordering::SeqCst), weekend + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_unit_that_panics_is_started_again_while_others_keep_running() {
        let (supervisor, board, _closing) = supervisor();
        let (bad, good) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        supervisor.keep(unit("bad", &bad, |n| {
            Box::pin(async move {
                assert!(n > 2, "a defect");
                std::future::pending().await
            })
        }));
        supervisor.keep(unit("good", &good, |_| Box::pin(std::future::pending())));
        pass(Duration::from_secs(60)).await;
        assert_eq!((state(&board, "bad"), state(&board, "good")), ("talking", "talking"));
        assert_eq!((bad.load(Ordering::SeqCst), good.load(Ordering::SeqCst)), (4, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_key_parks_the_unit_and_says_what_to_mend() {
        let (supervisor, board, _closing) = supervisor();
        let attempts = Arc::new(AtomicUsize::new(0));
        supervisor.keep(unit("gate-1", &attempts, |_| {
            Box::pin(async {
                let (what, mend) = ("the comm key is wrong".to_owned(), "set comm_key".to_owned());
                Err(Fault::NeedsPerson {
                    code: "wrong-comm-key",
                    what,
                    mend,
                })
            })
        }));
        pass(Duration::from_secs(600)).await;
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
        let why = board
            .units()
            .get("gate-1")
            .and_then(|row| row.why.clone())
            .unwrap_or_default();
        assert!(why.contains("set comm_key"), "{why}");
        assert_eq!(state(&board, "gate-1"), "parked");
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_minute_and_a_healthy_minute_forgets_them() {
        let (supervisor, board, _closing) = supervisor();
        let attempts = Arc::new(AtomicUsize::new(0));
        supervisor.keep(unit("gate-1", &attempts, |n| {
            Box::pin(async move {
                if n == 10 {
                    tokio::time::sleep(Duration::from_secs(61)).await;
                }
                Err(gone())
            })
        }));
        while attempts.load(Ordering::SeqCst) < 10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let pause = |board: &Board| {
            let row = board.units().get("gate-1").cloned().expect("a row");
            row.until.map_or(0, |until| until.since(row.since))
        };
        assert!((30_000..=60_000).contains(&pause(&board)), "{}", pause(&board));
        while attempts.load(Ordering::SeqCst) < 11 || state(&board, "gate-1") == "talking" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(pause(&board) <= 2_000, "{}", pause(&board));
    }

    #[tokio::test(start_paused = true)]
    async fn closing_ends_units_that_wait_and_units_that_are_parked() {
        let (supervisor, board, closing) = supervisor();
        let attempts = Arc::new(AtomicUsize::new(0));
        supervisor.keep(unit("waits", &attempts, |_| Box::pin(async { Err(gone()) })));
        let hears = closing.clone();
        supervisor.keep(unit("talks", &attempts, move |_| {
            let hears = hears.clone();
            Box::pin(async move {
                hears.cancelled().await;
                Ok(())
            })
        }));
        pass(Duration::from_secs(2)).await;
        closing.cancel();
        supervisor.ended(Duration::from_secs(5)).await;
        assert_eq!((state(&board, "waits"), state(&board, "talks")), ("stopped", "stopped"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_unit_ends_while_the_others_keep_running() {
        let (supervisor, board, _closing) = supervisor();
        let attempts = Arc::new(AtomicUsize::new(0));
        let hears = |closing: CancellationToken| -> Attempt {
            Box::pin(async move {
                closing.cancelled().await;
                Ok(())
            })
        };
        let [gone, _stays] = ["gone", "stays"].map(|name| {
            supervisor.keep(Unit {
                name: name.into(),
                start: Box::new(hears),
            })
        });
        drop(supervisor.keep(unit("dropped", &attempts, |_| Box::pin(std::future::pending()))));
        pass(Duration::from_secs(1)).await;
        gone.end(Duration::from_secs(1)).await;
        let states = ["gone", "stays", "dropped"].map(|name| state(&board, name));
        assert_eq!(states, ["stopped", "talking", "talking"]);
    }
}
