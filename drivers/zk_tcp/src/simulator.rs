//! A simulated terminal, with the faults that real ones have (`zkteco-standalone-4370.md` sections 12 and 13).
//!
//! [`Knobs`] say what kind of terminal it is and what is wrong with it; `memory` is what it keeps when nobody is connected;
//! `visit` is one client's session, `answers` what it says to each command. Deliberately absent: cutting and gluing of
//! frames, which belongs to whatever carries it.

mod answers;
mod knobs;
mod memory;
mod visit;

use std::sync::{Mutex, MutexGuard, PoisonError};

use punchgate_kit::{Ledger, Session, SimPunch, Simulator};

use crate::{
    codec::{Code, Heard, Said},
    driver::ZkTcp,
};
pub use knobs::Knobs;
use memory::Memory;

/// A simulated terminal.
#[derive(Debug)]
pub struct ZkSim {
    knobs: Knobs,
    memory: Mutex<Memory>,
}

impl ZkSim {
    /// Every command it was given, in order.
    pub fn commands(&self) -> Vec<Code> {
        self.memory().commands.clone()
    }

    /// Somebody clears its log at the menu.
    pub fn clear(&self) {
        self.memory().log.clear();
    }

    /// Somebody resets it to how it left the factory: no log and no users. Its clock goes on.
    pub fn reset(&self) {
        self.memory().reset();
    }

    /// Somebody sets its clock by hand: so many seconds fast from now on.
    pub fn step_clock(&self, seconds_fast: i64) {
        self.memory().clock_offset = seconds_fast;
    }

    /// How many records its log has.
    pub fn records(&self) -> usize {
        self.memory().log.len()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulator for ZkSim {
    type Of = ZkTcp;
    type Knobs = Knobs;

    fn new(knobs: Knobs) -> Self {
        Self {
            memory: Mutex::new(Memory::new(&knobs)),
            knobs,
        }
    }

    fn punch(&self, punch: SimPunch) {
        self.memory().punch(&self.knobs, &punch);
    }

    fn ledger(&self) -> Ledger {
        self.memory().ledger()
    }

    async fn behave(&self, session: Session<Said, Heard>) {
        visit::Visit::of(self, session).last().await;
    }
}
