//! The pumps, one for each upstream: made of the configuration, woken when there is something new, asked how they are.

use std::sync::{Arc, Mutex, PoisonError};

use punchgate_journal::{Buffer, BufferError};
use punchgate_kit::Clock;
use punchgate_upstream::{Batching, Handle, Pump, SigningKey, Status, Upstream, Webhook, WebhookConfig, When};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{self, Config},
    decide::Decider,
    deciding::Progress,
    forward::{Backlog, Forwarding, Places},
    intake::Notebook,
    outbox, plan,
};

/// All pumps.
#[derive(Debug, Default)]
pub struct Pumps(Mutex<Vec<(String, Handle, Backlog)>>);

impl Pumps {
    /// How each upstream is doing. What waits is counted now: a pump that pauses does not look.
    pub fn statuses(&self) -> Vec<(String, Status)> {
        let handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = |(name, handle, backlog): &(String, Handle, Backlog)| {
            let status = Status {
                backlog: backlog.waiting(),
                ..handle.status()
            };
            (name.clone(), status)
        };
        handles.iter().map(status).collect()
    }

    fn wake(&self) {
        for (_, handle, _) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            handle.wake();
        }
    }

    fn add(&self, name: &str, handle: Handle, backlog: Backlog) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((name.to_owned(), handle, backlog));
    }

    /// Wakes every pump whenever something new was decided, until deciding ends.
    pub async fn wake_on(self: Arc<Self>, mut progress: watch::Receiver<Progress>) {
        while progress.changed().await.is_ok() {
            self.wake();
        }
    }
}

/// An upstream that is ready to be pumped to.
pub struct Prepared {
    name: String,
    upstream: Upstream,
    batching: Batching,
    backlog: Backlog,
    counted_from: u64,
}

/// Prepares the upstreams of a configuration. What waits for them in the buffer is counted.
///
/// # Errors
/// A sentence that names the upstream and what is wrong with it.
pub fn prepare(config: &Config, buffer: &Buffer) -> Result<Vec<Prepared>, String> {
    config
        .upstreams
        .iter()
        .map(|upstream| one(config, upstream, buffer))
        .collect()
}

fn one(config: &Config, upstream: &config::Upstream, buffer: &Buffer) -> Result<Prepared, String> {
    let wrong = |why: String| format!("upstream {:?}: {why}", upstream.name);
    let key = upstream
        .secret
        .as_ref()
        .and_then(config::SecretRef::secret)
        .map(|secret| SigningKey::parse(secret.reveal()));
    let mut webhook = WebhookConfig::new(config.gateway.id.as_str(), upstream.url.as_str());
    webhook.keys = key
        .transpose()
        .map_err(|error| wrong(error.to_string()))?
        .into_iter()
        .collect();
    webhook.timeout = upstream.timeout;
    let webhook = Webhook::new(webhook).map_err(|error| wrong(error.to_string()))?;
    let when = upstream
        .schedule
        .map_or(When::Every(upstream.batch.every), When::Schedule);
    let backlog = Backlog::of(plan::kinds(upstream));
    let counted_from = Decider::cursor(buffer, &upstream.name).map_err(|error| wrong(error.to_string()))?;
    let waiting = outbox::count(buffer, counted_from, u64::MAX - 1, |event| backlog.wants(event));
    backlog.start_at(waiting.map_err(|error| wrong(error.to_string()))?);
    Ok(Prepared {
        name: upstream.name.clone(),
        upstream: Upstream::Webhook(Box::new(webhook)),
        batching: Batching {
            max: upstream.batch.max,
            when,
            ..Batching::default()
        },
        backlog,
        counted_from,
    })
}

impl Prepared {
    /// What waits for it.
    pub fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }
}

/// Starts the pumps. Call it once the journal of before the start is decided: only then it is known what each upstream has.
///
/// # Errors
/// [`BufferError`] when the buffer failed.
pub fn start(
    prepared: Vec<Prepared>,
    pumps: &Pumps,
    (buffer, notebook, clock): (&Buffer, &Notebook, &Clock),
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), BufferError> {
    let places = Arc::new(Places::default());
    for Prepared {
        name,
        upstream,
        batching,
        backlog,
        counted_from,
    } in prepared
    {
        let cursor = Decider::cursor(buffer, &name)?;
        // Found delivered while deciding caught up: it was counted as waiting.
        backlog.settled(outbox::count(buffer, counted_from, cursor, |event| {
            backlog.wants(event)
        })?);
        let forwarding = Forwarding::new(
            &name,
            buffer.clone(),
            notebook.clone(),
            clock.clone(),
            backlog.clone(),
            places.clone(),
            cursor,
        );
        let (pump, handle) = Pump::new(upstream, forwarding, batching, clock.clone());
        pumps.add(&name, handle, backlog);
        tasks.spawn(pump.run(stop.clone()));
    }
    Ok(())
}
