//! What a seed means: who stands where, who punches when, and everything that will go wrong.
//!
//! Swarm: most seeds lack most faults, so that each fault also meets the gateway without the others to mask it. Spans
//! are short (a window of 30 s, not of 15 min), so that a few simulated minutes hold many groups of punches.

use punchgate_conservation::Policy;
use punchgate_journal::sim::Loss;
use punchgate_model::Factor;

use crate::dice::Dice;

/// How far apart a first and a second may be, in milliseconds.
pub const WINDOW: i64 = 30_000;
/// From what distance on two punches are unrelated.
pub const UNRELATED: i64 = 120_000;
/// How close repeats lie.
pub const REPEATS: i64 = 10_000;
/// Where the simulation begins: 2026-03-02T00:00:00Z.
pub const BEGIN: i64 = 1_772_409_600_000;

/// What kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// A terminal with a log, dialled (`zk_tcp`).
    Terminal,
    /// A clock on a serial line that waits for its acknowledgement (`serial_line`).
    Line,
    /// An app that posts (`http_ingest`).
    App,
}

/// A device.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name in the configuration.
    pub name: String,
    /// Its make.
    pub make: Make,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    /// How much faster it runs, in millionths.
    pub drift_ppm: i64,
    /// When somebody sets it, in milliseconds after the beginning, and by how much.
    pub step: Option<(i64, i64)>,
    /// Whether a terminal tells its punches as they come.
    pub live: bool,
    /// How often a terminal is polled, in seconds.
    pub poll: u64,
    /// Which fault of the simulated device itself is on, 0 for none.
    pub quirk: u64,
}

/// Somebody will punch.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// When, in milliseconds after the beginning.
    pub at: i64,
    /// Where: the index of a device.
    pub device: usize,
    /// Who: an index.
    pub person: usize,
    /// How.
    pub factor: Factor,
}

/// How a life of the gateway's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is told to stop, and does.
    Stop,
    /// It is killed: what it wrote stays as it was seen.
    Kill,
    /// The power goes.
    Cut(Loss),
}

/// One life of the gateway's process.
#[derive(Debug, Clone)]
pub struct Life {
    /// How long it lasts at most, in milliseconds.
    pub lasts: u64,
    /// It ends at the n-th call that changes the disk, if it comes to that.
    pub ends_at_call: Option<u64>,
    /// How it ends.
    pub end: End,
    /// How long it is down afterwards, in milliseconds.
    pub down: u64,
    /// The n-th sync of this life fails.
    pub bad_sync: Option<u64>,
    /// The disk is full from the n-th write of this life, for so many writes.
    pub full: Option<(u64, u64)>,
    /// How much the wall clock is off during this life, in milliseconds.
    pub wall: i64,
    /// When it jumps to another, in milliseconds after the life began.
    pub wall_jumps: Option<(u64, i64)>,
}

/// What an upstream does with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes it and says so.
    Good,
    /// Takes it; the answer is lost.
    LoseAnswer,
    /// Takes it; the answer breaks off.
    CutAnswer,
    /// The request breaks off.
    CutRequest,
    /// Takes the first few events and answers 500.
    Partial,
    /// Answers 503.
    Busy,
    /// Answers 429 with `Retry-After`.
    TooMany,
    /// Answers 200 with a page of HTML and has taken nothing.
    Page,
    /// Never answers.
    Never,
    /// Refuses some events for good.
    Reject,
    /// Answers 401.
    Unauthorized,
    /// Answers 413.
    TooLarge,
    /// Answers 409 to a batch it has.
    Conflict,
    /// Takes it, and forgets it a moment later (restored from a backup); asked again, it takes it again.
    Forget,
}

const MOODS: [Mood; 13] = [
    Mood::LoseAnswer,
    Mood::CutAnswer,
    Mood::CutRequest,
    Mood::Partial,
    Mood::Busy,
    Mood::TooMany,
    Mood::Page,
    Mood::Never,
    Mood::Reject,
    Mood::Unauthorized,
    Mood::TooLarge,
    Mood::Conflict,
    Mood::Forget,
];

/// The network between devices, gateway and upstream. Chances in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network {
    /// The longest time a piece is under way, in milliseconds.
    pub latency: u64,
    /// Of a connection to break at a random byte.
    pub cut: u64,
    /// Of a dialled connection to fail.
    pub refuse: u64,
    /// Of a request or its answer to be lost.
    pub lose: u64,
    /// Of a request to arrive twice, the second time later.
    pub twice: u64,
    /// Of a piece to be held up for long.
    pub stall: u64,
}

/// What a seed means.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The devices.
    pub devices: Vec<Device>,
    /// How many people.
    pub people: usize,
    /// The punches, in order of time.
    pub punches: Vec<Planned>,
    /// The lives but the last, which begins when these are over and has no faults.
    pub lives: Vec<Life>,
    /// The network while there are faults.
    pub network: Network,
    /// What the upstream does while it is in a bad mood, and how often that is, in thousandths.
    pub moods: (Vec<Mood>, u64),
    /// Bytes in a segment of the journal.
    pub segment: u64,
    /// Blocks of 512 bytes that a power cut takes or leaves together.
    pub page: usize,
    /// The longest time a sync takes, in milliseconds.
    pub slow_sync: u64,
    /// Bytes of all files together, during odd lives; 0 for no limit.
    pub room: u64,
    /// Events in a batch, and how long they gather, in milliseconds.
    pub batch: (usize, u64),
    /// Whether the buffer is a real sled in a real directory, and not one in memory.
    pub sled: bool,
    /// Whether a bit of the journal flips at the end.
    pub rot: bool,
    /// Whether clocks are true, so that instants can be compared.
    pub true_clocks: bool,
}

