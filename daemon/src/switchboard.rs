//! Where operators' wishes find the conversation with a device.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use punchgate_kit::{Command, Wish};
use punchgate_model::DeviceName;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// The lines to the conversations that run now.
#[derive(Debug, Default)]
pub struct Switchboard(Mutex<HashMap<DeviceName, mpsc::Sender<Command>>>);

/// Why a wish was not granted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotDone {
    /// There is no conversation with it: try again when `status` says that it talks.
    #[error("{0} is not being talked to")]
    NotConnected(DeviceName),
    /// The driver or the device said no.
    #[error("{0}")]
    Refused(String),
}

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
    /// [`NotDone`].
    pub async fn ask(&self, device: &DeviceName, wish: Wish) -> Result<String, NotDone> {
        let line = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(device)
            .cloned();
        let gone = || NotDone::NotConnected(device.clone());
        let line = line.ok_or_else(gone)?;
        let (answer, answered) = oneshot::channel();
        line.send(Command { wish, answer }).await.map_err(|_| gone())?;
        match answered.await {
            Ok(answer) => answer.map_err(NotDone::Refused),
            Err(_) => Err(gone()),
        }
    }
}
