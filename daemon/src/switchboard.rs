//! Where operators' wishes find the conversation with a device.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use punchgate_kit::{Command, Wish};
use punchgate_model::DeviceName;
use tokio::sync::{mpsc, oneshot};

/// The lines to the conversations that run now.
#[derive(Debug, Default)]
pub struct Switchboard(Mutex<HashMap<DeviceName, mpsc::Sender<Command>>>);

impl Switchboard {
    /// A conversation has begun; it replaces the one before.
    pub fn connect(&self, device: &DeviceName, line: mpsc::Sender<Command>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(device.clone(), line);
    }

    /// Asks a device for something and waits for its answer.
    ///
    /// # Errors
    /// The reason, in a sentence.
    pub async fn ask(&self, device: &DeviceName, wish: Wish) -> Result<String, String> {
        let line = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(device)
            .cloned();
        let line = line.ok_or_else(|| format!("{device} is not being talked to"))?;
        let (answer, answered) = oneshot::channel();
        line.send(Command { wish, answer })
            .await
            .map_err(|_| format!("the conversation with {device} has ended"))?;
        answered
            .await
            .unwrap_or_else(|_| Err(format!("{device} did not answer")))
    }
}
