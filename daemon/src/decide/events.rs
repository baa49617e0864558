//! What is said to the upstreams, numbered by the journal record it follows from.

use punchgate_journal::Seq;
use punchgate_model::{DeviceName, Timestamp};
use punchgate_rules::{Punch, PunchId, Record, Said, changes::Published, clock::Step};
use punchgate_upstream::{DeviceData, Outgoing, PunchData, RecordData, VerdictData, VerdictState};

use serde_json::{Value, json};

use super::account::Account;

/// Bits of an event's number that count events of one journal record; the rest are the record's number.
const PLACE_BITS: u32 = 24;
/// Revisions of one epoch. After a loss the ones that were given before may not be known any more: those of the next epoch
/// are all higher, so that an upstream takes them, and none is given twice with another content.
const EPOCH: u32 = 1 << 16;

/// The journal record that an event with this number follows from.
pub(crate) fn record_of(number: u64) -> Seq {
    number >> PLACE_BITS
}

/// The events that follow from one journal record.
pub(crate) struct Events {
    next: u64,
    queued_at: Timestamp,
    had: u64,
    /// Added to every revision.
    base: u32,
    list: Vec<Outgoing>,
}

impl Events {
    /// Events that follow from the journal record with this number, at its time, in an epoch. Of those up to number `had`
    /// only the numbers are needed.
    pub(crate) fn after(seq: Seq, queued_at: Timestamp, had: u64, epoch: u32) -> Self {
        Self {
            next: seq << PLACE_BITS,
            queued_at,
            had,
            base: epoch.saturating_mul(EPOCH),
            list: Vec::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Those there are; numbers go on.
    pub(crate) fn take(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.list)
    }

    pub(crate) fn into_list(self) -> Vec<Outgoing> {
        self.list
    }

    /// The number of the next event, unless everybody has it.
    fn number(&mut self) -> Option<u64> {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        (number > self.had).then_some(number)
    }

    pub(crate) fn punch(&mut self, punch: &Punch, account: &Account, revision: u32) {
        let Some(number) = self.number() else { return };
        let Account { received_at, reading } = account;
        let data = PunchData {
            id: punch.id.as_str(),
            person: punch.person.as_ref().map(|person| person.as_str()),
            credential: Some(punch.credential.number()).filter(|number| !number.is_empty()),
            factor: punch.factor,
            source: punch.source.as_str(),
            zone: punch.zone.as_deref(),
            direction: punch.direction,
            result: punch.result,
            at: punch.at,
            device_time: reading.device_time.as_ref().map(|time| time.printed.as_str()),
            received_at: *received_at,
            time_quality: punch.time_quality.word(),
            uncertainty_ms: punch.uncertainty_ms,
            external_id: reading.external_id.as_deref(),
            device: None,
            sequence: reading.sequence,
            revision: self.base.saturating_add(revision),
        };
        self.list.push(data.outgoing(number, self.queued_at));
    }

    /// Something happened with a device.
    pub(crate) fn device(&mut self, device: &DeviceName, what: &str, at: Timestamp, details: &Value) {
        let id = format!("{device}:{what}:{}", self.next);
        self.told(&id, Some(device), what, at, 1, details);
    }

    /// A device's clock was set by somebody.
    pub(crate) fn clock_stepped(&mut self, device: &DeviceName, step: &Step) {
        let details = json!({
            "stepped_ms": step.by_ms,
            "offset_ms": step.after.offset_ms,
            "uncertainty_ms": step.after.uncertainty_ms,
            "between": [step.before.measured_at, step.after.measured_at],
        });
        self.device(device, "clock-step", step.after.measured_at, &details);
    }

    /// How a device's count and ours compare.
    pub(crate) fn ledger(&mut self, device: &DeviceName, at: Timestamp, revision: u32, details: &Value) {
        self.told(
            &format!("{device}:ledger"),
            Some(device),
            "ledger",
            at,
            revision,
            details,
        );
    }

    /// How far all sources together are complete.
    pub(crate) fn site(&mut self, at: Timestamp, revision: u32, complete_through: Timestamp) {
        let details = json!({"complete_through": complete_through});
        self.told("site", None, "complete", at, revision, &details);
    }

    fn told(&mut self, id: &str, device: Option<&DeviceName>, what: &str, at: Timestamp, revision: u32, more: &Value) {
        let Some(number) = self.number() else { return };
        let data = DeviceData {
            id,
            device: device.map(DeviceName::as_str),
            event: what,
            at,
            revision: self.base.saturating_add(revision),
            details: more,
        };
        self.list.push(data.outgoing(number, self.queued_at));
    }

    pub(crate) fn record(&mut self, said: &Said<Record>) {
        let Some(number) = self.number() else { return };
        let record = &said.what;
        let data = RecordData {
            id: record.id.as_str(),
            person: record.person.as_str(),
            factor: record.factor,
            source: record.source.as_str(),
            zone: record.zone.as_deref(),
            direction: record.direction,
            first_at: record.first_at,
            last_at: record.last_at,
            repeats: texts(&record.repeats),
            revision: self.base.saturating_add(said.revision),
            withdrawn: said.withdrawn,
        };
        self.list.push(data.outgoing(number, self.queued_at));
    }

    pub(crate) fn verdict(&mut self, said: &Said<Published>) {
        let Some(number) = self.number() else { return };
        let Published { verdict, is_final } = &said.what;
        let data = VerdictData {
            id: verdict.id.as_str(),
            policy: &verdict.policy,
            policy_from: verdict.policy_from,
            person: verdict.person.as_str(),
            outcome: verdict.outcome.word(),
            first: verdict.first.as_ref().map(PunchId::as_str),
            second: verdict.second.as_ref().map(PunchId::as_str),
            gap_ms: verdict.gap_ms.and_then(|gap| u64::try_from(gap).ok()),
            certain: verdict.certain,
            state: if *is_final {
                VerdictState::Final
            } else {
                VerdictState::Provisional
            },
            revision: self.base.saturating_add(said.revision),
            withdrawn: said.withdrawn,
            superseded: texts(&verdict.superseded),
            repeats: texts(&verdict.repeats),
        };
        self.list.push(data.outgoing(number, verdict.at, self.queued_at));
    }
}

fn texts(ids: &[PunchId]) -> Vec<&str> {
    ids.iter().map(PunchId::as_str).collect()
}