impl Scene {
    /// What this seed means.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed).fork(1);
        let true_clocks = dice.chance(500);
        let devices = devices(&mut dice, true_clocks);
        let people = usize::try_from(dice.between(2, 5)).unwrap_or(2);
        let lives = lives(&mut dice, true_clocks);
        let whole: u64 = lives.iter().map(|life| life.lasts + life.down).sum();
        let punches = punches(&mut dice, &devices, people, i64::try_from(whole).unwrap_or(i64::MAX));
        let faulty = dice.chance(700);
        let mut some = |most: u64| {
            if faulty && dice.chance(500) {
                dice.between(1, most)
            } else {
                0
            }
        };
        let network = Network {
            latency: 5 + some(400),
            cut: some(400),
            refuse: some(400),
            lose: some(200),
            twice: some(200),
            stall: some(30),
        };
        let kinds = dice.between(0, 4);
        let moods = (0..kinds).map(|_| dice.pick(&MOODS)).collect();
        Self {
            devices,
            people,
            punches,
            lives,
            network,
            moods: (moods, dice.pick(&[100, 300, 600, 900])),
            segment: dice.pick(&[2 << 10, 4 << 10, 16 << 10, 1 << 20]),
            page: dice.pick(&[1, 8]),
            slow_sync: if dice.chance(300) {
                dice.pick(&[50, 2_000, 20_000])
            } else {
                0
            },
            room: if dice.chance(150) {
                dice.between(6 << 10, 48 << 10)
            } else {
                0
            },
            batch: (dice.pick(&[1, 3, 20, 100]), dice.pick(&[0, 300, 5_000])),
            sled: seed % 16 == 7,
            rot: dice.chance(100),
            true_clocks,
        }
    }

    /// The policy, for the reference.
    pub fn policy() -> Policy {
        Policy {
            first: vec!["gps".to_owned()],
            second: vec!["fingerprint".to_owned(), "card".to_owned()],
            window: WINDOW,
            unrelated_after: UNRELATED,
            repeats_within: REPEATS,
            any_order: false,
            reuse_first: true,
        }
    }
}

fn devices(dice: &mut Dice, true_clocks: bool) -> Vec<Device> {
    let mut makes = vec![Make::App];
    makes.extend(dice.pick(&[
        &[Make::Terminal][..],
        &[Make::Line],
        &[Make::Terminal, Make::Line],
        &[Make::Terminal, Make::Terminal, Make::App],
        &[],
    ]));
    let mut devices = Vec::new();
    for (index, make) in makes.into_iter().enumerate() {
        let off = !true_clocks && make != Make::App && dice.chance(600);
        let steps = off && dice.chance(300);
        devices.push(Device {
            name: format!(
                "{}-{index}",
                match make {
                    Make::Terminal => "gate",
                    Make::Line => "clock",
                    Make::App => "app",
                }
            ),
            make,
            skew: if off { dice.around(-90, 90) * 1000 } else { 0 },
            drift_ppm: if off { dice.around(-500, 500) } else { 0 },
            step: steps.then(|| (dice.around(10_000, 300_000), dice.around(-60, 60) * 1000)),
            live: dice.chance(700),
            poll: dice.between(2, 20),
            quirk: if dice.chance(300) { dice.between(1, 6) } else { 0 },
        });
    }
    devices
}

fn lives(dice: &mut Dice, true_clocks: bool) -> Vec<Life> {
    let count = dice.between(2, 10);
    let disk_faults = dice.chance(400);
    let early = dice.chance(500);
    (0..count)
        .map(|_| Life {
            lasts: dice.pick(&[200, 2_000, 10_000, 40_000, 90_000]) + dice.between(0, 5_000),
            ends_at_call: (early && dice.chance(600)).then(|| dice.between(0, 80)),
            end: match dice.between(0, 9) {
                0 | 1 => End::Stop,
                2 | 3 => End::Kill,
                _ => End::Cut(dice.pick(&Loss::ALL)),
            },
            down: dice.pick(&[0, 1_000, 30_000]),
            bad_sync: (disk_faults && dice.chance(400)).then(|| dice.between(1, 30)),
            full: (disk_faults && dice.chance(400)).then(|| (dice.between(1, 30), dice.between(1, 10))),
            wall: if !true_clocks && dice.chance(200) {
                dice.around(-4_000, 4_000) * 1_000
            } else {
                0
            },
            wall_jumps: (!true_clocks && dice.chance(200))
                .then(|| (dice.between(500, 30_000), dice.around(-4_000, 4_000) * 1_000)),
        })
        .collect()
}

fn punches(dice: &mut Dice, devices: &[Device], people: usize, whole: i64) -> Vec<Planned> {
    let count = dice.pick(&[10, 30, 60]);
    let mut planned: Vec<Planned> = (0..count)
        .map(|_| {
            let device = usize::try_from(dice.roll()).unwrap_or(0) % devices.len();
            Planned {
                at: dice.around(0, whole),
                device,
                // One more than there are people: a credential that nobody knows.
                person: usize::try_from(dice.roll()).unwrap_or(0) % (people + 1),
                factor: match devices[device].make {
                    Make::Terminal => Factor::Fingerprint,
                    Make::Line => Factor::Card,
                    Make::App => dice.pick(&[Factor::Gps, Factor::Gps, Factor::Fingerprint]),
                },
            }
        })
        .collect();
    planned.sort_by_key(|punch| punch.at);
    planned
}
