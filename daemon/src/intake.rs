//! Stage 1: what devices report becomes journal records, and only then is anybody told so.
//!
//! ```text
//! drivers ──Delivery──▶ ┌ one thread ────────────────────────────────┐
//! pumps, operators ───▶ │ take all that waits · name each punch ·    │──▶ decide (told that there is more)
//!                       │ append · one sync · answer all             │
//!                       └────────────────────────────────────────────┘
//! ```
//!
//! This is the only giver of `Stored`. A group that cannot be stored is answered `NotStored` as a whole: devices keep
//! what they have and send again. Punches that are already held are not written again, unless a report gives another
//! account of one: deciding settles which counts.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use punchgate_journal::{Answered, AppendError, Entry, Journal, Payload, Seq};
use punchgate_kit::{Clock, Delivery, NotStored, Once, Receipt, Remark, Stage, intake::Answer, intake::Deliverable};
use punchgate_model::{DeviceName, Reading, Timestamp};
use punchgate_rules::{PunchId, identity};
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use crate::{
    board::{Board, count},
    contact::Contacts,
    decide::account::{Known, Trace},
    deciding::Progress,
    epochs::Epochs,
    held::{Answers, Held},
    notebook::Note,
    our_clock::{Jump, OurClock},
    store::keeper::Keeper,
};

/// How many deliveries are taken into one group.
const GROUP: usize = 4096;
/// How long nothing may arrive before the disk is looked at all the same.
const TEND: Duration = Duration::from_secs(1);

/// What the intake thread works with.
pub struct Desk {
    /// The journal; nobody else writes to it.
    pub journal: Journal,
    /// Punches that are held already, shared with the deciding thread.
    pub held: Arc<Held>,
    /// The wall clock that stamps arrivals.
    pub clock: Clock,
    /// Where counts and faults show.
    pub board: Arc<Board>,
    /// Told the number of the last durable record.
    pub tail: watch::Sender<Seq>,
    /// What the devices' clocks showed last.
    pub contacts: Contacts,
    /// Each device's log epoch.
    pub epochs: Epochs,
    /// The gateway's own clock, which devices bear witness to.
    pub ours: OurClock,
    /// How far deciding has come.
    pub progress: watch::Receiver<Progress>,
    /// The journal's end at the start: until deciding has come so far, not every answer given before is known again.
    pub begun_at: Seq,
    /// What looks after the disk.
    pub keeper: Keeper,
    /// What the start could not write: it goes before everything else.
    pub owed: Vec<Payload>,
}

/// Runs the intake until both channels are closed, then closes the journal.
///
/// # Errors
/// When the last sync fails; nothing acknowledged is lost by it.
pub fn run(
    mut desk: Desk,
    deliveries: mpsc::Receiver<Delivery>,
    notes: mpsc::Receiver<Note>,
) -> Result<(), AppendError> {
    let waiting = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let Ok(waiting) = waiting else {
        return desk.journal.close();
    };
    let mut tray = Tray::new(deliveries, notes);
    // Where nothing comes, the disk is looked at all the same.
    let tend = TEND.min(desk.keeper.pause);
    while waiting.block_on(async { timeout(tend, tray.fill()).await.unwrap_or(true) }) {
        desk.clear(&mut tray);
        desk.tend();
        desk.board.pulses.intake.rests();
    }
    desk.journal.close()
}

/// What has arrived and waits for the disk.
#[derive(Debug)]
pub struct Tray {
    deliveries: mpsc::Receiver<Delivery>,
    notes: mpsc::Receiver<Note>,
    arrived: Vec<Delivery>,
    noted: Vec<Note>,
    devices_open: bool,
    notes_open: bool,
}

impl Tray {
    /// An empty tray that these channels fill.
    pub fn new(deliveries: mpsc::Receiver<Delivery>, notes: mpsc::Receiver<Note>) -> Self {
        Self {
            deliveries,
            notes,
            arrived: Vec::with_capacity(GROUP),
            noted: Vec::new(),
            devices_open: true,
            notes_open: true,
        }
    }

    /// Waits for something, and takes whatever else is waiting: it shares the sync. False when nothing can come any more.
    pub async fn fill(&mut self) -> bool {
        if !self.devices_open && !self.notes_open {
            return false;
        }
        tokio::select! {
            biased;
            n = self.deliveries.recv_many(&mut self.arrived, GROUP), if self.devices_open => self.devices_open = n > 0,
            n = self.notes.recv_many(&mut self.noted, 64), if self.notes_open => self.notes_open = n > 0,
        }
        while self.arrived.len() < GROUP
            && let Ok(more) = self.deliveries.try_recv()
        {
            self.arrived.push(more);
        }
        while let Ok(more) = self.notes.try_recv() {
            self.noted.push(more);
        }
        true
    }
}

