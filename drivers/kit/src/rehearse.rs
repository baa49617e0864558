//! A driver and a simulator in one room, under one clock: no socket, no sleep, the codec between them.
//!
//! Use inside `#[tokio::test(start_paused = true)]`, where waiting costs nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use punchgate_model::{DeviceName, Reading, Timestamp};
use tokio::sync::mpsc;

use crate::{
    Clock, Command, Delivery, Driver, Fault, Heard, Intake, NotStored, Once, Receipt, Remark, Session, Simulator, Turn,
    Wire,
    intake::{Answer, Deliverable},
};

/// What the gateway's side of a rehearsal has taken in.
#[derive(Debug, Default)]
pub struct Taken {
    /// Every reading that was stored, in order, duplicates included.
    pub readings: Vec<Reading>,
    /// Every remark.
    pub remarks: Vec<Remark>,
    /// How many times storing was refused.
    pub refused: usize,
    /// What was answered to calls that came with a key.
    pub once: BTreeMap<String, (String, Vec<Receipt>)>,
}

/// A stand-in for the gateway's journal. Clone it to keep an eye on what comes in.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    taken: Arc<Mutex<Taken>>,
    failing: Arc<Mutex<Option<NotStored>>>,
}

impl Desk {
    /// Looks at what was taken so far.
    pub fn look<T>(&self, look: impl FnOnce(&Taken) -> T) -> T {
        look(&self.taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// From now on nothing is stored, or everything again.
    pub fn fail_with(&self, why: Option<NotStored>) {
        *self.failing.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = why;
    }

    /// An intake that delivers to this desk. Runs a task; must be made inside a runtime.
    pub fn intake(&self, device: &str) -> Intake {
        let (deliveries, mut arriving) = mpsc::channel::<Delivery>(64);
        let desk = self.clone();
        tokio::spawn(async move {
            while let Some(delivery) = arriving.recv().await {
                desk.take(delivery);
            }
        });
        Intake::new(DeviceName::from(device), deliveries)
    }

    fn take(&self, delivery: Delivery) {
        let failing = self
            .failing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let mut taken = self.taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match delivery.what {
            Deliverable::Remark(remark) => taken.remarks.push(remark),
            Deliverable::Readings { answer, .. } if failing.is_some() => {
                taken.refused += 1;
                answer.not_stored(failing.unwrap_or(NotStored::Busy));
            }
            Deliverable::Readings { readings, once, answer } => taken.store(readings, once, answer),
        }
    }
}

impl Taken {
    fn store(&mut self, readings: Vec<Reading>, once: Option<Once>, answer: Answer) {
        match once
            .as_ref()
            .and_then(|once| self.once.get(&once.key).map(|known| (once, known)))
        {
            Some((once, (digest, _))) if *digest != once.digest => return answer.key_reused(),
            Some((_, (_, receipts))) => return answer.stored(receipts.clone()),
            None => {}
        }
        let mut receipts = Vec::new();
        for reading in readings {
            receipts.push(self.receipt(&reading));
            self.readings.push(reading);
        }
        if let Some(once) = once {
            self.once.insert(once.key, (once.digest, receipts.clone()));
        }
        answer.stored(receipts);
    }

    /// A stand-in for the punch id: what makes a reading the same reading.
    fn receipt(&self, reading: &Reading) -> Receipt {
        let same = |other: &Reading| {
            other.external_id == reading.external_id
                && other.sequence == reading.sequence
                && other.device_time == reading.device_time
                && other.credential == reading.credential
                && other.factor == reading.factor
                && other.occurrence == reading.occurrence
        };
        let place = self.readings.iter().position(same);
        Receipt {
            id: format!("r{}", place.unwrap_or(self.readings.len())),
            duplicate: place.is_some(),
        }
    }
}

/// When every rehearsal begins: 2026-03-02T00:00:00Z, a Monday.
pub fn opening_time() -> Timestamp {
    Timestamp::from_millis(1_772_409_600_000)
}

/// Lets a driver and a simulator talk until one of them ends; commands may be sent to the driver meanwhile.
///
/// The device stands in UTC. Everything said goes through `render` and `parse` of the codec.
///
/// # Errors
/// The driver's [`Fault`].
pub async fn rehearse<S: Simulator>(
    simulator: &S,
    intake: Intake,
    options: <S::Of as Driver>::Options,
    mut commands: mpsc::Receiver<Command>,
) -> Result<(), Fault> {
    let clock = Clock::starting_at(opening_time());
    let (driver_side, to_driver) = Session::with("the simulator", clock.clone());
    let driver_side = driver_side.in_zone(jiff::tz::TimeZone::UTC);
    let (device_side, to_device) = Session::with("the gateway", clock);
    let Heard {
        heard: driver_hears,
        said: mut driver_says,
    } = to_driver;
    let Heard {
        heard: device_hears,
        said: mut device_says,
    } = to_device;

    // Weak, so that a waiting operator does not keep a closed link alive.
    let orders = driver_hears.downgrade();
    let up = async move {
        while let Some(words) = device_says.recv().await {
            if driver_hears.send(passed_on(&words)).await.is_err() {
                break;
            }
        }
    };
    let down = async move {
        while let Some(words) = driver_says.recv().await {
            if device_hears.send(passed_on(&words)).await.is_err() {
                break;
            }
        }
    };
    let commanding = async move {
        while let Some(command) = commands.recv().await {
            let Some(orders) = orders.upgrade() else { break };
            if orders.send(Turn::Command(command)).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let device = async {
        simulator.behave(device_side).await;
    };
    let talking = <S::Of as Driver>::converse(driver_side, intake, options);
    tokio::pin!(talking, up, down, device, commanding);
    let (mut device_done, mut up_done, mut down_done) = (false, false, false);
    loop {
        tokio::select! {
            ended = &mut talking => return ended,
            () = &mut device, if !device_done => device_done = true,
            () = &mut up, if !up_done => up_done = true,
            () = &mut down, if !down_done => down_done = true,
            () = &mut commanding => {}
        }
        if device_done && up_done {
            // The device hung up and everything it said was heard: what remains is the driver's own ending.
            return talking.await;
        }
    }
}

fn passed_on<W: Wire>(words: &W) -> Turn<W> {
    match W::parse(&words.render()) {
        Ok(message) => Turn::Message(message),
        Err(why) => Turn::Garbled(why),
    }
}
