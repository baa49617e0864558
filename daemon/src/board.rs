//! What an operator may see of the running gateway: one board that every part writes to and nothing decides by.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use punchgate_kit::{Clock, Remark, Stage};
use punchgate_model::Timestamp;
use punchgate_rules::ClockOffset;
use punchgate_transports::http::Notice;
use punchgate_upstream::{EventKind, Outgoing};
use serde::Serialize;

use crate::{
    decide::Far,
    messages::{Lang, Message},
    pulse::Pulses,
    registry,
    store::alarm::Alarm,
};

/// What a unit is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitState {
    /// It runs.
    Talking,
    /// It failed and waits to try again.
    Waiting {
        /// Why it failed.
        why: Message,
        /// How long it waits.
        pause: Duration,
    },
    /// It failed in a way that waiting does not heal.
    Parked {
        /// Why, and what to mend.
        why: Message,
    },
    /// It has ended because the gateway stops.
    Stopped,
}

/// One unit's row in `status`.
#[derive(Debug, Clone, Serialize)]
pub struct UnitRow {
    /// `talking`, `waiting`, `parked` or `stopped`.
    pub state: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// Why it waits or is parked, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The same for machines, and for whoever reads another language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Message>,
    /// When it tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// One device's row in `status`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DeviceRow {
    /// The driver's name.
    pub driver: &'static str,
    /// Last time each stage was reached.
    pub stages: BTreeMap<&'static str, Timestamp>,
    /// Serial number, as the device told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Model and firmware, as the device told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Records the device says it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_records: Option<u64>,
    /// Records it can hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_capacity: Option<u64>,
    /// Device clock minus gateway clock, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// Uncertainty of that when it was measured, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_uncertainty_ms: Option<u32>,
    /// When that was, by the gateway's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_measured_at: Option<Timestamp>,
    /// Records of its log that are with us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_held: Option<u64>,
    /// Records that it says it has and we have not: a gap is read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_missing: Option<u64>,
    /// Everything up to here is with us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_through: Option<Timestamp>,
    /// Records of it that were read last, and new punches stored by then: what we hold now follows.
    #[serde(skip)]
    read: Option<(u64, u64)>,
    /// Records it held at the last complete read, and new punches stored by then: what it should hold now follows.
    #[serde(skip)]
    counted: Option<(u64, u64)>,
    /// When it was last asked how many records it holds.
    #[serde(skip)]
    asked: Option<Timestamp>,
    /// New punches stored since the start.
    pub stored: u64,
    /// Punches that were already held.
    pub duplicate: u64,
    /// Arrival of the last new punch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_reading: Option<Timestamp>,
    /// Frames that were not understood.
    pub garbled: u64,
    /// Bytes of pictures and templates thrown away.
    pub dropped_bytes: u64,
    /// The last thing that was odd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_oddity: Option<String>,
}

impl DeviceRow {
    /// The device says how many records it holds: that many, less those we have, are missing.
    fn count(&mut self, records: u64) {
        self.log_records = Some(records);
        let held = self
            .read
            .map(|(rows, stored)| rows + self.stored.saturating_sub(stored));
        self.log_held = held;
        self.log_missing = held.map(|held| records.saturating_sub(held));
    }

    /// How far off its clock may be by now, in milliseconds: what was measured, and 500 ppm of the time since.
    pub fn clock_uncertainty_now(&self, now: Timestamp) -> Option<u32> {
        let measured = ClockOffset {
            measured_at: self.clock_measured_at?,
            offset_ms: self.clock_offset_ms?,
            uncertainty_ms: self.clock_uncertainty_ms?,
        };
        Some(measured.uncertainty_at(now.plus_millis(measured.offset_ms)))
    }
}

/// The journal's row in `status`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct JournalRow {
    /// Sequence number of the last durable record.
    pub tail: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Sequence number up to which the buffer has been brought.
    pub decided: u64,
    /// Why nothing can be stored, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
    /// What opening found and repaired.
    pub opening: Vec<Message>,
    /// Number of the oldest record kept; 1 until something was retired or lost.
    pub first: u64,
    /// What is wrong with the store, or was found and mended when it was opened.
    pub alarms: Vec<Alarm>,
    /// Records known to be lost, all gaps together.
    pub lost_records: u64,
    /// Gaps of which it cannot be known how many records they held.
    pub open_gaps: u64,
    /// Grows whenever something may have been lost; 0 when nothing ever was.
    pub epoch: u32,
    /// Bytes that may still be written on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Whether the ballast lies ready.
    pub ballast: bool,
    /// Up to which record the buffer is being built again, while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilding_to: Option<u64>,
    /// `disk` or `memory`.
    pub buffer: &'static str,
    /// Bytes of records removed after their retention.
    pub retired_bytes: u64,
}

