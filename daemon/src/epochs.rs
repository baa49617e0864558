//! Log epochs: what tells a device's records apart from those it had before it was reset.
//!
//! A device that was reset, cleared or exchanged writes a new log, and what stands in it may look exactly like what stood
//! in the old one: its numbers begin at 1 again, its clock at the year 2000. So punch ids contain the epoch of the log. A
//! log is the one we know when the last row we know of is in it, or at least some of the last ones are, where a database was
//! damaged; a ring buffer that dropped its oldest rows is, and so is a log that grew while nobody looked. Otherwise a new epoch begins, or an earlier one is back: the terminal
//! that was lent out meanwhile. An empty log tells nothing, because a terminal in trouble shows one too.
//!
//! Between a reset and the read that shows it, live punches are reported under the old epoch. Their rows in the new log
//! keep it ([`Logs::carried`]), so that they are not counted twice.
//!
//! All of it is in the journal, and [`Epochs::fold`] is all there is to a restart.

use std::collections::BTreeMap;

use punchgate_journal::{Entry, Payload, Reader, Seq};
use punchgate_model::{DeviceName, Origin, Reading, Timestamp};
use serde::{Deserialize, Serialize};

/// How many rows at the end of a log are remembered. A ring buffer drops rows by the hundred, but never its newest.
const LANDMARKS: usize = 16;
/// How many live reports that nobody has seen in the log yet are remembered.
const UNSEEN: usize = 256;
/// Why an epoch is written that began long ago.
pub(crate) const AGAIN: &str = "known before";
/// How many logs of one device are remembered.
const LOGS: usize = 4;

/// What is known of the logs of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Logs {
    /// The epoch of its log now.
    epoch: u32,
    /// The highest epoch it ever had.
    highest: u32,
    /// Marks of the last rows of each log, by epoch.
    landmarks: BTreeMap<u32, Vec<u64>>,
    /// Rows of this log that keep an earlier epoch, by mark.
    carried: BTreeMap<u64, u32>,
    /// Live reports that were not seen in the log yet. Only what happens between two looks is lost with it.
    #[serde(skip)]
    unseen: Vec<Unseen>,
    /// Records it had when that was last known to be all there is.
    #[serde(skip)]
    counted: Option<u64>,
}

/// A live report that was not seen in the log yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unseen {
    mark: u64,
    /// The epoch it was reported under.
    epoch: u32,
    /// The log was read since, without it: it was on its way meanwhile, or is gone.
    missed: bool,
}

/// The logs of all devices.
#[derive(Debug, Clone, Default)]
pub struct Epochs(BTreeMap<DeviceName, Logs>);

impl Epochs {
    /// Whether a payload of the journal may be worth reading for [`Epochs::fold`]; most are not.
    pub fn may_concern(payload: &Payload) -> bool {
        payload.bytes.starts_with(b"{\"epoch\"")
            || payload.bytes.starts_with(b"{\"contact\"")
            || payload.bytes.starts_with(b"{\"retired\"")
    }

    /// Takes in what the journal says; whether that changed anything.
    pub fn fold(&mut self, entry: &Entry) -> bool {
        match entry {
            Entry::Epoch {
                device, epoch, carried, ..
            } => {
                let logs = self.0.entry(device.clone()).or_default();
                let is_new = logs.epoch != *epoch;
                logs.epoch = *epoch;
                logs.highest = logs.highest.max(*epoch);
                if is_new {
                    logs.carried.clear();
                }
                logs.carried.extend(carried.iter().copied());
                true
            }
            Entry::Contact { device, landmarks, .. } if !landmarks.is_empty() => {
                let logs = self.0.entry(device.clone()).or_default();
                logs.landmarks.insert(logs.epoch, landmarks.clone());
                logs.forget();
                true
            }
            // What of removed records still counts.
            Entry::Retired { carried, .. } => carried.iter().fold(false, |any, entry| self.fold(entry) | any),
            _ => false,
        }
    }

