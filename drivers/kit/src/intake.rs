//! The driver's way to the journal, and the only way to an acknowledgement.
//!
//! [`Intake::report`] returns a [`Stored`] after the disk has the readings, and nothing else makes one. A codec's
//! acknowledging message takes `&Stored` in its only public constructor, so a driver that answers early does not compile.

use punchgate_model::{DeviceName, Reading};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::{Moment, Remark};

/// What became of one reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The punch id, derived from the content of the reading.
    pub id: String,
    /// Whether the same punch was already held.
    pub duplicate: bool,
}

/// Proof that readings are on the disk, one receipt for each, in order.
#[must_use = "a Stored is what an acknowledgement is made of"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    receipts: Vec<Receipt>,
}

impl Stored {
    /// One receipt for each reading reported, in order.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// How many of the readings were new.
    pub fn fresh(&self) -> usize {
        self.receipts.iter().filter(|receipt| !receipt.duplicate).count()
    }
}

/// Why readings are not on the disk. The device keeps them and sends them again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotStored {
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The disk failed.
    #[error("the disk failed: {0}")]
    DiskFailed(String),
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
    /// More arrives than can be stored.
    #[error("the gateway is busy")]
    Busy,
}

/// A call that must have the same answer when it is made again with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The caller's key.
    pub key: String,
    /// A digest of the body, so that a key used for another body is noticed.
    pub digest: String,
}

/// What [`Intake::report_once`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipted {
    /// The readings are stored now, or were when the call was made the first time.
    Stored(Stored),
    /// The key was used before with another body. Nothing was stored.
    KeyReused,
}

/// One call of a driver, as the gateway sees it.
#[derive(Debug)]
pub struct Delivery {
    /// Who speaks.
    pub device: DeviceName,
    /// When the driver said it. It may wait for the disk after that, and waiting must not make it younger.
    pub said: Moment,
    /// What is to be done.
    pub what: Deliverable,
}

/// What a [`Delivery`] holds.
#[derive(Debug)]
pub enum Deliverable {
    /// Readings that wait for the disk.
    Readings {
        /// What the device said.
        readings: Vec<Reading>,
        /// The caller's idempotency key, if it gave one.
        once: Option<Once>,
        /// Where the answer goes.
        answer: Answer,
    },
    /// A remark.
    Remark(Remark),
}

/// The one place where a [`Stored`] comes from: whoever holds the receiving end of an intake answers through it.
#[derive(Debug)]
pub struct Answer(oneshot::Sender<Result<Receipted, NotStored>>);

impl Answer {
    /// Says that the readings are on the disk. Call it after the flush, never before.
    pub fn stored(self, receipts: Vec<Receipt>) {
        // The asker may be gone; the readings are stored all the same.
        let _ = self.0.send(Ok(Receipted::Stored(Stored { receipts })));
    }

    /// Says that they are not.
    pub fn not_stored(self, why: NotStored) {
        let _ = self.0.send(Err(why));
    }

    /// Says that the idempotency key belongs to another body.
    pub fn key_reused(self) {
        let _ = self.0.send(Ok(Receipted::KeyReused));
    }
}

/// A driver's handle on the gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    device: DeviceName,
    deliveries: mpsc::Sender<Delivery>,
}

impl Intake {
    /// An intake for one device that delivers into a channel.
    pub fn new(device: DeviceName, deliveries: mpsc::Sender<Delivery>) -> Self {
        Self { device, deliveries }
    }

    /// The device this intake belongs to.
    pub fn device(&self) -> &DeviceName {
        &self.device
    }

    /// Hands over readings and waits until the disk has them.
    ///
    /// # Errors
    /// [`NotStored`]: give no positive answer to the device; it will send again.
    pub async fn report(&self, readings: Vec<Reading>) -> Result<Stored, NotStored> {
        match self.deliver(readings, None).await? {
            Receipted::Stored(stored) => Ok(stored),
            Receipted::KeyReused => Err(NotStored::Stopping),
        }
    }

    /// As [`Intake::report`], but the same key with the same digest gives the receipts of the first call.
    ///
    /// # Errors
    /// As [`Intake::report`].
    pub async fn report_once(&self, once: Once, readings: Vec<Reading>) -> Result<Receipted, NotStored> {
        self.deliver(readings, Some(once)).await
    }

    /// Says something that is no punch. Waits when the gateway is busy; lost only when it stops.
    pub async fn remark(&self, remark: Remark) {
        let delivery = Delivery {
            device: self.device.clone(),
            said: Moment::now(),
            what: Deliverable::Remark(remark),
        };
        // A gateway that stops needs no remarks any more.
        let _ = self.deliveries.send(delivery).await;
    }

    async fn deliver(&self, readings: Vec<Reading>, once: Option<Once>) -> Result<Receipted, NotStored> {
        let (answer, answered) = oneshot::channel();
        let what = Deliverable::Readings {
            readings,
            once,
            answer: Answer(answer),
        };
        let delivery = Delivery {
            device: self.device.clone(),
            said: Moment::now(),
            what,
        };
        self.deliveries.send(delivery).await.map_err(|_| NotStored::Stopping)?;
        answered.await.unwrap_or(Err(NotStored::Stopping))
    }
}
