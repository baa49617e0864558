//! What the devices were promised: every punch that one of them issued, and every punch for which it holds an
//! acknowledgement.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

/// What makes a punch that punch: `source|credential|time as printed|factor`.
pub type Name = String;

/// The name of a punch.
pub fn name(source: &str, credential: &str, printed: &str, factor: &str) -> Name {
    format!("{source}|{credential}|{printed}|{factor}")
}

/// Issued and acknowledged punches, with what their events have to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Books {
    /// What was issued: the fields its event must have, and no others are looked at.
    pub issued: BTreeMap<Name, Value>,
    /// Those of them that were acknowledged.
    pub acknowledged: BTreeMap<Name, Value>,
}

/// Books that several devices write to.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Books>>);

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a device is about to send.
    pub fn issue(&self, punches: &[(Name, Value)]) {
        self.books().issued.extend(punches.iter().cloned());
    }

    /// Notes what a device was told is safe.
    pub fn acknowledge(&self, punches: &[(Name, Value)]) {
        self.books().acknowledged.extend(punches.iter().cloned());
    }

    /// Takes over a terminal's own ledger, whose entries are `credential|printed|factor`.
    pub fn take_over(&self, source: &str, terminal: &punchgate_kit::Ledger) {
        let entry = |entry: &String| (format!("{source}|{entry}"), Value::Null);
        let mut books = self.books();
        books.issued.extend(terminal.issued.iter().map(entry));
        books.acknowledged.extend(terminal.acknowledged.iter().map(entry));
    }

    /// How many acknowledged punches there are.
    pub fn count(&self) -> usize {
        self.books().acknowledged.len()
    }

    /// The books as they are now.
    pub fn copy(&self) -> Books {
        self.books().clone()
    }
}
