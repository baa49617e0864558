//! What the `data` of an event says: version 1 of the outgoing schema (`surface.md` "Webhook out").
//!
//! Fields are only ever added within a version. Words are borrowed, so that an event costs one serialisation and no
//! copies. Deliberately absent: templates, photos, positions.

use punchgate_model::{Direction, Factor, Outcome, Timestamp};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::outgoing::{EventKind, Outgoing};

/// The `data` of `punchgate.punch.v1`.
#[derive(Debug, Clone, Serialize)]
pub struct PunchData<'a> {
    /// The punch's id.
    pub id: &'a str,
    /// Whose it is; null while the credential is unknown.
    pub person: Option<&'a str>,
    /// The number the device recognised, as it printed it; null where it recognised nobody.
    pub credential: Option<&'a str>,
    /// How.
    pub factor: Factor,
    /// The device's or source's name in the configuration.
    pub source: &'a str,
    /// The door group; null where there is none.
    pub zone: Option<&'a str>,
    /// Which way.
    pub direction: Direction,
    /// What the device decided.
    pub result: Outcome,
    /// When, as well as it can be told.
    pub at: Timestamp,
    /// The time as the device printed it; null for a device without a clock.
    pub device_time: Option<&'a str>,
    /// When the gateway received it.
    pub received_at: Timestamp,
    /// `synced estimated suspect reset claimed` (`semantics.md` section 2).
    pub time_quality: &'a str,
    /// How far off `at` may be either way, in milliseconds.
    pub uncertainty_ms: u32,
    /// The caller's own id, for items of http_ingest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// Which of a source's devices it was (a serial number), where the source has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<&'a str>,
    /// The device's own counter, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// 1, and more when what is known of the punch has changed.
    pub revision: u32,
}

/// The `data` of `punchgate.record.v1`.
#[derive(Debug, Clone, Serialize)]
pub struct RecordData<'a> {
    /// The id of the earliest of the merged punches.
    pub id: &'a str,
    /// Whose.
    pub person: &'a str,
    /// How.
    pub factor: Factor,
    /// The source of the earliest punch.
    pub source: &'a str,
    /// The door group; null where there is none.
    pub zone: Option<&'a str>,
    /// Which way.
    pub direction: Direction,
    /// The instant of the earliest punch.
    pub first_at: Timestamp,
    /// The instant of the last repeat; `first_at` where there is none.
    pub last_at: Timestamp,
    /// The ids of the repeats, in order of time.
    pub repeats: Vec<&'a str>,
    /// 1, and more when the record has changed.
    pub revision: u32,
    /// The record no longer holds: its anchor became a repeat of an earlier punch, or nobody's.
    pub withdrawn: bool,
}

/// Whether anything that could still change a verdict is outstanding (`semantics.md` section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VerdictState {
    /// A source that could contribute is not complete past the deciding instant.
    Provisional,
    /// All of them are, or `max_wait` is over. Late data may still revise it.
    Final,
}

/// The `data` of `punchgate.verdict.v1`.
#[derive(Debug, Clone, Serialize)]
pub struct VerdictData<'a> {
    /// The verdict's id.
    pub id: &'a str,
    /// The policy's name in the configuration.
    pub policy: &'a str,
    /// The instant from which the terms that decided are in force; left out where they always were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_from: Option<Timestamp>,
    /// Whose.
    pub person: &'a str,
    /// `verified late wrong_order missing_first missing_second pending`.
    pub outcome: &'a str,
    /// The first punch; null where missing.
    pub first: Option<&'a str>,
    /// The second punch; null where missing.
    pub second: Option<&'a str>,
    /// Milliseconds between the two; null unless there are two.
    pub gap_ms: Option<u64>,
    /// False when the uncertainty of the times could turn the outcome; null unless there are two punches.
    pub certain: Option<bool>,
    /// Whether it may still change by itself.
    pub state: VerdictState,
    /// 1, and more when the verdict has changed.
    pub revision: u32,
    /// The verdict no longer holds.
    pub withdrawn: bool,
    /// The ids of earlier punches of the same kind that gave way, in order of time.
    pub superseded: Vec<&'a str>,
    /// The ids of the repeats of the judged punch, in order of time.
    pub repeats: Vec<&'a str>,
}

/// The `data` of `punchgate.device.v1`: what happened with a device, or how far something is complete.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceData<'a> {
    /// The event's id; the same for every revision of one thing.
    pub id: &'a str,
    /// The device's name in the configuration; null where all of them together are meant.
    pub device: Option<&'a str>,
    /// `ledger`, `complete`, `log-epoch` or `clock-step`.
    pub event: &'a str,
    /// When it was noticed.
    pub at: Timestamp,
    /// 1, and more where it is said again.
    pub revision: u32,
    /// What there is to say of it: `log_records held missing complete_through`, `complete_through`, `epoch why`, or
    /// `stepped_ms offset_ms uncertainty_ms between`.
    #[serde(flatten)]
    pub details: &'a serde_json::Value,
}

impl DeviceData<'_> {
    /// This event; its id is `device:` and the event's. Nobody's punches wait for it.
    pub fn outgoing(&self, seq: u64, queued_at: Timestamp) -> Outgoing {
        let subject = self
            .device
            .map_or_else(|| "site".to_owned(), |device| format!("device:{device}"));
        Outgoing {
            seq,
            kind: EventKind::Device,
            id: format!("device:{}", self.id),
            revision: self.revision,
            person_key: subject.clone(),
            subject,
            time: self.at,
            queued_at,
            data: raw(self),
        }
    }
}

