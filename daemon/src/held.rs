//! Which punches are held already, so that a device that sends again is told so and nothing is written twice.
//!
//! What has been decided is looked up in the buffer; what is durable but not yet decided is remembered here. While a
//! buffer is being rebuilt it does not know all: then a punch may be written twice, and deciding notices.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use punchgate_journal::Buffer;
use punchgate_kit::Receipt;
use punchgate_model::DeviceName;
use punchgate_rules::PunchId;

use crate::decide::{account::Known, ids::Ids, tables};

/// The answers to idempotent calls: by device and key, the digest of the body and the receipts.
pub type Answers = HashMap<(DeviceName, String), (String, Vec<Receipt>)>;

/// What is held.
pub struct Held {
    buffer: Buffer,
    ids: Ids,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    punches: HashMap<PunchId, Known>,
    answers: Answers,
}

impl Held {
    /// What a buffer and its ids know, and nothing else.
    pub fn new(buffer: Buffer, ids: Ids) -> Self {
        Self {
            buffer,
            ids,
            waiting: Mutex::default(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the reports of a punch, if it is held.
    pub fn known(&self, id: &PunchId) -> Option<Known> {
        #[cfg(feature = "sabotage")]
        if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::ForgetWhatIsHeld) {
            return None;
        }
        let waiting = self.waiting().punches.get(id).cloned();
        waiting.or_else(|| self.ids.known(id))
    }

    /// The answer a call with this key had.
    pub fn answer(&self, device: &DeviceName, key: &str) -> Option<(String, Vec<Receipt>)> {
        let place = (device.clone(), key.to_owned());
        let waiting = self.waiting().answers.get(&place).cloned();
        waiting.or_else(|| tables::answer_of(&self.buffer, device, key))
    }

    /// These are durable but not yet decided.
    pub fn in_hand(&self, punches: impl IntoIterator<Item = (PunchId, Known)>) {
        self.waiting().punches.extend(punches);
    }

    /// So are these answers.
    pub fn remember(&self, answers: Answers) {
        if !answers.is_empty() {
            self.waiting().answers.extend(answers);
        }
    }

    /// The buffer knows these now.
    pub fn settled<'a>(
        &self,
        punches: impl IntoIterator<Item = &'a PunchId>,
        answers: impl IntoIterator<Item = (DeviceName, String)>,
    ) {
        let mut waiting = self.waiting();
        for id in punches {
            waiting.punches.remove(id);
        }
        for place in answers {
            waiting.answers.remove(&place);
        }
    }
}