/// One device's waiting report within a group.
struct Waiting {
    answer: Answer,
    receipts: Vec<Receipt>,
    device: DeviceName,
    /// A call that was answered before: it gets the same answer and is not counted again.
    again: bool,
    /// Which of the group's payloads are its own.
    payloads: Range<usize>,
}

/// A group under construction.
#[derive(Default)]
struct Group {
    payloads: Vec<Payload>,
    fresh: HashMap<PunchId, Known>,
    reports: Vec<Waiting>,
    notes: Vec<oneshot::Sender<Result<Seq, NotStored>>>,
    once: Answers,
    /// The log epochs as they were, should the group be refused.
    before: Option<Epochs>,
}

impl Desk {
    /// Writes what is in the tray: everything becomes durable by one sync, or is refused. It waits for nothing but the
    /// disk, so that the thread and the simulation take the same step.
    pub fn clear(&mut self, tray: &mut Tray) {
        self.group(tray.arrived.drain(..), tray.noted.drain(..));
    }

    fn group(&mut self, deliveries: impl Iterator<Item = Delivery>, notes: impl Iterator<Item = Note>) {
        let now = self.clock.now();
        let mut group = Group::default();
        let mut lazy = Vec::new();
        for note in notes {
            let payloads = note.entries.iter().map(Entry::to_payload);
            match note.answer {
                Some(answer) => {
                    group.payloads.extend(payloads);
                    group.notes.push(answer);
                }
                None => lazy.extend(payloads),
            }
        }
        lazy.extend(self.own_clock(now));
        for delivery in deliveries {
            self.board.pulses.intake.beats();
            // A slow disk makes a delivery wait: a clock was read, and a punch heard, before that.
            let heard = now.minus(delivery.said.elapsed());
            match delivery.what {
                Deliverable::Remark(Remark::LogRead { rows }) => {
                    self.log_read(&mut group, &delivery.device, &rows, heard)
                }
                Deliverable::Remark(remark) => group.payloads.extend(self.remark(&delivery.device, &remark, heard)),
                Deliverable::Readings { readings, once, answer } => {
                    let heard = self.dated(&delivery.device, &readings, heard);
                    self.report(&mut group, delivery.device, readings, once, answer, heard);
                }
            }
        }
        // From here on everything waits for the disk.
        self.board.pulses.intake.waits_for_disk();
        if !lazy.is_empty()
            && !self.keeper.is_last_resort()
            && let Err(error) = self.journal.append_lazy(&lazy)
        {
            tracing::warn!(%error, "could not note what may be lost");
        }
        self.commit(group);
    }

    fn report(
        &mut self,
        group: &mut Group,
        device: DeviceName,
        readings: Vec<Reading>,
        once: Option<Once>,
        answer: Answer,
        now: Timestamp,
    ) {
        if let Some(Once { key, digest }) = &once {
            let place = (device.clone(), key.clone());
            let earlier = group
                .once
                .get(&place)
                .cloned()
                .or_else(|| self.held.answer(&device, key));
            match earlier {
                Some((known, _)) if known != *digest => return answer.key_reused(),
                Some((_, receipts)) => {
                    return group.reports.push(Waiting {
                        answer,
                        receipts,
                        device,
                        again: true,
                        payloads: 0..0,
                    });
                }
                // It may be a call that was answered before the start and is not known again yet.
                None if self.is_catching_up() && self.knows_any(group, &device, &readings, now) => {
                    return answer.not_stored(NotStored::Busy);
                }
                None => {}
            }
        }
        let mut fresh = Vec::new();
        let first = group.payloads.len();
        let receipts: Vec<Receipt> = readings
            .into_iter()
            .map(|reading| self.name(group, &device, reading, now, &mut fresh))
            .collect();
        self.write_down(group, &device, fresh, now);
        if let Some(Once { key, digest }) = once {
            let entry = Entry::IdempotentAnswer {
                device: device.clone(),
                key: key.clone(),
                body_hash: digest.clone(),
                answer: kept(&receipts),
                at: now,
            };
            group.payloads.push(entry.to_payload());
            group.once.insert((device.clone(), key), (digest, receipts.clone()));
        }
        let payloads = first..group.payloads.len();
        group.reports.push(Waiting {
            answer,
            receipts,
            device,
            again: false,
            payloads,
        });
    }

