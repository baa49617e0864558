//! The way out: what the gateway tells the systems above it, and how it keeps telling until they have it.
//!
//! - [`outgoing`]: one event on its way, as it waits in the outbox; [`schema`]: what its `data` says.
//! - [`payload`]: the versioned envelope (CloudEvents 1.0); [`signature`]: Standard Webhooks.
//! - [`webhook`]: one HTTP delivery; [`answer`]: what an HTTP answer means.
//! - [`deliver`]: what can be delivered to; [`pump`]: the one loop that reads, batches, delivers and settles, over any
//!   [`outbox`]; [`backoff`]: how it waits.
//!
//! Promises: at least once, in order, never counted as delivered without a [`Delivered`]; what is refused for good
//! leaves to the dead letters and stops nobody; what fails for now is tried again for ever.
//! Deliberately absent: where the outbox lives (the journal's crate), and which upstreams exist (the configuration).

#![forbid(unsafe_code)]

pub mod answer;
pub mod backoff;
pub mod batching;
pub mod deliver;
pub mod outbox;
pub mod outgoing;
mod parting;
pub mod payload;
pub mod pump;
pub mod refusal;
pub mod schema;
pub mod signature;
pub mod status;
pub mod webhook;

pub use backoff::Backoff;
pub use batching::{Batching, When};
pub use deliver::{Deliver, Upstream};
pub use outbox::{Dead, MemoryOutbox, Outbox, OutboxError, Settled};
pub use outgoing::{EventKind, Outgoing};
pub use pump::{Handle, Pump};
pub use refusal::{Delivered, Reason, Refusal, Refused};
pub use schema::{DeviceData, PunchData, RecordData, VerdictData, VerdictState};
pub use signature::{Signature, SigningKey};
pub use status::{State, Status};
pub use webhook::{Webhook, WebhookConfig, WebhookError};
