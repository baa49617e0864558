//! An upstream that takes webhooks and misbehaves on request.
//!
//! Promises: what it acknowledged it holds, and with a state file still holds after a kill; an event counts once
//! however often it arrives; signatures and the shape of events are checked before anything is taken.
//!
//! Besides the webhook (any other path), it answers `GET /events`, `GET /stats` and `POST /faults`
//! (`{"faults":[…]}` queues, `{"standing":{…}}` or `null` sets what holds until further notice).
//!
//! ```no_run
//! # async fn story() -> std::io::Result<()> {
//! use punchgate_lab::sink::{Fault, Sink, SinkOptions};
//! let sink = Sink::start(SinkOptions::default()).await?;
//! sink.fault(Fault::status(503));
//! // … point an upstream at sink.url() …
//! assert!(sink.until(|stats| stats.held == 3, std::time::Duration::from_secs(5)).await);
//! # Ok(()) }
//! ```

mod body;
mod fault;
mod holdings;
mod serve;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use punchgate_upstream::SigningKey;
use serde::Serialize;
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
    task::{JoinHandle, JoinSet},
};

pub use fault::Fault;
pub use holdings::{Held, Stats};

use fault::Faults;
use holdings::Holdings;

/// How a sink is started.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Check signatures with this secret (`whsec_…` or any text); none takes everything.
    pub secret: Option<String>,
    /// Keep accepted events in this file, synced before the answer.
    pub state: Option<PathBuf>,
}

impl Default for SinkOptions {
    /// A free port on loopback, no secret, no file.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            secret: None,
            state: None,
        }
    }
}

/// One call of the webhook, as the sink saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// `webhook-id`.
    pub webhook_id: String,
    /// `Idempotency-Key`.
    pub idempotency_key: String,
    /// The ids of the events, in the order of the batch.
    pub ids: Vec<String>,
    /// How many of the (id, revision) were new; 0 when nothing was taken.
    pub new: usize,
    /// What was answered: a status, or the name of the fault.
    pub answered: String,
}

/// A running sink. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    key: Option<SigningKey>,
    inner: Mutex<Inner>,
    stats: watch::Sender<Stats>,
    calls: broadcast::Sender<Call>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    holdings: Holdings,
    faults: Faults,
    calls: Vec<Call>,
}

impl Sink {
    /// Starts to listen. With a state file, what it holds is read first.
    ///
    /// # Errors
    /// When the address is taken, the secret is none, or the file cannot be read.
    pub async fn start(options: SinkOptions) -> io::Result<Self> {
        let key = options.secret.as_deref().map(SigningKey::parse).transpose();
        let key = key.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let holdings = Holdings::open(options.state.as_deref())?;
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            key,
            stats: watch::Sender::new(holdings.stats()),
            calls: broadcast::Sender::new(1_024),
            inner: Mutex::new(Inner {
                holdings,
                faults: Faults::default(),
                calls: Vec::new(),
            }),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to configure as the webhook's `url`.
    pub fn url(&self) -> String {
        format!("http://{}/punches", self.address)
    }

    /// Lets the next call that has no fault yet meet this one.
    pub fn fault(&self, fault: Fault) {
        self.shared.inner().faults.queue(fault);
    }

    /// Lets every call without a queued fault meet this one, until told `None`.
    pub fn standing(&self, fault: Option<Fault>) {
        self.shared.inner().faults.stand(fault);
    }

    /// What it holds: the newest revision of every thing, in the order of the ids.
    pub fn held(&self) -> Vec<Held> {
        self.shared.inner().holdings.held()
    }

    /// The newest revision of one thing.
    pub fn get(&self, id: &str) -> Option<Held> {
        self.shared.inner().holdings.get(id)
    }

    /// The ids of what it holds of one `type`, for example `punchgate.punch.v1`, sorted.
    pub fn ids(&self, event_type: &str) -> Vec<String> {
        let held = self.held().into_iter().filter(|held| held.event_type == event_type);
        held.map(|held| held.id).collect()
    }

    /// Its counters.
    pub fn stats(&self) -> Stats {
        self.shared.inner().holdings.stats()
    }

    /// The last thousand calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.inner().calls.clone()
    }

    /// Calls as they come, from now on.
    pub fn listen(&self) -> broadcast::Receiver<Call> {
        self.shared.calls.subscribe()
    }

    /// Waits until the counters are as wanted; false when patience ended first.
    pub async fn until(&self, wanted: impl FnMut(&Stats) -> bool, patience: Duration) -> bool {
        let mut stats = self.shared.stats.subscribe();
        tokio::time::timeout(patience, stats.wait_for(wanted))
            .await
            .is_ok_and(|met| met.is_ok())
    }

    /// Stops and gives the address free. What it acknowledged is in its file, if it has one.
    pub async fn stop(mut self) {
        self.task.abort();
        // It was aborted; that is how it ends.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call and tells those who wait.
    pub(crate) fn note(&self, call: Call) {
        let mut inner = self.inner();
        if inner.calls.len() >= 1_000 {
            inner.calls.drain(..500);
        }
        inner.calls.push(call.clone());
        self.stats.send_replace(inner.holdings.stats());
        // Nobody may be listening.
        let _ = self.calls.send(call);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                connections.spawn(serve::connection(socket, shared.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
