//! What of the configuration is in force for deciding: settings and people, as they stand in the journal.

use std::io;

use punchgate_journal::{DirectoryRows, Entry};
use punchgate_model::Timestamp;

use super::RunError;
use crate::{
    config::Config,
    decide::settings::{self, Settings},
    plan,
};

/// Settings and people.
#[derive(Debug, Clone, PartialEq)]
pub struct Force {
    /// The settings.
    pub settings: Settings,
    /// The directory's files, as text.
    pub people: Vec<String>,
}

impl Force {
    /// What a configuration wants, with its directory read.
    pub(super) fn of(config: &Config) -> Result<Self, RunError> {
        let unreadable = |(path, source): (std::path::PathBuf, io::Error)| RunError::Directory {
            path: path.display().to_string(),
            source,
        };
        Ok(Self {
            settings: plan::settings(config),
            people: plan::directory_texts(&config.directory.files).map_err(unreadable)?,
        })
    }

    /// What a start writes where `known` is in force. `fresh` says that the buffer is empty: before the journal is decided,
    /// nothing is known, and what is wanted is written whatever it says. `first` says that the journal is empty too.
    pub fn opening(&self, known: &Self, (fresh, first): (bool, bool), at: Timestamp) -> Vec<Entry> {
        let mut entries = vec![Entry::Started {
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }];
        if fresh {
            entries.extend(self.entries(at));
            if first && self.people.is_empty() {
                entries.truncate(2);
            }
        } else {
            entries.extend(self.changes(known, at));
        }
        entries
    }

    /// The entries that put all of it into force.
    pub(super) fn entries(&self, at: Timestamp) -> Vec<Entry> {
        vec![self.policy(at), self.directory(at)]
    }

    /// The entries that put it into force where something else is.
    pub(super) fn changes(&self, before: &Self, at: Timestamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        if self.settings != before.settings {
            entries.push(self.policy(at));
        }
        if self.people != before.people {
            entries.push(self.directory(at));
        }
        entries
    }

    fn policy(&self, at: Timestamp) -> Entry {
        Entry::Policy {
            at,
            name: settings::NAME.to_owned(),
            // Plain data always serialises.
            policy: serde_json::to_value(&self.settings).unwrap_or_default(),
        }
    }

    fn directory(&self, at: Timestamp) -> Entry {
        Entry::Directory {
            at,
            digest: plan::digest(&self.people),
            rows: DirectoryRows(self.people.iter().map(|text| text.as_str().into()).collect()),
        }
    }
}