/// The configuration's row in `status`.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigurationRow {
    /// Since when the one in force is in force.
    pub since: Timestamp,
    /// How often it was read again and taken.
    pub reloads: u64,
    /// The last one read, if it was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedRow>,
}

/// A configuration that was not taken.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedRow {
    /// When it was read.
    pub at: Timestamp,
    /// Why.
    pub why: Vec<Message>,
}

/// The board.
#[derive(Debug)]
pub struct Board {
    clock: Clock,
    units: Mutex<BTreeMap<String, UnitRow>>,
    devices: Mutex<BTreeMap<String, DeviceRow>>,
    journal: Mutex<JournalRow>,
    configuration: Mutex<ConfigurationRow>,
    ready: AtomicBool,
    resolving: Mutex<Option<Far>>,
    again: tokio::sync::Notify,
    /// Whether the threads inside still turn.
    pub pulses: Pulses,
    /// By how much the machine's clock is away from the time that is told, where it is not believed.
    own_clock: Mutex<Option<i64>>,
    /// How far devices were complete when the gateway ran last.
    remembered: Mutex<BTreeMap<String, Option<Timestamp>>>,
    /// Groups written and synced.
    pub commits: AtomicU64,
    /// Microseconds spent in them.
    pub commit_micros: AtomicU64,
    /// Verdict events made, first ones and revisions.
    pub verdicts: AtomicU64,
    /// Of these, revisions.
    pub revisions: AtomicU64,
    /// Punches whose credential nobody knows.
    pub quarantined: AtomicU64,
    /// How many there were when that was told last.
    quarantine_told: AtomicU64,
    /// Whether these are held back until somebody is known.
    pub holds_unknown: AtomicBool,
    /// Reports that could not be stored.
    pub acks_held: AtomicU64,
    /// Requests to the device plane from nobody we know.
    pub strangers: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Rows are plain data: a panic while writing one leaves it readable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// An empty board.
    pub fn new(clock: Clock) -> Self {
        let configuration = ConfigurationRow {
            since: clock.now(),
            reloads: 0,
            refused: None,
        };
        Self {
            configuration: Mutex::new(configuration),
            clock,
            units: Mutex::default(),
            devices: Mutex::default(),
            journal: Mutex::default(),
            ready: AtomicBool::new(false),
            resolving: Mutex::default(),
            again: tokio::sync::Notify::new(),
            pulses: Pulses::default(),
            remembered: Mutex::default(),
            own_clock: Mutex::default(),
            commits: AtomicU64::new(0),
            commit_micros: AtomicU64::new(0),
            verdicts: AtomicU64::new(0),
            revisions: AtomicU64::new(0),
            quarantined: AtomicU64::new(0),
            quarantine_told: AtomicU64::new(0),
            holds_unknown: AtomicBool::new(false),
            acks_held: AtomicU64::new(0),
            strangers: AtomicU64::new(0),
        }
    }

    /// The clock the board is kept by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A unit's state.
    pub fn unit(&self, name: &str, state: UnitState) {
        let since = self.clock.now();
        let (state, reason, until) = match state {
            UnitState::Talking => ("talking", None, None),
            UnitState::Waiting { why, pause } => ("waiting", Some(why), Some(since.plus(pause))),
            UnitState::Parked { why } => ("parked", Some(why), None),
            UnitState::Stopped => ("stopped", None, None),
        };
        lock(&self.units).insert(
            name.to_owned(),
            UnitRow {
                state,
                since,
                why: reason.as_ref().map(|reason| reason.say(Lang::En)),
                reason,
                until,
            },
        );
    }

