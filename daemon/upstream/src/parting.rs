//! How one batch is taken apart: which parts are still to be sent, who is dead, and how far the cursor may move.
//!
//! Pure: it is told what became of each part and answers with the next one and with steps of the cursor. Parts are
//! sent from left to right, so what is answered is always a prefix of the batch.

use std::ops::Range;

use punchgate_model::Timestamp;

use crate::{
    outbox::{Dead, Settled},
    outgoing::Outgoing,
    refusal::Reason,
};

/// A batch being sent, whole or in parts. Places are those in the gathered events; the batch starts at 0.
pub(crate) struct Parting {
    pub(crate) len: usize,
    /// What is still to be sent; the next part is the last.
    parts: Vec<Range<usize>>,
    /// Everything before this place has been answered.
    answered: usize,
    /// Everything before this place is settled.
    pub(crate) settled: usize,
    /// Refused for good, not yet settled.
    dead: Vec<(usize, Reason)>,
    /// Refused alone with "nobody there"; dead if somebody is.
    suspects: Vec<(usize, Reason)>,
    /// Something of the batch was accepted, or refused for what it is: the address is right.
    somebody: bool,
}

impl Parting {
    pub(crate) fn new(len: usize) -> Self {
        Self {
            len,
            parts: std::iter::once(0..len).collect(),
            answered: 0,
            settled: 0,
            dead: Vec::new(),
            suspects: Vec::new(),
            somebody: false,
        }
    }

    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        self.parts.pop()
    }

    pub(crate) fn accept(&mut self, part: Range<usize>, dead: Vec<(usize, Reason)>) {
        self.somebody = true;
        self.answered = part.end;
        self.dead.extend(dead);
    }

    pub(crate) fn split_or_bury(&mut self, part: Range<usize>, why: Reason) {
        if part.len() > 1 {
            let middle = part.start + part.len() / 2;
            self.parts.push(middle..part.end);
            self.parts.push(part.start..middle);
        } else {
            self.somebody = true;
            self.answered = part.end;
            self.dead.push((part.start, why));
        }
    }

    pub(crate) fn suspect(&mut self, part: Range<usize>, why: Reason) {
        self.answered = part.end;
        self.suspects.push((part.start, why));
    }

    /// The next step of the cursor, as far as it is certain.
    pub(crate) fn settle(&mut self, gathered: &[Outgoing], at: Timestamp) -> Option<Settled> {
        if self.somebody {
            self.dead.append(&mut self.suspects);
        }
        if !self.suspects.is_empty() || self.answered <= self.settled {
            return None;
        }
        let through = gathered.get(self.answered.checked_sub(1)?)?.seq;
        self.settled = self.answered;
        self.dead.sort_by_key(|(place, _)| *place);
        let bury = |(place, why): (usize, Reason)| {
            gathered.get(place).map(|event| Dead {
                event: event.clone(),
                why,
                at,
            })
        };
        let dead = self.dead.drain(..).filter_map(bury).collect();
        Some(Settled { through, dead })
    }

    /// What was said when every event alone was refused with "nobody there".
    pub(crate) fn nobody_there(&self) -> Option<Reason> {
        let (_, why) = self.suspects.first()?;
        Some(Reason::new(format!(
            "check the address: every event was refused: {why}"
        )))
    }
}
