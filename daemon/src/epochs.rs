//! Log epochs: what tells a device's records apart from those it had before it was reset.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use punchgate_model::DeviceName;

/// The log epoch of each device: it grows when a device was reset and counts its records from the start again.
#[derive(Debug, Default)]
pub struct Epochs(Mutex<HashMap<DeviceName, u32>>);

impl Epochs {
    /// The epoch of a device, 0 unless it was ever reset.
    pub fn of(&self, device: &DeviceName) -> u32 {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(device)
            .copied()
            .unwrap_or(0)
    }

    /// Sets the epoch of a device.
    pub fn set(&self, device: &DeviceName, epoch: u32) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(device.clone(), epoch);
    }
}
