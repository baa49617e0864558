//! One event on its way out, as it waits in an outbox.
//!
//! Its `data` is serialised once, when the event is made, and carried as text from then on: into the outbox, out of
//! it, and into the body of every attempt. Deliberately absent: the envelope ([`crate::payload`]).

use std::{fmt, str::FromStr};

use punchgate_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What an event is about (`semantics.md` section 6). The words are those of `send = [...]` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A punch, resolved or not.
    Punch,
    /// What remains after repeats are merged.
    Record,
    /// The outcome of a dual-verification policy.
    Verdict,
    /// A device came, went, or said something about itself.
    Device,
    /// Somebody operated the gateway.
    Audit,
}

impl EventKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Punch, Self::Record, Self::Verdict, Self::Device, Self::Audit];

    /// The word used in configuration and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Punch => "punch",
            Self::Record => "record",
            Self::Verdict => "verdict",
            Self::Device => "device",
            Self::Audit => "audit",
        }
    }

    /// The `type` of the event, with the version of its schema.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Punch => "punchgate.punch.v1",
            Self::Record => "punchgate.record.v1",
            Self::Verdict => "punchgate.verdict.v1",
            Self::Device => "punchgate.device.v1",
            Self::Audit => "punchgate.audit.v1",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for EventKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.iter().find(|kind| kind.word() == text);
        found
            .copied()
            .ok_or_else(|| UnknownKind(text.chars().take(40).collect()))
    }
}

/// A word that names no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of event {0:?}, wanted one of: punch record verdict device audit")]
pub struct UnknownKind(pub String);

/// One event on its way out.
///
/// `Debug` shows neither whom it is about nor what it says.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its place in the outbox; grows, and is never given twice.
    #[serde(rename = "q")]
    pub seq: u64,
    /// What it is about.
    #[serde(rename = "k")]
    pub kind: EventKind,
    /// The event's `id`: stable for a thing, unique among all kinds.
    #[serde(rename = "i")]
    pub id: String,
    /// 1 for the first word on a thing; grows when the thing changes.
    #[serde(rename = "r")]
    pub revision: u32,
    /// The person, or `credential:…`.
    #[serde(rename = "s")]
    pub subject: String,
    /// Events of equal key leave in the order of their `seq`.
    #[serde(rename = "o")]
    pub person_key: String,
    /// When the thing happened.
    #[serde(rename = "t", with = "millis")]
    pub time: Timestamp,
    /// When the event was put into the outbox; says how long it has been waiting, and never leaves the gateway.
    #[serde(rename = "w", with = "millis")]
    pub queued_at: Timestamp,
    /// The event's `data`, already JSON.
    #[serde(rename = "d")]
    pub data: Box<RawValue>,
}

impl Outgoing {
    /// The compact form in which it waits in an outbox (JSON with one-letter keys; readers must know the version of
    /// the outbox around it).
    ///
    /// # Errors
    /// Never for an event that was built from JSON; the type of the serialiser says it could.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OutgoingError> {
        serde_json::to_vec(self).map_err(OutgoingError)
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// [`OutgoingError`] when the bytes are not what [`Outgoing::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OutgoingError> {
        serde_json::from_slice(bytes).map_err(OutgoingError)
    }

    /// About how many bytes it adds to a body.
    pub fn weight(&self) -> usize {
        // The envelope's fixed words come to some 230 bytes.
        256 + self.id.len() + self.subject.len() + self.person_key.len() + self.data.get().len()
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{} {} r{}", self.kind, self.seq, self.id, self.revision)
    }
}

/// Why bytes are no event.
#[derive(Debug, thiserror::Error)]
#[error("read an event of the outbox: {0}")]
pub struct OutgoingError(#[source] serde_json::Error);

mod millis {
    use punchgate_model::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Outgoing {
        Outgoing {
            seq: 7,
            kind: EventKind::Punch,
            id: "p-1".into(),
            revision: 2,
            subject: "credential:0012345678".into(),
            person_key: "credential:0012345678".into(),
            time: Timestamp::from_millis(1_772_412_730_001),
            queued_at: Timestamp::from_millis(1_772_412_731_000),
            data: RawValue::from_string(r#"{"id":"p-1","n":1.50}"#.into()).expect("JSON"),
        }
    }

    #[test]
    fn the_compact_form_is_these_bytes() {
        // Golden: version 1 of the outbox. Do not change the test; change the version.
        let golden = concat!(
            r#"{"q":7,"k":"punch","i":"p-1","r":2,"s":"credential:0012345678","o":"credential:0012345678","#,
            r#""t":1772412730001,"w":1772412731000,"d":{"id":"p-1","n":1.50}}"#
        );
        let bytes = event().to_bytes().expect("serialises");
        assert_eq!(String::from_utf8_lossy(&bytes), golden);
        let back = Outgoing::from_bytes(&bytes).expect("reads back");
        assert_eq!(back.to_bytes().expect("serialises"), bytes);
    }

    #[test]
    fn debug_names_the_event_and_not_the_person() {
        assert_eq!(format!("{:?}", event()), "punch#7 p-1 r2");
    }

    #[test]
    fn bytes_that_are_no_event_are_refused() {
        assert!(Outgoing::from_bytes(b"{\"q\":1}").is_err());
        assert!(Outgoing::from_bytes(b"").is_err());
    }

    #[test]
    fn every_kind_reads_back_as_itself() {
        for kind in EventKind::ALL {
            assert_eq!(kind.word().parse::<EventKind>().as_ref(), Ok(kind));
            assert_eq!(kind.event_type(), format!("punchgate.{kind}.v1"));
        }
        assert!("punches".parse::<EventKind>().is_err());
    }
}
