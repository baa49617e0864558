//! What deciding keeps in the buffer. All of it is derived and can be rebuilt from the journal.
//!
//! | tree | key | value |
//! | --- | --- | --- |
//! | `held` | generation, punch id | where the punch lies, and which reports of it are known ([`super::ids`]) |
//! | `filters` | generation | a Bloom filter of its ids |
//! | `bearers` | device, credential, subject | nothing: finds the timelines a changed directory takes punches from |
//! | `shown` | device, instant of its clock, punch id | nothing: finds the punches a clock measurement moves |
//! | `offsets` | device, instant of its clock, instant of ours | a clock measurement |
//! | `days` | subject, day | every [`HeldPunch`] of it ([`super::days`]) |
//! | `deadlines` | instant, subject, instant | nothing: when to look at a verdict again, and where |
//! | `answers` | device, key | digest and receipts of an idempotent call |
//! | `facts` | a word | watermark, rules, directory, cursors, epoch |
//! | `epochs` | the number of the record after which one began | the epoch |
//! | `gaps` | the numbers around it | a gap of the journal that was crossed |

use punchgate_journal::Buffer;
use punchgate_kit::Receipt;
use punchgate_model::{DeviceName, Outcome, Timestamp};
use punchgate_rules::{Punch, Record, Said, changes::Published};
use serde::{Deserialize, Serialize};

use super::{
    account::{Known, Trace},
    accounts::{Accounts, Told},
    keys::{Subject, instant, sortable},
};

pub(crate) const HELD: &str = "held";
pub(crate) const FILTERS: &str = "filters";
pub(crate) const DAYS: &str = "days";
pub(crate) const DEADLINES: &str = "deadlines";
pub(crate) const ANSWERS: &str = "answers";
pub(crate) const FACTS: &str = "facts";
pub(crate) const EPOCHS: &str = "epochs";
pub(crate) const GAPS: &str = "gaps";
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const BEARERS: &str = "bearers";
pub(crate) const SHOWN: &str = "shown";
pub(crate) const OFFSETS: &str = "offsets";

/// A punch, what is needed to place it anew, and what was said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldPunch {
    /// The punch, by the account that counts.
    pub punch: Punch,
    /// What the reports of it said.
    pub accounts: Accounts,
    /// What was said of it.
    pub spoken: Spoken,
}

/// The last word on a punch, and on everything that is named after it.
///
/// What is said about a stretch is said about its punches, so it is found with them, wherever they move.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spoken {
    /// The revision of the punch last said; 0 while it is held back, never said.
    pub revision: u32,
    /// The record that begins with it.
    pub record: Option<Said<Record>>,
    /// The verdicts closed by it, or opened by it where nothing closed them; one for a policy.
    pub verdicts: Vec<Said<Published>>,
}

impl Spoken {
    /// Keeps the last word on a verdict.
    pub(crate) fn say(&mut self, said: Said<Published>) {
        let known = self
            .verdicts
            .iter_mut()
            .find(|known| known.what.verdict.id == said.what.verdict.id);
        match known {
            Some(known) => *known = said,
            None => {
                // Most punches have one, and there are many punches.
                self.verdicts.reserve_exact(1);
                self.verdicts.push(said);
            }
        }
    }

    /// Whether something other than the punch itself was said and not withdrawn.
    pub fn holds(&self) -> bool {
        let record = self.record.as_ref().is_some_and(|said| !said.withdrawn);
        record || self.verdicts.iter().any(|said| !said.withdrawn)
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
    /// The place of a punch of which this was told.
    pub fn of(punch: &Punch, told: &Told) -> Self {
        let hashes = told.accounts.iter().map(|account| Trace::of(&account.reading).hash);
        Self {
            at: punch.at,
            subject: Subject::of(punch),
            known: Known {
                result: punch.result,
                held_out: punch.held_out,
                hashes: hashes.collect(),
            },
        }
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
