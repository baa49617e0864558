//! What deciding keeps in the buffer. All of it is derived and can be rebuilt from the journal.
//!
//! | tree | key | value |
//! | --- | --- | --- |
//! | `held` | punch id | where the punch lies, and which reports of it are known |
//! | `bearers` | device, credential, punch id | nothing: finds the punches a changed directory gives to somebody else |
//! | `shown` | device, instant of its clock, punch id | nothing: finds the punches a clock measurement moves |
//! | `offsets` | device, instant of its clock | a clock measurement |
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

use super::{
    account::{Account, Known, Trace},
    keys::{Subject, instant, sortable},
};

pub(crate) const HELD: &str = "held";
pub(crate) const PUNCHES: &str = "punches";
pub(crate) const RECORDS: &str = "records";
pub(crate) const VERDICTS: &str = "verdicts";
pub(crate) const SAID: &str = "said";
pub(crate) const DEADLINES: &str = "deadlines";
pub(crate) const ANSWERS: &str = "answers";
pub(crate) const FACTS: &str = "facts";
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const BEARERS: &str = "bearers";
pub(crate) const SHOWN: &str = "shown";
pub(crate) const OFFSETS: &str = "offsets";

/// A punch, and what is needed to say it again or to place it anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldPunch {
    /// The punch, by the account that counts.
    pub punch: Punch,
    /// The revision last said; 0 while it is held back, never said.
    pub revision: u32,
    /// Which of the accounts counts.
    pub chosen: usize,
    /// What the reports of it said, each different account once, in order of arrival.
    pub accounts: Vec<Account>,
    /// What the device's clock showed, for each account that says.
    pub shown: Vec<Timestamp>,
}

impl HeldPunch {
    /// The account that counts.
    pub fn account(&self) -> Option<&Account> {
        self.accounts.get(self.chosen)
    }

    /// Whether an upstream could tell the two apart.
    pub fn says_as(&self, other: &Self) -> bool {
        self.punch == other.punch && self.account() == other.account()
    }
}

/// Where a held punch lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub subject: Subject,
    /// What is known of the reports of it.
    pub known: Known,
}

impl Place {
    /// The place of a punch.
    pub fn of(held: &HeldPunch) -> Self {
        let hashes = held.accounts.iter().map(|account| Trace::of(&account.reading).hash);
        Self {
            at: held.punch.at,
            subject: Subject::of(&held.punch),
            known: Known {
                result: held.punch.result,
                held_out: held.punch.held_out,
                hashes: hashes.collect(),
            },
        }
    }

    /// Its key among the punches.
    pub fn key(&self, id: &PunchId) -> Vec<u8> {
        self.subject.key(self.at, id.as_str())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let result = match self.known.result {
            Outcome::Granted => 0,
            Outcome::Denied => 1,
            Outcome::Pending => 2,
        };
        let count = u8::try_from(self.known.hashes.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![result, u8::from(self.known.held_out), count];
        for hash in self.known.hashes.iter().take(usize::from(count)) {
            bytes.extend_from_slice(&hash.to_be_bytes());
        }
        bytes.extend_from_slice(&sortable(self.at));
        bytes.extend_from_slice(self.subject.as_str().as_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([result, held_out, count], mut rest) = bytes.split_first_chunk::<3>()?;
        let mut hashes = Vec::with_capacity(usize::from(*count));
        for _ in 0..*count {
            let (hash, after) = rest.split_first_chunk::<8>()?;
            hashes.push(u64::from_be_bytes(*hash));
            rest = after;
        }
        let (at, subject) = rest.split_first_chunk::<8>()?;
        let result = match result {
            0 => Outcome::Granted,
            1 => Outcome::Denied,
            _ => Outcome::Pending,
        };
        Some(Self {
            at: instant(*at),
            subject: Subject::from_text(std::str::from_utf8(subject).ok()?),
            known: Known {
                result,
                held_out: *held_out != 0,
                hashes,
            },
        })
    }
}

/// The value of a deadline: whose verdict waits, and when its earliest punch was.
pub(crate) fn deadline(subject: &Subject, at: Timestamp) -> Vec<u8> {
    [&sortable(at)[..], subject.as_str().as_bytes()].concat()
}

/// What [`deadline`] put together.
pub(crate) fn waiting(value: &[u8]) -> Option<(Subject, Timestamp)> {
    let (at, subject) = value.split_first_chunk::<8>()?;
    Some((Subject::from_text(std::str::from_utf8(subject).ok()?), instant(*at)))
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

/// What is known of the reports of a punch. A failing buffer knows nothing: deciding notices duplicates anyway.
pub fn known_of(buffer: &Buffer, id: &PunchId) -> Option<Known> {
    place_of(buffer, id).ok().flatten().map(|place| place.known)
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