    fn is_catching_up(&self) -> bool {
        self.progress.borrow().decided < self.begun_at
    }

    fn knows_any(&self, group: &Group, device: &DeviceName, readings: &[Reading], now: Timestamp) -> bool {
        let id = |reading| identity::punch_id(device, self.epochs.of(device, reading), reading, now);
        readings.iter().map(id).any(|id| self.known(group, &id).is_some())
    }

    fn known(&self, group: &Group, id: &PunchId) -> Option<Known> {
        group.fresh.get(id).cloned().or_else(|| self.held.known(id))
    }

    /// When readings were heard. A clock of ours that is in doubt is settled by what a device says of its own.
    fn dated(&self, device: &DeviceName, readings: &[Reading], heard: Timestamp) -> Timestamp {
        if self.ours.doubted_ms().is_none() {
            return heard;
        }
        let witnessed = |reading| self.contacts.witnessed(device, reading, heard);
        match readings.iter().find_map(witnessed) {
            Some(offset_ms) if self.ours.hear(offset_ms) => self.clock.now(),
            _ => heard,
        }
    }

    /// Says what became of a jump of our own clock, here and in the journal.
    fn own_clock(&self, now: Timestamp) -> Option<Payload> {
        self.board.own_clock(self.ours.doubted_ms());
        let (by_ms, believed) = match self.ours.jumped()? {
            Jump::Believed(by_ms) => (by_ms, true),
            Jump::Doubted(by_ms) => (by_ms, false),
        };
        tracing::warn!(by_ms, believed, "the gateway's own clock jumped");
        let entry = Entry::Audit {
            at: now,
            actor: "gateway".to_owned(),
            action: "own-clock-jumped".to_owned(),
            subject: "clock".to_owned(),
            details: serde_json::json!({"by_ms": by_ms, "believed": believed}),
        };
        Some(entry.to_payload())
    }

    /// A log is about to be reported: under its epoch, which is in the journal before it.
    fn log_read(&mut self, group: &mut Group, device: &DeviceName, rows: &[u64], now: Timestamp) {
        group.before.get_or_insert_with(|| self.epochs.clone());
        for entry in self.epochs.read(device, rows, now) {
            if let Entry::Epoch { epoch, why, .. } = &entry {
                tracing::warn!(%device, epoch, why, "the device has another log");
            }
            group.payloads.push(entry.to_payload());
        }
    }

    /// Gives a reading its punch id, and a place in the group unless it is held already.
    fn name(
        &mut self,
        group: &mut Group,
        device: &DeviceName,
        reading: Reading,
        now: Timestamp,
        fresh: &mut Vec<(u32, Reading)>,
    ) -> Receipt {
        let trace = Trace::of(&reading);
        let mut epoch = self.epochs.of(device, &reading);
        let mut id = identity::punch_id(device, epoch, &reading, now);
        let mut known = self.known(group, &id);
        let numbered = reading.sequence.is_some() && reading.external_id.is_none();
        if numbered && known.as_ref().is_some_and(|known| known.is_another(trace)) {
            epoch = self.restarted(group, device, fresh, now);
            id = identity::punch_id(device, epoch, &reading, now);
            known = self.known(group, &id);
        }
        self.epochs.reported(device, &reading);
        let duplicate = known.as_ref().is_some_and(|known| !known.is_decided_by(trace));
        if known.as_ref().is_none_or(|known| known.is_news(trace)) {
            fresh.push((epoch, reading));
            let mut known = known.unwrap_or_else(|| Known::by(trace));
            known.and(trace);
            group.fresh.insert(id.clone(), known);
        }
        Receipt {
            id: id.to_string(),
            duplicate,
        }
    }

    /// A device counts from the beginning again. What it reported before that is written before.
    fn restarted(
        &mut self,
        group: &mut Group,
        device: &DeviceName,
        fresh: &mut Vec<(u32, Reading)>,
        now: Timestamp,
    ) -> u32 {
        group.before.get_or_insert_with(|| self.epochs.clone());
        self.write_down(group, device, std::mem::take(fresh), now);
        let entry = self.epochs.restarted(device, now);
        group.payloads.push(entry.to_payload());
        let Entry::Epoch { epoch, why, .. } = entry else {
            return 0;
        };
        tracing::warn!(%device, epoch, why, "the device has another log");
        epoch
    }