    /// These are the devices, each with its driver. Those that were known keep their rows.
    pub fn only_devices<'a>(&self, devices: impl IntoIterator<Item = (&'a str, &'static str)>) {
        let mut rows = lock(&self.devices);
        let mut before = std::mem::take(&mut *rows);
        for (name, driver) in devices {
            let known = before.remove(name).filter(|row| row.driver == driver);
            let row = known.unwrap_or_else(|| DeviceRow {
                complete_through: lock(&self.remembered).get(name).copied().flatten(),
                ..DeviceRow::default()
            });
            rows.insert(name.to_owned(), DeviceRow { driver, ..row });
        }
    }

    /// A unit that is not wanted any more.
    pub fn forget_unit(&self, name: &str) {
        lock(&self.units).remove(name);
    }

    /// The configuration was read again; it is in force, or was refused.
    pub fn reloaded(&self, taken: Result<(), Vec<Message>>) {
        let now = self.clock.now();
        let mut row = lock(&self.configuration);
        match taken {
            Ok(()) => {
                row.since = now;
                row.reloads += 1;
                row.refused = None;
            }
            Err(why) => row.refused = Some(RefusedRow { at: now, why }),
        }
    }

    /// The configuration.
    pub fn configuration(&self) -> ConfigurationRow {
        lock(&self.configuration).clone()
    }

    /// Changes a device's row.
    pub fn with_device(&self, name: &str, change: impl FnOnce(&mut DeviceRow)) {
        if let Some(row) = lock(&self.devices).get_mut(name) {
            change(row);
        }
    }

    /// Shows something about the store, and logs it; what is shown already is not logged again.
    pub fn alarm(&self, alarm: Alarm) {
        let mut row = lock(&self.journal);
        if row.alarms.contains(&alarm) {
            return;
        }
        let text = alarm.message().say(Lang::En);
        tracing::error!(event = alarm.message().id(), "{text}");
        if let Alarm::Gap { records, .. } = &alarm {
            match records {
                Some(records) => row.lost_records += records,
                None => row.open_gaps += 1,
            }
        }
        // What lasts is told as it is now.
        row.alarms.retain(|known| known.is_many() || !known.same_kind(&alarm));
        row.alarms.push(alarm);
    }

    /// Takes back what no longer holds: every alarm of the kind of this one.
    pub fn settle(&self, alarm: &Alarm) {
        lock(&self.journal).alarms.retain(|known| !known.same_kind(alarm));
    }

    /// Tells everybody who waits for the disk that it works again.
    pub fn works_again(&self) {
        self.again.notify_waiters();
    }

    /// Ends when storing works again after it did not.
    pub async fn until_storing(&self) {
        self.again.notified().await;
    }

    /// The machine's clock jumped by so many milliseconds and is not believed, or is.
    pub fn own_clock(&self, doubted_ms: Option<i64>) {
        *lock(&self.own_clock) = doubted_ms;
    }

    /// By how many milliseconds the machine's clock is away from the time that is told, where it is not believed.
    pub fn own_clock_doubted_ms(&self) -> Option<i64> {
        *lock(&self.own_clock)
    }

    /// Whether a device's driver can read its clock.
    pub fn has_clock(&self, name: &str) -> bool {
        let driver = lock(&self.devices).get(name).map(|row| row.driver);
        driver
            .and_then(registry::kind)
            .is_some_and(|kind| kind.about().has_clock)
    }

    /// So far devices were complete when the gateway ran last; what they log from then on is not with us yet.
    pub fn remember(&self, through: BTreeMap<String, Option<Timestamp>>) {
        *lock(&self.remembered) = through;
    }

    /// How far a device is complete.
    pub fn complete_through(&self, name: &str) -> Option<Timestamp> {
        lock(&self.devices).get(name).and_then(|row| row.complete_through)
    }

    /// A device's clock was measured.
    pub fn measured(&self, name: &str, (offset_ms, uncertainty_ms): (i64, u32)) {
        let now = self.clock.now();
        self.with_device(name, |row| {
            row.clock_offset_ms = Some(offset_ms);
            row.clock_uncertainty_ms = Some(uncertainty_ms);
            row.clock_measured_at = Some(now);
        });
    }

    /// Changes the journal's row.
    pub fn with_journal(&self, change: impl FnOnce(&mut JournalRow)) {
        change(&mut lock(&self.journal));
    }

    /// Notes what became of a device's report.
    pub fn stored(&self, device: &str, fresh: usize, duplicate: usize) {
        let now = self.clock.now();
        self.with_device(device, |row| {
            row.stages.insert(Stage::Stored.word(), now);
            row.stored += u64::try_from(fresh).unwrap_or(0);
            row.duplicate += u64::try_from(duplicate).unwrap_or(0);
            if fresh > 0 {
                row.last_reading = Some(now);
            }
        });
    }

    /// Notes what the device plane's router had to tell.
    pub fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Unknown { driver, peer } => {
                count(&self.strangers);
                tracing::warn!(driver, %peer, "a caller that is no configured device was refused");
            }
            Notice::Faulted { device, fault } => {
                tracing::warn!(%device, %fault, "a conversation ended with a fault");
                self.with_device(device.as_str(), |row| row.last_oddity = Some(fault.to_string()));
            }
        }
    }

    /// Notes a stage a device has reached.
    pub fn reached(&self, device: &str, stage: Stage) {
        let now = self.clock.now();
        self.with_device(device, |row| {
            row.stages.insert(stage.word(), now);
        });
    }

    /// Notes a driver's remark; returns whether it is odd enough for the log.
    pub fn remark(&self, device: &str, remark: &Remark) -> bool {
        let now = self.clock.now();
        let mut odd = None;
        self.with_device(device, |row| match remark {
            Remark::Reached(stage) => {
                row.stages.insert(stage.word(), now);
            }
            Remark::Identity { serial, about } => {
                row.serial = Some(serial.clone());
                row.about = Some(about.clone());
            }
            Remark::Log { records, capacity } => {
                row.stages.insert(Stage::Counted.word(), now);
                row.log_capacity = *capacity;
                row.count(*records);
                // As many as at the last complete read and live since: nothing was missed.
                let expected = row
                    .counted
                    .map(|(records, stored)| records + row.stored.saturating_sub(stored));
                if expected == Some(*records) {
                    row.complete_through = Some(now);
                }
                row.asked = Some(now);
            }
            Remark::Downloaded {
                rows,
                records,
                complete,
            } => {
                row.stages.insert(Stage::Decoded.word(), now);
                row.read = Some((*rows, row.stored));
                row.count(*records);
                if *complete {
                    let asked = row.asked.unwrap_or(now);
                    row.counted = Some((*records, row.stored));
                    row.complete_through = row.complete_through.max(Some(asked));
                }
                if !complete {
                    odd = Some(format!("read {rows} rows though the device says it holds {records}"));
                }
            }
            Remark::Garbled(why) => {
                row.garbled += 1;
                odd = Some(why.to_string());
            }
            Remark::Unexpected(what) => odd = Some(format!("unexpected: {what}")),
            Remark::Event { name, details } => odd = Some(format!("{name}: {details}")),
            Remark::Dropped { bytes, .. } => row.dropped_bytes += u64::try_from(*bytes).unwrap_or(0),
            Remark::Clock { .. } | Remark::LogRead { .. } => {}
        });
        let Some(oddity) = odd else { return false };
        self.with_device(device, |row| row.last_oddity = Some(oddity));
        true
    }

    /// Says whether the gateway takes and forwards punches.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Whether the gateway takes and forwards punches.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// All units.
    pub fn units(&self) -> BTreeMap<String, UnitRow> {
        lock(&self.units).clone()
    }

    /// All devices.
    pub fn devices(&self) -> BTreeMap<String, DeviceRow> {
        lock(&self.devices).clone()
    }

    /// The journal.
    pub fn journal(&self) -> JournalRow {
        lock(&self.journal).clone()
    }
}

