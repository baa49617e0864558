//! Questions about what is decided, and their answers as JSON. Nothing is changed by asking.

use std::collections::{BTreeMap, BTreeSet};

use punchgate_journal::BufferError;
use punchgate_model::{Credential, DeviceName, Timestamp};
use punchgate_rules::PunchId;
use serde_json::{Value, json};

use super::Decider;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Why a punch, its record and its verdicts are what they are.
    Explain(PunchId),
    /// The names of all policies there ever were.
    Policies,
    /// Which credentials nobody has, at most so many of them.
    Quarantine {
        /// The most that are listed; all are counted.
        most: usize,
        /// Whether numbers are told in full. Never over the network.
        in_full: bool,
    },
}

/// An id as it stands in the journal: that of an event names its kind first.
pub fn bare(id: &str) -> &str {
    let bare = id.strip_prefix("verdict:").or_else(|| id.strip_prefix("record:"));
    bare.unwrap_or(id)
}

/// Adds to each verdict that is not final which devices it waits for, and how far each is complete.
pub fn add_awaited(told: &mut Value, through: &BTreeMap<String, Option<Timestamp>>) {
    for verdict in told["verdicts"].as_array_mut().into_iter().flatten() {
        let settles: Option<Timestamp> = verdict["settles_at"].as_str().and_then(|at| at.parse().ok());
        let Some(settles) = settles.filter(|_| verdict["final"] == false) else {
            continue;
        };
        let behind = through
            .iter()
            .filter(|(_, through)| through.is_none_or(|through| through <= settles));
        let awaited: Vec<Value> = behind
            .map(|(device, through)| json!({"device": device, "complete_through": through}))
            .collect();
        verdict["awaited"] = json!(awaited);
    }
}

/// What one unknown credential has punched.
struct Stranger {
    device: DeviceName,
    credential: Credential,
    punches: usize,
    said: usize,
    first_at: Timestamp,
    last_at: Timestamp,
    ambiguous: bool,
}

impl Decider {
    /// Answers a question; `None` when there is no such thing.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn tell(&self, asked: &Asked) -> Result<Option<Value>, BufferError> {
        match asked {
            Asked::Explain(id) => self.explain(id),
            Asked::Policies => {
                let names: BTreeSet<&str> = self
                    .prepared
                    .rules
                    .policies
                    .iter()
                    .map(|policy| &*policy.name)
                    .collect();
                Ok(Some(json!(names)))
            }
            Asked::Quarantine { most, in_full } => self.quarantine_told(*most, *in_full).map(Some),
        }
    }

    fn quarantine_told(&self, most: usize, in_full: bool) -> Result<Value, BufferError> {
        let mut strangers = self.strangers()?;
        strangers.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| a.device.cmp(&b.device)));
        let punches: usize = strangers.iter().map(|stranger| stranger.punches).sum();
        let listed: Vec<Value> = strangers
            .iter()
            .take(most)
            .map(|stranger| stranger.told(in_full))
            .collect();
        Ok(json!({
            "punches": punches,
            "credentials": strangers.len(),
            "held": self.holds_unknown(),
            "unlisted": strangers.len() - listed.len(),
            "list": listed,
        }))
    }

    fn strangers(&self) -> Result<Vec<Stranger>, BufferError> {
        let mut found = Vec::new();
        for (device, credential) in self.bearers()? {
            let whose = self.prepared.resolve(&device, &credential);
            if matches!(whose, punchgate_rules::Resolution::Person(_)) {
                continue;
            }
            let held = self.unresolved(&device, &credential)?;
            let (Some(first), Some(last)) = (held.first(), held.last()) else {
                continue;
            };
            found.push(Stranger {
                punches: held.len(),
                said: held.iter().filter(|held| held.spoken.revision > 0).count(),
                first_at: first.punch.at,
                last_at: last.punch.at,
                ambiguous: whose == punchgate_rules::Resolution::Ambiguous,
                device,
                credential,
            });
        }
        Ok(found)
    }
}

impl Stranger {
    fn told(&self, in_full: bool) -> Value {
        let credential = if in_full {
            self.credential.number().to_owned()
        } else {
            self.credential.masked()
        };
        json!({
            "device": self.device.as_str(),
            "kind": self.credential.kind(),
            "credential": credential,
            "why": if self.ambiguous { "two-people" } else { "unknown" },
            "punches": self.punches,
            "forwarded": self.said,
            "first_at": self.first_at,
            "last_at": self.last_at,
        })
    }
}
