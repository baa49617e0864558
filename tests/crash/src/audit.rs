//! The judge: what was promised against what arrived.

use std::collections::{BTreeMap, BTreeSet};

use punchgate_lab::sink::Held;
use serde::Serialize;
use serde_json::Value;

use crate::ledger::{Books, Name, name};

/// What is wrong. All empty is what every rig wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Acknowledged and not at the sink.
    pub lost: Vec<Name>,
    /// At the sink under two ids.
    pub doubled: Vec<Name>,
    /// At the sink with another content than was issued.
    pub changed: Vec<String>,
    /// At the sink, and issued by nobody.
    pub invented: Vec<Name>,
    /// The gateway did not start, ended by itself, panicked, reported damage, or did not deliver in time.
    pub broken: Vec<String>,
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds others.
    pub fn extend(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.changed.extend(other.changed);
        self.invented.extend(other.invented);
        self.broken.extend(other.broken);
    }

    /// The name of a held punch.
    pub fn of(data: &Value) -> Name {
        let text = |key: &str| data[key].as_str().unwrap_or_default();
        name(text("source"), text("credential"), text("device_time"), text("factor"))
    }
}

/// Compares the books with what the sink holds; only punches are looked at.
pub fn audit(books: &Books, held: &[Held]) -> Findings {
    let mut findings = Findings::default();
    let mut ids: BTreeMap<Name, BTreeSet<&str>> = BTreeMap::new();
    for punch in held.iter().filter(|held| held.event_type == "punchgate.punch.v1") {
        let name = Findings::of(&punch.data);
        match books.issued.get(&name) {
            None => findings.invented.push(name.clone()),
            Some(wanted) => {
                let mut told = punch.data.clone();
                // A power cut may tear a record that nobody was told of, and an epoch begins: its revisions are 65 536 on.
                told["revision"] = (told["revision"].as_u64().unwrap_or(0) % 65_536).into();
                findings.changed.extend(differences(&name, wanted, &told));
            }
        }
        ids.entry(name).or_default().insert(&punch.id);
    }
    let missing = |name: &&Name| !ids.contains_key(*name);
    findings.lost = books.acknowledged.keys().filter(missing).cloned().collect();
    findings.doubled = ids
        .into_iter()
        .filter(|(_, ids)| ids.len() > 1)
        .map(|(name, _)| name)
        .collect();
    findings
}

/// The fields that say something else than they should.
fn differences(name: &Name, wanted: &Value, there: &Value) -> Vec<String> {
    let fields = wanted.as_object().into_iter().flatten();
    fields
        .filter(|(key, value)| there[key.as_str()] != **value)
        .map(|(key, value)| format!("{name}: {key} is {}, not {value}", there[key.as_str()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(id: &str, credential: &str, zone: &str) -> Held {
        Held {
            id: id.to_owned(),
            revision: 1,
            event_type: "punchgate.punch.v1".to_owned(),
            subject: String::new(),
            data: json!({"source": "app", "credential": credential, "device_time": "t", "factor": "gps", "zone": zone}),
            times: 1,
        }
    }

    fn books(credentials: &[&str]) -> Books {
        let punches = credentials
            .iter()
            .map(|c| (name("app", c, "t", "gps"), json!({"zone": "yard"})));
        let punches: BTreeMap<_, _> = punches.collect();
        Books {
            issued: punches.clone(),
            acknowledged: punches,
        }
    }

    #[test]
    fn what_is_promised_and_held_once_is_right() {
        let held = [held("1", "E001", "yard"), held("2", "E002", "yard")];
        assert!(audit(&books(&["E001", "E002"]), &held).is_empty());
    }

    #[test]
    fn each_kind_of_wrong_is_found() {
        let held = [
            held("1", "E001", "yard"),
            held("2", "E001", "yard"),
            held("3", "E002", "roof"),
            held("4", "E009", "yard"),
        ];
        let findings = audit(&books(&["E001", "E002", "E003"]), &held);
        assert_eq!(findings.doubled, ["app|E001|t|gps"]);
        assert_eq!(findings.lost, ["app|E003|t|gps"]);
        assert_eq!(findings.invented, ["app|E009|t|gps"]);
        assert_eq!(findings.changed, [r#"app|E002|t|gps: zone is "roof", not "yard""#]);
    }
}