impl Board {
    /// Counts the verdicts among events.
    pub fn spoke(&self, events: &[Outgoing]) {
        let verdicts = events.iter().filter(|event| event.kind == EventKind::Verdict);
        let (mut all, mut revised) = (0, 0);
        for verdict in verdicts {
            all += 1;
            revised += u64::from(verdict.revision > 1);
        }
        self.verdicts.fetch_add(all, Ordering::Relaxed);
        self.revisions.fetch_add(revised, Ordering::Relaxed);
    }

    /// So many punches are of credentials that nobody has. Told when there are any, and each time they are twice as many.
    pub fn quarantine(&self, punches: u64) {
        self.quarantined.store(punches, Ordering::Relaxed);
        let told = self.quarantine_told.load(Ordering::Relaxed);
        let tell = punches > 0 && (told == 0 || punches >= told.saturating_mul(2));
        if tell {
            tracing::warn!(
                event = "quarantine",
                punches,
                "punches of credentials that nobody has: punchgate quarantine list"
            );
        }
        if tell || punches == 0 {
            self.quarantine_told.store(punches, Ordering::Relaxed);
        }
    }

    /// A change that very much follows from is so far; `None` when it is done.
    pub fn resolving(&self, far: Option<Far>) {
        *lock(&self.resolving) = far;
    }

    /// How far such a change is, while there is one.
    pub fn is_resolving(&self) -> Option<Far> {
        *lock(&self.resolving)
    }
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