    /// One entry for what was reported together under one epoch: it is read, and decided, in one piece.
    fn write_down(&self, group: &mut Group, device: &DeviceName, fresh: Vec<(u32, Reading)>, now: Timestamp) {
        let mut fresh = fresh.into_iter().peekable();
        while let Some((epoch, first)) = fresh.next() {
            let mut together = vec![first];
            while let Some((_, reading)) = fresh.next_if(|(next, _)| *next == epoch) {
                together.push(reading);
            }
            Self::write_entry(group, device, epoch, together, now);
        }
    }

    fn write_entry(
        group: &mut Group,
        device: &DeviceName,
        epoch: u32,
        mut fresh: Vec<Reading>,
        received_at: Timestamp,
    ) {
        let device = device.clone();
        let entry = match (fresh.len(), fresh.pop()) {
            (_, None) => return,
            (1, Some(reading)) => Entry::Reading {
                device,
                epoch,
                received_at,
                reading,
            },
            (_, Some(last)) => {
                fresh.push(last);
                Entry::Readings {
                    device,
                    epoch,
                    received_at,
                    readings: fresh,
                }
            }
        };
        group.payloads.push(entry.to_payload());
    }

    /// Looks after the disk, if it is time to.
    pub fn tend(&mut self) {
        let now = self.clock.now();
        self.keeper.tend(&mut self.journal, &self.board, now);
    }

    fn commit(&mut self, group: Group) {
        #[cfg(feature = "planted-bugs")]
        let group = self.answered_too_early(group);
        if group.payloads.is_empty() {
            return self.answer(group);
        }
        if self.keeper.is_last_resort() {
            return self.last_resort(group, &Unstored::Reserved);
        }
        let size: usize = group.payloads.iter().map(|payload| payload.bytes.len()).sum();
        let (size, now) = (u64::try_from(size).unwrap_or(u64::MAX), self.clock.now());
        if !self.keeper.has_room(&mut self.journal, &self.board, size, now) {
            let limit = self.keeper.max_size;
            return self.last_resort(group, &Unstored::TooLarge { limit });
        }
        match self.write(&group.payloads) {
            Ok(()) => {
                self.works();
                self.answer(group);
            }
            Err(error) if error.is_full() => {
                if group
                    .reports
                    .iter()
                    .any(|report| self.keeper.nobody_holds.contains(&report.device))
                {
                    self.keeper.release(&mut self.journal, &self.board);
                }
                self.last_resort(group, &Unstored::Disk(error));
            }
            Err(error) => self.refuse(group, &Unstored::Disk(error)),
        }
    }

    fn write(&mut self, payloads: &[Payload]) -> Result<(), AppendError> {
        let began = Instant::now();
        if self.owed.is_empty() {
            self.journal.append(payloads)?;
        } else {
            self.journal.append(&[&self.owed, payloads].concat())?;
            self.owed.clear();
        }
        count(&self.board.commits);
        let spent = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.board.commit_micros.fetch_add(spent, Ordering::Relaxed);
        Ok(())
    }

    /// The disk takes everything: whoever waited for that is told.
    fn works(&self) {
        let mut failed = false;
        self.board.with_journal(|row| failed = row.failing.take().is_some());
        if failed {
            self.board.works_again();
        }
    }

    /// There is no room but what was held back for readings that nobody else holds: those are stored, all else is refused.
    fn last_resort(&mut self, mut group: Group, why: &Unstored) {
        let reports = std::mem::take(&mut group.reports);
        let (ours, others): (Vec<Waiting>, Vec<Waiting>) = reports
            .into_iter()
            .partition(|report| self.keeper.nobody_holds.contains(&report.device));
        let payloads: Vec<Payload> = ours
            .iter()
            .flat_map(|report| group.payloads.get(report.payloads.clone()).unwrap_or_default().to_vec())
            .collect();
        let named: HashSet<String> = ours
            .iter()
            .flat_map(|report| report.receipts.iter().map(|receipt| receipt.id.clone()))
            .collect();
        let mut kept = Group {
            reports: ours,
            ..Group::default()
        };
        kept.fresh
            .extend(group.fresh.drain().filter(|(id, _)| named.contains(id.as_str())));
        self.refuse(
            Group {
                reports: others,
                ..group
            },
            why,
        );
        if kept.reports.is_empty() {
            return;
        }
        match self.write(&payloads) {
            Ok(()) => self.answer(kept),
            Err(error) => self.refuse(kept, &Unstored::Disk(error)),
        }
    }

