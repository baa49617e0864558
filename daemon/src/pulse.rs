//! Whether the threads inside still turn. One that works and does not get on is stuck, and the process ends so that it is
//! started again: what is acknowledged is on the disk. One that waits for the disk is not stuck, however slow that is.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// It waits for something to do.
    Nothing,
    /// It works.
    Work,
    /// It waits for the disk.
    Disk,
}

/// A thread's own account of what it is doing.
#[derive(Debug)]
pub struct Pulse(Mutex<(Doing, Instant)>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Mutex::new((Doing::Nothing, Instant::now())))
    }
}

impl Pulse {
    fn set(&self, doing: Doing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (doing, Instant::now());
    }

    /// It waits for something to do.
    pub fn rests(&self) {
        self.set(Doing::Nothing);
    }

    /// It works, and got on just now.
    pub fn beats(&self) {
        self.set(Doing::Work);
    }

    /// It asks something of the disk.
    pub fn waits_for_disk(&self) {
        self.set(Doing::Disk);
    }

    /// For how long it has worked without getting on.
    pub fn stuck_for(&self) -> Duration {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            (Doing::Work, since) => since.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// For how long it has waited for the disk.
    pub fn in_disk_for(&self) -> Duration {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            (Doing::Disk, since) => since.elapsed(),
            _ => Duration::ZERO,
        }
    }
}

/// The threads, and how long each may work on one thing.
#[derive(Debug, Default)]
pub struct Pulses {
    /// Intake works on a report.
    pub intake: Pulse,
    /// Deciding works on an entry; a directory that gives thousands of punches to other people is one entry.
    pub deciding: Pulse,
}

const INTAKE: Duration = Duration::from_secs(20);
/// How late the watcher itself may be before it was paused as well.
const OVERSLEPT: Duration = Duration::from_secs(5);
const DECIDING: Duration = Duration::from_secs(600);

impl Pulses {
    /// The thread that is stuck, if one is, when all of them have been awake for so long.
    pub fn stuck(&self, awake: Duration) -> Option<&'static str> {
        if self.intake.stuck_for().min(awake) >= INTAKE {
            return Some("intake");
        }
        (self.deciding.stuck_for().min(awake) >= DECIDING).then_some("deciding")
    }
}

/// Looks often whether the threads turn. While they do, calls `alive`; when one is stuck, calls `ends` with its name and
/// returns.
///
/// What was paused as a whole, with the machine or by a signal, was not stuck: the time does not count.
pub async fn watch(pulses: &Pulses, pause: Duration, alive: impl Fn(), ends: impl FnOnce(&'static str)) {
    let mut looked = Instant::now();
    let mut awake_since = looked;
    loop {
        if looked.elapsed() > pause + OVERSLEPT {
            awake_since = Instant::now();
        }
        looked = Instant::now();
        if let Some(stuck) = pulses.stuck(awake_since.elapsed()) {
            return ends(stuck);
        }
        alive();
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::timeout;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_works_and_does_not_get_on_ends_the_process_within_thirty_seconds() {
        let pulses = Pulses::default();
        pulses.intake.beats();
        let began = Instant::now();
        let mut ended = None;
        watch(&pulses, PAUSE, || (), |who| ended = Some(who)).await;
        assert_eq!(ended, Some("intake"));
        assert!(began.elapsed() <= Duration::from_secs(30), "{:?}", began.elapsed());
    }

    /// F38.
    #[tokio::test(start_paused = true)]
    async fn an_hour_of_standing_still_as_a_whole_is_no_reason_to_end() {
        let pulses = Pulses::default();
        pulses.intake.beats();
        let watching = watch(&pulses, PAUSE, || (), |who| panic!("{who} is not stuck"));
        let world = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            tokio::time::advance(Duration::from_secs(3_600)).await;
            tokio::time::sleep(Duration::from_secs(12)).await;
            pulses.intake.rests();
            tokio::time::sleep(Duration::from_secs(30)).await;
        };
        tokio::select! {
            () = watching => panic!("it never ends"),
            () = world => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sync_that_takes_a_minute_is_waited_for_and_the_watchdog_is_told_that_all_is_well() {
        let (pulses, told) = (Pulses::default(), AtomicU32::new(0));
        pulses.intake.waits_for_disk();
        let alive = || {
            told.fetch_add(1, Ordering::Relaxed);
        };
        let watching = watch(&pulses, PAUSE, alive, |who| panic!("{who} is not stuck"));
        assert!(timeout(Duration::from_secs(61), watching).await.is_err());
        assert!(told.load(Ordering::Relaxed) >= 12);
        assert!(pulses.intake.in_disk_for() >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_gets_on_or_rests_is_left_alone() {
        let pulses = Pulses::default();
        let working = async {
            for _ in 0..20 {
                pulses.intake.beats();
                tokio::time::sleep(Duration::from_secs(15)).await;
            }
            pulses.intake.rests();
            tokio::time::sleep(Duration::from_secs(3600)).await;
        };
        tokio::select! {
            () = working => {}
            () = watch(&pulses, PAUSE, || (), |who| panic!("{who} is not stuck")) => {}
        }
    }
}