    /// What the journal says after a record as well: readings are named by it from the first one after a start on.
    #[must_use]
    pub fn to_the_end(mut self, reader: &mut Reader, mut seq: Seq) -> Self {
        while let Ok(page) = reader.after(seq, 4096, 4 << 20) {
            let of_logs = page.records.iter().filter(|record| Self::may_concern(&record.payload));
            for record in of_logs {
                self.fold(&Entry::from_payload(&record.payload));
            }
            if page.through.seq <= seq {
                break;
            }
            seq = page.through.seq;
        }
        self
    }

    /// The entries that say all of this again, for when those that said it go.
    pub fn again(&self, at: Timestamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (device, logs) in &self.0 {
            for (epoch, marks) in &logs.landmarks {
                entries.push(begun(device, *epoch, AGAIN, at, Vec::new()));
                entries.push(landmarks(device, marks.clone(), at));
            }
            // The highest is never used again, and the one of now comes last.
            for epoch in [logs.highest, logs.epoch] {
                entries.push(begun(device, epoch, AGAIN, at, Vec::new()));
            }
            let carried = logs.carried.iter().map(|(mark, epoch)| (*mark, *epoch)).collect();
            entries.push(begun(device, logs.epoch, AGAIN, at, carried));
        }
        entries
    }

    /// What is known of a device, to be kept.
    pub fn get(&self, device: &DeviceName) -> Option<&Logs> {
        self.0.get(device)
    }

    /// What was kept of a device.
    pub fn put(&mut self, device: DeviceName, logs: Logs) {
        self.0.insert(device, logs);
    }

    /// The epoch under which a reading of a device is named.
    pub fn of(&self, device: &DeviceName, reading: &Reading) -> u32 {
        let Some(logs) = self.0.get(device) else { return 0 };
        if logs.carried.is_empty() {
            return logs.epoch;
        }
        logs.carried.get(&reading.row_mark()).copied().unwrap_or(logs.epoch)
    }

    /// A reading was reported.
    pub fn reported(&mut self, device: &DeviceName, reading: &Reading) {
        if reading.origin == Origin::Live && reading.external_id.is_none() {
            // Only of a device whose log was read can another one be told from it.
            let Some(logs) = self.0.get_mut(device).filter(|logs| logs.unseen.len() < UNSEEN) else {
                return;
            };
            let mark = reading.row_mark();
            if logs.unseen.iter().all(|known| known.mark != mark) {
                let epoch = logs.carried.get(&mark).copied().unwrap_or(logs.epoch);
                logs.unseen.push(Unseen {
                    mark,
                    epoch,
                    missed: false,
                });
            }
        }
    }

    /// A device says how many records it holds: as many as we know of means that ours are in its log.
    pub fn counted(&mut self, device: &DeviceName, records: u64) {
        let Some(logs) = self.0.get_mut(device) else { return };
        let live = logs.unseen.iter().filter(|unseen| !unseen.missed);
        let live: Vec<u64> = live.map(|unseen| unseen.mark).collect();
        let count = u64::try_from(live.len()).unwrap_or(u64::MAX);
        if logs.counted.is_some_and(|known| known.saturating_add(count) == records) {
            logs.unseen.clear();
            logs.counted = Some(records);
            let landmarks = logs.landmarks.entry(logs.epoch).or_default();
            landmarks.extend(live);
            let surplus = landmarks.len().saturating_sub(LANDMARKS);
            landmarks.drain(..surplus);
        }
    }