    /// A planted fault: answers first, and leaves the writing for a moment later.
    #[cfg(feature = "planted-bugs")]
    fn answered_too_early(&mut self, mut group: Group) -> Group {
        use crate::planted::{HEAD_START, Sabotage};
        if Sabotage::wanted() != Some(Sabotage::AckBeforeWrite) {
            return group;
        }
        let payloads = std::mem::take(&mut group.payloads);
        self.answer(group);
        std::thread::sleep(HEAD_START);
        Group {
            payloads,
            ..Group::default()
        }
    }

    fn answer(&mut self, group: Group) {
        let (tail, bytes) = (self.journal.tail(), self.journal.bytes());
        self.held.in_hand(group.fresh);
        self.held.remember(group.once);
        self.board.with_journal(|row| {
            row.tail = tail;
            row.bytes = bytes;
        });
        for Waiting {
            answer,
            receipts,
            device,
            again,
            ..
        } in group.reports
        {
            let known = |receipt: &&Receipt| again || receipt.duplicate;
            let duplicate = receipts.iter().filter(known).count();
            let fresh = receipts.len() - duplicate;
            self.board.stored(device.as_str(), fresh, duplicate);
            answer.stored(receipts);
        }
        for note in group.notes {
            // Whoever asked may have gone; the entry is written.
            let _ = note.send(Ok(tail));
        }
        self.tail
            .send_if_modified(|known| std::mem::replace(known, tail) != tail);
    }

    fn refuse(&mut self, group: Group, error: &Unstored) {
        tracing::error!(%error, reports = group.reports.len(), "readings are not stored; devices are not answered");
        let why = match error {
            Unstored::Disk(error) if !error.is_full() => NotStored::DiskFailed(error.to_string()),
            _ => NotStored::DiskFull,
        };
        self.board.with_journal(|row| row.failing = Some(error.to_string()));
        if let Some(before) = group.before {
            self.epochs = before;
        }
        #[cfg(feature = "sabotage")]
        if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::ThankTheDeviceAnyway) {
            group
                .reports
                .into_iter()
                .for_each(|report| report.answer.stored(report.receipts));
            return;
        }
        for Waiting { answer, .. } in group.reports {
            count(&self.board.acks_held);
            answer.not_stored(why.clone());
        }
        for note in group.notes {
            let _ = note.send(Err(why.clone()));
        }
    }

    /// Shows a remark, and says what of it belongs in the journal.
    fn remark(&mut self, device: &DeviceName, remark: &Remark, mut now: Timestamp) -> Option<Payload> {
        if self.board.remark(device.as_str(), remark) {
            tracing::warn!(device = %device, ?remark, "odd, nothing lost");
        }
        if matches!(remark, Remark::Downloaded { complete: true, .. }) {
            self.board.reached(device.as_str(), Stage::Decoded);
        }
        if let Remark::Log { records, .. } = remark {
            self.epochs.counted(device, *records);
        }
        if let Remark::Clock { shows, round_trip } = remark
            && let Some(clock) = self.contacts.measured(device, shows, *round_trip, now)
        {
            let clock = if self.ours.hear(clock.offset_ms) {
                now = self.clock.now();
                self.contacts.measured(device, shows, *round_trip, now).unwrap_or(clock)
            } else {
                clock
            };
            let measured = (clock.offset_ms, clock.uncertainty_ms);
            self.board.measured(device.as_str(), measured);
        }
        let through = self.board.complete_through(device.as_str());
        self.contacts
            .entry(device, remark, now, through)
            .map(|entry| entry.to_payload())
    }
}

/// Why a group is not stored.
#[derive(Debug, Error)]
enum Unstored {
    #[error(transparent)]
    Disk(#[from] AppendError),
    #[error("store records: what is left on the disk is for readings that nobody else holds; free space")]
    Reserved,
    #[error(
        "store records: the journal has reached [store] max_size of {limit} bytes, and what it holds is not delivered everywhere"
    )]
    TooLarge { limit: u64 },
}

/// Receipts as they are kept for a call that is made again.
fn kept(receipts: &[Receipt]) -> Answered {
    let receipts: Vec<(&str, bool)> = receipts
        .iter()
        .map(|receipt| (receipt.id.as_str(), receipt.duplicate))
        .collect();
    // Pairs of text and flag always serialise.
    Answered(serde_json::to_string(&receipts).unwrap_or_default())
}
