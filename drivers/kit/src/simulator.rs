//! The device's end of a conversation, written with the same codec.

use std::future::Future;

use punchgate_model::{Direction, Factor, Timestamp};
use serde::de::DeserializeOwned;

use crate::{Driver, Session};

/// Somebody punches at a simulated device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimPunch {
    /// The enrolment, card or person number.
    pub credential: String,
    /// How.
    pub factor: Factor,
    /// Which way.
    pub direction: Direction,
    /// When, by a right clock. The device may print something else.
    pub at: Timestamp,
}

/// What a simulated device issued and what it was told is safe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Every punch it made, as `credential|printed device time|factor`.
    pub issued: Vec<String>,
    /// Those for which it holds an acknowledgement, or which were read from its log by a reader that finished.
    pub acknowledged: Vec<String>,
}

/// A simulated device. It outlives its connections: its log and its clock belong to it.
pub trait Simulator: Send + Sync + 'static {
    /// The driver it talks to.
    type Of: Driver;
    /// What can be set, faults included.
    type Knobs: DeserializeOwned + Default + Clone + Send + Sync + 'static;

    /// A device with these knobs.
    fn new(knobs: Self::Knobs) -> Self;

    /// Somebody punches.
    fn punch(&self, punch: SimPunch);

    /// What it issued and what was acknowledged.
    fn ledger(&self) -> Ledger;

    /// Speaks with one gateway until the link goes.
    fn behave(
        &self,
        session: Session<<Self::Of as Driver>::Said, <Self::Of as Driver>::Heard>,
    ) -> impl Future<Output = ()> + Send;
}