    /// A device's log was read whole, and has these rows. Answers the entries that must be in the journal before what is
    /// reported from it: a new epoch where it is another log, and its landmarks where they are others.
    pub fn read(&mut self, device: &DeviceName, rows: &[u64], at: Timestamp) -> Vec<Entry> {
        if rows.is_empty() {
            return Vec::new();
        }
        let logs = self.0.entry(device.clone()).or_default();
        let mut entries = Vec::new();
        let other = logs.other(rows);
        let epoch = other.map_or(logs.epoch, |(epoch, _)| epoch);
        let carried = logs.carried_into(rows, epoch);
        if let Some((epoch, why)) = other {
            entries.push(begun(device, epoch, why, at, carried));
        } else if !carried.is_empty() {
            entries.push(begun(device, epoch, "reported before the log was known", at, carried));
        }
        let last: Vec<u64> = rows
            .iter()
            .skip(rows.len().saturating_sub(LANDMARKS))
            .copied()
            .collect();
        let known = logs.landmarks.get(&logs.epoch);
        if !entries.is_empty() || known != Some(&last) {
            entries.push(landmarks(device, last, at));
        }
        entries.iter().for_each(|entry| {
            self.fold(entry);
        });
        if let Some(logs) = self.0.get_mut(device) {
            logs.unseen
                .retain(|unseen| !unseen.missed && !rows.contains(&unseen.mark));
            logs.unseen.iter_mut().for_each(|unseen| unseen.missed = true);
            logs.counted = u64::try_from(rows.len()).ok();
        }
        entries
    }

    /// A record number came again with something else behind it: the device counts from the beginning.
    pub fn restarted(&mut self, device: &DeviceName, at: Timestamp) -> Entry {
        let next = self.0.get(device).map_or(0, |logs| logs.highest).saturating_add(1);
        let entry = begun(device, next, "record numbers began again", at, Vec::new());
        self.fold(&entry);
        entry
    }
}

impl Logs {
    /// The epoch of its log now.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The epoch of the log with these rows, and why, if it is not the one that is known.
    fn other(&self, rows: &[u64]) -> Option<(u32, &'static str)> {
        let known = self.landmarks.get(&self.epoch).filter(|known| !known.is_empty())?;
        let has = |marks: &[u64]| {
            let there = marks.iter().filter(|mark| rows.contains(mark)).count();
            marks.last().is_some_and(|last| rows.contains(last)) || there >= (marks.len() / 4).max(2)
        };
        if has(known) {
            return None;
        }
        let earlier = self
            .landmarks
            .iter()
            .rev()
            .find(|(epoch, marks)| **epoch != self.epoch && has(marks));
        Some(match earlier {
            Some((epoch, _)) => (*epoch, "the log of before is back"),
            None => (
                self.highest.saturating_add(1),
                "none of the rows that were known is in its log",
            ),
        })
    }

    /// Rows that were reported under another epoch, before it was known that this is the log's.
    fn carried_into(&self, rows: &[u64], epoch: u32) -> Vec<(u64, u32)> {
        let elsewhere = self.unseen.iter().filter(|unseen| unseen.epoch != epoch);
        let there = elsewhere.filter(|unseen| rows.contains(&unseen.mark));
        there.map(|unseen| (unseen.mark, unseen.epoch)).collect()
    }

    fn forget(&mut self) {
        while self.landmarks.len() > LOGS {
            let oldest = self.landmarks.keys().copied().find(|epoch| *epoch != self.epoch);
            match oldest {
                Some(oldest) => drop(self.landmarks.remove(&oldest)),
                None => return,
            }
        }
    }
}

fn begun(device: &DeviceName, epoch: u32, why: &str, at: Timestamp, carried: Vec<(u64, u32)>) -> Entry {
    Entry::Epoch {
        device: device.clone(),
        epoch,
        why: why.to_owned(),
        at,
        carried,
    }
}

fn landmarks(device: &DeviceName, landmarks: Vec<u64>, at: Timestamp) -> Entry {
    Entry::Contact {
        device: device.clone(),
        at,
        serial: None,
        clock: None,
        log_records: None,
        complete: false,
        held: None,
        through: None,
        landmarks,
    }
}

#[cfg(test)]
#[path = "epochs_tests.rs"]
mod tests;
