//! What batches can be delivered to: a closed set, and a trait so that tests can script one.

use std::future::Future;

use crate::{
    outgoing::Outgoing,
    refusal::{Delivered, Refusal},
    webhook::Webhook,
};

/// Something batches can be delivered to: an [`Upstream`], or a scripted one in tests.
pub trait Deliver: Send {
    /// Delivers a batch once.
    ///
    /// # Errors
    /// [`Refusal`] unless the other side has the batch.
    fn deliver(&mut self, batch: &[Outgoing]) -> impl Future<Output = Result<Delivered, Refusal>> + Send;
}

/// The upstreams there are.
#[derive(Debug)]
pub enum Upstream {
    /// `driver = "webhook"`.
    Webhook(Box<Webhook>),
}

impl Deliver for Upstream {
    async fn deliver(&mut self, batch: &[Outgoing]) -> Result<Delivered, Refusal> {
        match self {
            Self::Webhook(webhook) => webhook.deliver(batch).await,
        }
    }
}

impl Deliver for Webhook {
    async fn deliver(&mut self, batch: &[Outgoing]) -> Result<Delivered, Refusal> {
        Webhook::deliver(self, batch).await
    }
}