impl PunchData<'_> {
    /// The event of this punch; its id is the punch's.
    pub fn outgoing(&self, seq: u64, queued_at: Timestamp) -> Outgoing {
        let subject = match (self.person, self.credential) {
            (Some(person), _) => person.to_owned(),
            (None, Some(credential)) => format!("credential:{credential}"),
            // Nobody was recognised: keep what one device says in order.
            (None, None) => format!("credential:nobody@{}", self.source),
        };
        Outgoing {
            seq,
            kind: EventKind::Punch,
            id: self.id.to_owned(),
            revision: self.revision,
            person_key: subject.clone(),
            subject,
            time: self.at,
            queued_at,
            data: raw(self),
        }
    }
}

impl RecordData<'_> {
    /// The event of this record; its id is `record:` and the anchor's.
    pub fn outgoing(&self, seq: u64, queued_at: Timestamp) -> Outgoing {
        Outgoing {
            seq,
            kind: EventKind::Record,
            id: format!("record:{}", self.id),
            revision: self.revision,
            subject: self.person.to_owned(),
            person_key: self.person.to_owned(),
            time: self.first_at,
            queued_at,
            data: raw(self),
        }
    }
}

impl VerdictData<'_> {
    /// The event of this verdict; its id is `verdict:` and the verdict's. `time` is the instant of the punch that
    /// decided it.
    pub fn outgoing(&self, seq: u64, time: Timestamp, queued_at: Timestamp) -> Outgoing {
        Outgoing {
            seq,
            kind: EventKind::Verdict,
            id: format!("verdict:{}", self.id),
            revision: self.revision,
            subject: self.person.to_owned(),
            person_key: self.person.to_owned(),
            time,
            queued_at,
            data: raw(self),
        }
    }
}

/// Structs of words and numbers always serialise; should a field ever stop doing so, the event says `null` rather
/// than taking the gateway down.
fn raw(data: &impl Serialize) -> Box<RawValue> {
    to_raw_value(data).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_772_412_900_000);

    fn punch() -> PunchData<'static> {
        PunchData {
            id: "p1",
            person: Some("E001"),
            credential: Some("0007"),
            factor: Factor::Fingerprint,
            source: "gate-1",
            zone: None,
            direction: Direction::Unknown,
            result: Outcome::Granted,
            at: AT,
            device_time: Some("2026-03-02T08:55:00"),
            received_at: AT.plus_millis(950),
            time_quality: "synced",
            uncertainty_ms: 40,
            external_id: None,
            device: None,
            sequence: Some(17),
            revision: 1,
        }
    }

    #[test]
    fn a_punch_says_every_field_of_the_contract() {
        let event = punch().outgoing(3, AT);
        // Golden: schema punchgate.punch.v1. Fields may be added, never changed.
        assert_eq!(
            event.data.get(),
            concat!(
                r#"{"id":"p1","person":"E001","credential":"0007","factor":"fingerprint","source":"gate-1","zone":null,"#,
                r#""direction":"unknown","result":"granted","at":"2026-03-02T00:55:00.000Z","#,
                r#""device_time":"2026-03-02T08:55:00","received_at":"2026-03-02T00:55:00.950Z","#,
                r#""time_quality":"synced","uncertainty_ms":40,"sequence":17,"revision":1}"#
            )
        );
        assert_eq!((event.id.as_str(), event.subject.as_str()), ("p1", "E001"));
    }

    #[test]
    fn an_unresolved_punch_is_about_its_credential_and_nobody() {
        let mut data = punch();
        data.person = None;
        let event = data.outgoing(3, AT);
        assert_eq!(event.subject, "credential:0007");
        assert!(event.data.get().contains(r#""person":null"#), "{}", event.data);
        data.credential = None;
        assert_eq!(data.outgoing(3, AT).subject, "credential:nobody@gate-1");
    }

    #[test]
    fn a_record_and_its_anchor_have_different_event_ids() {
        let record = RecordData {
            id: "p1",
            person: "E001",
            factor: Factor::Gps,
            source: "wecom",
            zone: Some("hq-door"),
            direction: Direction::In,
            first_at: AT,
            last_at: AT,
            repeats: vec!["p2"],
            revision: 2,
            withdrawn: false,
        };
        let event = record.outgoing(1, AT);
        assert_eq!(event.id, "record:p1");
        assert_eq!(
            event.data.get(),
            concat!(
                r#"{"id":"p1","person":"E001","factor":"gps","source":"wecom","zone":"hq-door","direction":"in","#,
                r#""first_at":"2026-03-02T00:55:00.000Z","last_at":"2026-03-02T00:55:00.000Z","repeats":["p2"],"#,
                r#""revision":2,"withdrawn":false}"#
            )
        );
    }

    #[test]
    fn a_verdict_without_its_second_says_null() {
        let verdict = VerdictData {
            id: "v1",
            policy: "office-door",
            policy_from: None,
            person: "E001",
            outcome: "missing_second",
            first: Some("a1"),
            second: None,
            gap_ms: None,
            certain: None,
            state: VerdictState::Provisional,
            revision: 1,
            withdrawn: false,
            superseded: vec![],
            repeats: vec![],
        };
        let event = verdict.outgoing(1, AT, AT);
        assert_eq!(event.id, "verdict:v1");
        assert_eq!(
            event.data.get(),
            concat!(
                r#"{"id":"v1","policy":"office-door","person":"E001","outcome":"missing_second","first":"a1","#,
                r#""second":null,"gap_ms":null,"certain":null,"state":"provisional","revision":1,"withdrawn":false,"#,
                r#""superseded":[],"repeats":[]}"#
            )
        );
    }
}
