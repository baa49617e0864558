//! A simulated device of the scene: the driver's own simulator, a clock that is off, and what it was told.

use std::sync::{Arc, Mutex, PoisonError};

use punchgate_conservation::Issued;
use punchgate_http_ingest::App;
use punchgate_kit::{Ledger, SimPunch, Simulator};
use punchgate_model::{Direction, Factor, Timestamp};
use punchgate_serial_line::simulator::TextClock;
use punchgate_zk_tcp::ZkSim;

use crate::{
    scene::{BEGIN, Device, Make, Scene},
    world::World,
};

type ZkSimKnobs = <ZkSim as Simulator>::Knobs;
type TextClockKnobs = <TextClock as Simulator>::Knobs;
type AppKnobs = <App as Simulator>::Knobs;

/// The secret of every app.
pub const TOKEN: &str = "simulated-token";

/// The device itself.
#[derive(Debug, Clone)]
pub enum Body {
    /// A terminal.
    Terminal(Arc<ZkSim>),
    /// A clock on a line.
    Line(Arc<TextClock>),
    /// An app.
    App(Arc<App>),
}

/// A device of the scene.
#[derive(Debug)]
pub struct Station {
    /// What the scene says of it.
    pub device: Device,
    /// The device itself.
    pub body: Body,
    true_clocks: bool,
    stalls: bool,
    /// Credentials and seconds that were used: two equal rows could not be told apart.
    used: Mutex<std::collections::BTreeSet<(usize, i64, &'static str)>>,
    /// How many acknowledgements were taken over.
    read: Mutex<usize>,
}

impl Station {
    /// The device as the scene wants it.
    pub fn of(device: &Device, scene: &Scene) -> Self {
        let body = match device.make {
            Make::Terminal => Body::Terminal(Arc::new(terminal(device))),
            Make::Line => Body::Line(Arc::new(line(device))),
            Make::App => Body::App(Arc::new(app(device))),
        };
        Self {
            device: device.clone(),
            body,
            true_clocks: scene.true_clocks,
            stalls: scene.network.stall > 0,
            used: Mutex::default(),
            read: Mutex::default(),
        }
    }

    /// How far its clock is off at an instant, in milliseconds.
    pub fn skew_at(&self, now: i64) -> i64 {
        let Device {
            skew, drift_ppm, step, ..
        } = &self.device;
        let since = now - BEGIN;
        let stepped = step.map_or(0, |(at, by)| if since >= at { by } else { 0 });
        skew + since * drift_ppm / 1_000_000 + stepped
    }

    fn books(&self) -> Ledger {
        match &self.body {
            Body::Terminal(terminal) => terminal.ledger(),
            Body::Line(line) => line.ledger(),
            Body::App(app) => app.ledger(),
        }
    }

    /// The number by which a person is known here; the one after the last is nobody's.
    fn credential(&self, person: usize) -> String {
        match self.device.make {
            Make::Terminal => format!("{}", 1001 + person),
            Make::Line => format!("01{person:02}"),
            Make::App => format!("E{:03}", person + 1),
        }
    }

    /// Its rows in the directory of people.
    pub fn directory(&self, people: usize) -> String {
        let kind = match self.device.make {
            Make::Terminal => "enrol",
            Make::Line => "card",
            Make::App => return String::new(),
        };
        let row = |person: usize| {
            let (name, number) = (&self.device.name, self.credential(person));
            format!("E{:03},{name},{number},{kind},,\n", person + 1)
        };
        (0..people).map(row).collect()
    }

    /// Somebody punches at the right time `at`; returns what the device calls it. `None` when the device could not tell
    /// it from an earlier one.
    pub fn punch(&self, world: &World, person: usize, factor: Factor, at: i64) -> Option<String> {
        let shown = at + self.skew_at(at);
        let place = (person, shown.div_euclid(1000), factor.word());
        if !self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(place) {
            return None;
        }
        let punch = SimPunch {
            credential: self.credential(person),
            factor,
            direction: Direction::In,
            at: Timestamp::from_millis(shown),
        };
        match &self.body {
            Body::Terminal(terminal) => terminal.punch(punch),
            Body::Line(line) => line.punch(punch),
            Body::App(app) => app.punch(punch),
        }
        let name = self.books().issued.last()?.clone();
        let known = self.device.make == Make::App || person < world.scene.people;
        let issued = Issued {
            person: known.then(|| format!("E{:03}", person + 1)),
            direction: (self.device.make == Make::App).then(|| "in".to_owned()),
            at,
            tolerance: self.tolerance(),
        };
        let mut books = world.books();
        books.ledger.issue(&self.device.name, &name, issued);
        books
            .trace
            .note(at - BEGIN, "punch", format!("{} {name}", self.device.name).as_bytes());
        Some(name)
    }

    /// How far off a delivered instant may be: what the device's print leaves open.
    fn tolerance(&self) -> Option<i64> {
        match self.device.make {
            _ if !self.true_clocks => None,
            Make::App => Some(0),
            Make::Line => Some(999),
            // A measurement across a slow link may take a right clock for one that is off by as much.
            Make::Terminal => (!self.stalls).then_some(2_999),
        }
    }

    /// Takes over what the device was told.
    pub fn settle(&self, world: &World) {
        let acknowledged = self.books().acknowledged;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut books = world.books();
        for name in acknowledged.iter().skip(*read) {
            books.ledger.acknowledge(&self.device.name, name);
        }
        *read = acknowledged.len();
    }
}

fn terminal(device: &Device) -> ZkSim {
    let every = |quirk: u64, n: usize| if device.quirk == quirk { n } else { 0 };
    ZkSim::new(ZkSimKnobs {
        serial: device.name.clone(),
        damaged_every: every(1, 11),
        lost_every: every(2, 13),
        hangs_up_after: every(3, 17),
        chatty: device.quirk == 4,
        legacy: device.quirk == 5,
        one_session: device.quirk != 6,
        ..Default::default()
    })
}

fn line(device: &Device) -> TextClock {
    let every = |quirk: u64, n: u32| if device.quirk == quirk { n } else { 0 };
    TextClock::new(TextClockKnobs {
        acknowledge: Some(punchgate_serial_line::Acknowledge::Ack),
        lose_ack_every: every(1, 3),
        truncate_every: every(2, 4),
        damage_every: every(3, 4),
        split: if device.quirk == 4 { 7 } else { 0 },
        ..Default::default()
    })
}

fn app(device: &Device) -> App {
    App::new(AppKnobs {
        token: punchgate_kit::Secret::new(format!("{TOKEN}-{}", device.name)),
        batch: if device.quirk == 1 { 1 } else { 10 },
        ids: device.name.clone(),
        keyed: device.quirk != 2,
        repeat_every: if device.quirk == 3 { 2 } else { 0 },
    })
}
