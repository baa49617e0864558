//! What the devices' own books say: which log, how many records in it, how many of them are with us, and how far that is
//! everything. It decides nothing about punches; it is told upstream, so that a payroll run can wait for it.

use std::collections::BTreeMap;

use punchgate_journal::{Buffer, BufferError, Entry};
use punchgate_model::{DeviceName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Decider, Now, tables::FACTS};
use crate::epochs::{AGAIN, Epochs, Logs};

/// What a device's ledger said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Records that the device says it holds.
    pub records: u64,
    /// Records of its log that were read.
    pub held: u64,
    /// Everything that it logged up to here is with us.
    pub through: Option<Timestamp>,
    /// How often this was said.
    revision: u32,
}

const LEDGER: &str = "ledger:";
const LOGS: &str = "logs:";
const SITE: &[u8] = b"site_revision";

impl Decider {
    /// Where the devices' ledgers stand, as far as the journal says.
    pub fn ledgers(&self) -> Result<BTreeMap<String, Ledger>, BufferError> {
        facts(&self.buffer, LEDGER)
    }

    /// The devices' logs, as far as the journal says.
    pub fn log_epochs(&self) -> &Epochs {
        &self.logs
    }

    /// The devices' logs as a buffer knows them.
    pub fn logs_in(buffer: &Buffer) -> Epochs {
        known(buffer).unwrap_or_default()
    }

    /// Keeps what an entry says of a device's log.
    pub(super) fn book(&mut self, now: &mut Now<'_>, entry: &Entry) -> Result<(), BufferError> {
        let epoch = |epochs: &Epochs, device: &DeviceName| epochs.get(device).map_or(0, Logs::epoch);
        let before = match entry {
            Entry::Epoch { device, .. } => epoch(&self.logs, device),
            _ => 0,
        };
        if self.logs.fold(entry)
            && let Entry::Epoch { device, .. } | Entry::Contact { device, .. } = entry
        {
            let logs = self.logs.get(device).cloned().unwrap_or_default();
            self.put(FACTS, format!("{LOGS}{device}").as_bytes(), &logs)?;
        }
        match entry {
            Entry::Epoch {
                device, epoch, why, at, ..
            } if *epoch != before && why != AGAIN => {
                now.events
                    .device(device, "log-epoch", *at, &json!({"epoch": epoch, "why": why}));
                Ok(())
            }
            Entry::Contact {
                device,
                at,
                log_records: Some(records),
                held,
                through,
                complete,
                ..
            } => self.count(now, device, *at, (*records, *held, *through, *complete)),
            _ => Ok(()),
        }
    }

    fn count(
        &mut self,
        now: &mut Now<'_>,
        device: &DeviceName,
        at: Timestamp,
        (records, held, through, complete): (u64, Option<u64>, Option<Timestamp>, bool),
    ) -> Result<(), BufferError> {
        let key = format!("{LEDGER}{device}");
        let before: Ledger = self.read(FACTS, key.as_bytes())?.unwrap_or_default();
        let ledger = Ledger {
            records,
            held: held.unwrap_or(if complete { records } else { 0 }),
            through: through.max(before.through),
            revision: before.revision.saturating_add(1),
        };
        self.put(FACTS, key.as_bytes(), &ledger)?;
        let details = json!({
            "log_records": ledger.records,
            "held": ledger.held,
            "missing": ledger.records.saturating_sub(ledger.held),
            "complete_through": ledger.through,
        });
        now.events.ledger(device, at, ledger.revision, &details);
        Ok(())
    }

    /// All sources together are complete further than before.
    pub(super) fn say_complete(&mut self, now: &mut Now<'_>, at: Timestamp) -> Result<(), BufferError> {
        let revision = self.read::<u32>(FACTS, SITE)?.unwrap_or(0).saturating_add(1);
        self.put(FACTS, SITE, &revision)?;
        now.events.site(at, revision, self.complete_until);
        Ok(())
    }
}

/// The logs of all devices in a buffer.
pub(super) fn known(buffer: &Buffer) -> Result<Epochs, BufferError> {
    let mut epochs = Epochs::default();
    for (device, logs) in facts::<Logs>(buffer, LOGS)? {
        epochs.put(DeviceName::from(device.as_str()), logs);
    }
    Ok(epochs)
}

/// What is kept under keys that begin like this, by the rest of the key.
fn facts<T: serde::de::DeserializeOwned>(buffer: &Buffer, prefix: &str) -> Result<BTreeMap<String, T>, BufferError> {
    let found = buffer.with_prefix(FACTS, prefix.as_bytes(), usize::MAX)?;
    let fact = |(key, value): (Vec<u8>, Vec<u8>)| {
        let device = std::str::from_utf8(key.get(prefix.len()..)?).ok()?.to_owned();
        Some((device, serde_json::from_slice(&value).ok()?))
    };
    Ok(found.into_iter().filter_map(fact).collect())
}
