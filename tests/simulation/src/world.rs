//! What outlives the gateway's process: the disk, the devices, the upstream's books, the clocks, the trace.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use punchgate_conservation::Ledger;
use punchgate_journal::sim::SimDisk;
use punchgate_kit::Clock;
use punchgate_model::Timestamp;
use tokio::{sync::Notify, time::Instant};

use crate::{
    dice::Dice,
    scene::{BEGIN, Scene, UNRELATED},
    station::Station,
    trace::Trace,
};

/// The world of one run. Clones are the same world.
pub type World = Arc<Globe>;

/// See [`World`].
#[derive(Debug)]
pub struct Globe {
    /// What the seed means.
    pub scene: Scene,
    /// The seed.
    pub seed: u64,
    /// The disk.
    pub disk: SimDisk,
    /// The devices, in the scene's order.
    pub stations: Vec<Station>,
    /// Set when the power has gone or the process is dead: nothing leaves it any more.
    pub dead: AtomicBool,
    /// Told when a call to the disk found the power gone.
    pub power_gone: Notify,
    /// Faults are over.
    pub calm: AtomicBool,
    /// How far off the gateway's wall clock is, in milliseconds.
    pub wall: AtomicI64,
    /// The right time at `origin`, in milliseconds since 1970.
    base: AtomicI64,
    origin: Mutex<Option<Instant>>,
    inner: Mutex<Books>,
}

/// What is written down.
#[derive(Debug)]
pub struct Books {
    /// Chance during the run.
    pub dice: Dice,
    /// What happened.
    pub trace: Trace,
    /// Issued, acknowledged, delivered.
    pub ledger: Ledger,
    /// Index of the next punch of the scene.
    pub next: usize,
    /// Punches that must arrive soon: device, name, and by when.
    pub fresh: Vec<(String, String, i64)>,
}

impl Globe {
    /// The world as the seed begins it.
    pub fn begin(seed: u64, scene: Scene, shown: bool) -> World {
        let disk = SimDisk::new(seed);
        disk.set_page(scene.page);
        let stations = scene.devices.iter().map(|device| Station::of(device, &scene)).collect();
        Arc::new(Self {
            disk,
            stations,
            dead: AtomicBool::new(false),
            power_gone: Notify::new(),
            calm: AtomicBool::new(false),
            wall: AtomicI64::new(0),
            base: AtomicI64::new(BEGIN),
            origin: Mutex::new(None),
            inner: Mutex::new(Books {
                dice: Dice::new(seed).fork(2),
                trace: Trace::new(shown),
                // Groups reach as far as punches are related at all, and a second for what clocks round.
                ledger: Ledger::new(UNRELATED + 1_000),
                next: 0,
                fresh: Vec::new(),
            }),
            scene,
            seed,
        })
    }

    /// The books, to write in.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A life begins: from here on the runtime's clock moves the world's.
    pub fn wake(&self) {
        *self.origin.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// A life has ended, and the world waits for so long without a gateway.
    pub fn sleep(&self, down_ms: u64) {
        let now = self.now();
        *self.origin.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.base.store(now.saturating_add_unsigned(down_ms), Ordering::Relaxed);
    }

    /// The right time, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        let origin = *self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = origin.map_or(0, |origin| origin.elapsed().as_millis());
        self.base
            .load(Ordering::Relaxed)
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }

    /// Milliseconds since the beginning.
    pub fn elapsed(&self) -> i64 {
        self.now() - BEGIN
    }

    /// The gateway's wall clock.
    pub fn wall_clock(self: &Arc<Self>) -> Clock {
        let world = self.clone();
        Clock::from_fn(move || Timestamp::from_millis(world.now() + world.wall.load(Ordering::Relaxed)))
    }

    /// A device's clock.
    pub fn device_clock(self: &Arc<Self>, index: usize) -> Clock {
        let world = self.clone();
        Clock::from_fn(move || {
            let now = world.now();
            let skew = world.stations.get(index).map_or(0, |station| station.skew_at(now));
            Timestamp::from_millis(now + skew)
        })
    }

    /// Whether the process lives: what it says still leaves it.
    pub fn is_alive(&self) -> bool {
        !self.dead.load(Ordering::Relaxed) && !self.disk.is_off()
    }

    /// Whether faults are over.
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Notes what happened.
    pub fn note(&self, what: &str, bytes: &[u8]) {
        let at = self.elapsed();
        self.books().trace.note(at, what, bytes);
    }

    /// Whether something of this chance, in thousandths, goes wrong now. Never once faults are over.
    pub fn mishap(&self, per_mille: u64) -> bool {
        !self.is_calm() && self.books().dice.chance(per_mille)
    }

    /// A number in `from ..= to`.
    pub fn between(&self, from: u64, to: u64) -> u64 {
        self.books().dice.between(from, to)
    }
}
