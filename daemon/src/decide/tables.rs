//! What deciding keeps in the buffer. All of it is derived and can be rebuilt from the journal.
//!
//! | tree | key | value |
//! | --- | --- | --- |
//! | `held` | punch id | result, instant, subject: where the punch lies |
//! | `punches` | subject, instant, punch id | [`HeldPunch`] |
//! | `records`, `verdicts` | id | the last thing said about it |
//! | `said` | subject, instant, `r` or `v` and id | nothing: finds what was said about a stretch |
//! | `deadlines` | instant, subject, instant | nothing: when to look at a verdict again, and where |
//! | `answers` | device, key | digest and receipts of an idempotent call |
//! | `facts` | a word | watermark, rules, directory, cursors |

use punchgate_journal::{Buffer, BufferError};
use punchgate_kit::Receipt;
use punchgate_model::{DeviceName, Outcome, Timestamp};
use punchgate_rules::{Punch, PunchId};
use serde::{Deserialize, Serialize};

use super::keys::{Subject, sortable};

pub(crate) const HELD: &str = "held";
pub(crate) const PUNCHES: &str = "punches";
pub(crate) const RECORDS: &str = "records";
pub(crate) const VERDICTS: &str = "verdicts";
pub(crate) const SAID: &str = "said";
pub(crate) const DEADLINES: &str = "deadlines";
pub(crate) const ANSWERS: &str = "answers";
pub(crate) const FACTS: &str = "facts";
pub(crate) const OUTBOX: &str = "outbox";

/// A punch, and what is needed to say it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldPunch {
    /// The punch.
    pub punch: Punch,
    /// The journal record it came with.
    pub seq: u64,
    /// The revision last said.
    pub revision: u32,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The time as the device printed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_time: Option<String>,
    /// The caller's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The device's own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

/// Where a held punch lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Granted, denied or pending.
    pub result: Outcome,
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub subject: Subject,
}

impl Place {
    /// The place of a punch.
    pub fn of(punch: &Punch) -> Self {
        Self {
            result: punch.result,
            at: punch.at,
            subject: Subject::of(punch),
        }
    }

    /// Its key among the punches.
    pub fn key(&self, id: &PunchId) -> Vec<u8> {
        self.subject.key(self.at, id.as_str())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let result = match self.result {
            Outcome::Granted => 0,
            Outcome::Denied => 1,
            Outcome::Pending => 2,
        };
        [&[result], &sortable(self.at)[..], self.subject.as_str().as_bytes()].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (result, rest) = bytes.split_first()?;
        let (at, subject) = rest.split_first_chunk::<8>()?;
        let result = match result {
            0 => Outcome::Granted,
            1 => Outcome::Denied,
            _ => Outcome::Pending,
        };
        let at = Timestamp::from_millis((u64::from_be_bytes(*at) ^ (1 << 63)).cast_signed());
        Some(Self {
            result,
            at,
            subject: Subject::from_text(std::str::from_utf8(subject).ok()?),
        })
    }
}

/// Where a punch lies, if it is held.
///
/// # Errors
/// [`BufferError`] when the buffer failed.
pub fn place_of(buffer: &Buffer, id: &PunchId) -> Result<Option<Place>, BufferError> {
    Ok(buffer
        .get(HELD, id.as_str().as_bytes())?
        .and_then(|bytes| Place::from_bytes(&bytes)))
}

/// The result with which a punch is held. A failing buffer holds nothing: deciding notices duplicates anyway.
pub fn result_of(buffer: &Buffer, id: &PunchId) -> Option<Outcome> {
    place_of(buffer, id).ok().flatten().map(|place| place.result)
}

/// The digest and receipts of an idempotent call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Digest of the body.
    pub digest: String,
    /// Id and duplicate of each item, in order.
    pub receipts: Vec<(String, bool)>,
}

impl KeptAnswer {
    /// As the intake uses them.
    pub fn receipts(self) -> (String, Vec<Receipt>) {
        let receipts = self
            .receipts
            .into_iter()
            .map(|(id, duplicate)| Receipt { id, duplicate });
        (self.digest, receipts.collect())
    }
}

/// The key of an idempotent call.
pub(crate) fn answer_key(device: &DeviceName, key: &str) -> Vec<u8> {
    [device.as_str().as_bytes(), &[0], key.as_bytes()].concat()
}

/// The answer to an idempotent call. A failing buffer has none, and the punches' own ids keep them single.
pub fn answer_of(buffer: &Buffer, device: &DeviceName, key: &str) -> Option<(String, Vec<Receipt>)> {
    let bytes = buffer.get(ANSWERS, &answer_key(device, key)).ok().flatten()?;
    serde_json::from_slice::<KeptAnswer>(&bytes)
        .ok()
        .map(KeptAnswer::receipts)
}
