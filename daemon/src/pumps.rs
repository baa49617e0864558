//! The pumps, one for each upstream: made of the configuration, woken when there is something new, asked how they are.
//!
//! What is wanted may change while they run: a pump whose upstream changed finishes its batch and another one goes on
//! where it stood; the others do not notice.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use punchgate_journal::{Buffer, BufferError, Seq};
use punchgate_kit::Clock;
use punchgate_upstream::{Batching, Handle, Pump, SigningKey, Status, Upstream, Webhook, WebhookConfig, When};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{self, Config},
    decide::Decider,
    deciding::Progress,
    forward::{Backlog, Backlogs, Forwarding, Places},
    notebook::Notebook,
    outbox, plan,
};

/// How long a pump that is replaced has to finish its batch.
const LAST_BATCH: Duration = Duration::from_secs(3);

/// All pumps, for whoever asks how they are.
#[derive(Debug, Default)]
pub struct Pumps(Mutex<BTreeMap<String, (Handle, Backlog)>>);

impl Pumps {
    /// How each upstream is doing. What waits is counted now: a pump that pauses does not look.
    pub fn statuses(&self) -> Vec<(String, Status)> {
        let status = |(name, (handle, backlog)): (&String, &(Handle, Backlog))| {
            let status = Status {
                backlog: backlog.waiting(),
                ..handle.status()
            };
            (name.clone(), status)
        };
        self.with(|pumps| pumps.iter().map(status).collect())
    }

    fn wake(&self) {
        self.with(|pumps| pumps.values().for_each(|(handle, _)| handle.wake()));
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<String, (Handle, Backlog)>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes the upstream that a table of the configuration means.
///
/// # Errors
/// A sentence that names the upstream and what is wrong with it.
pub fn upstream(gateway: &str, upstream: &config::Upstream) -> Result<Upstream, String> {
    let wrong = |why: String| format!("upstream {:?}: {why}", upstream.name);
    let key = upstream
        .secret
        .as_ref()
        .and_then(config::SecretRef::secret)
        .map(|secret| SigningKey::parse(secret.reveal()));
    let mut webhook = WebhookConfig::new(gateway, upstream.url.as_str());
    webhook.keys = key
        .transpose()
        .map_err(|error| wrong(error.to_string()))?
        .into_iter()
        .collect();
    webhook.timeout = upstream.timeout;
    let webhook = Webhook::new(webhook).map_err(|error| wrong(error.to_string()))?;
    Ok(Upstream::Webhook(Box::new(webhook)))
}

fn batching(upstream: &config::Upstream) -> Batching {
    let when = upstream
        .schedule
        .map_or(When::Every(upstream.batch.every), When::Schedule);
    Batching {
        max: upstream.batch.max,
        when,
        ..Batching::default()
    }
}

/// The backlogs of a configuration's upstreams, before anything is counted.
pub fn backlogs(config: &Config) -> Backlogs {
    let backlogs = Backlogs::default();
    let each = config.upstreams.iter();
    let each = each.map(|upstream| (upstream.name.clone(), Backlog::of(plan::kinds(upstream))));
    backlogs.with(|list| list.extend(each));
    backlogs
}

/// A pump that runs.
struct Running {
    upstream: config::Upstream,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Keeps a pump running for every upstream that is wanted.
pub struct Pumping {
    /// Where what waits for each is counted.
    pub backlogs: Backlogs,
    /// Where they are shown.
    pub pumps: Arc<Pumps>,
    /// The outbox lies here.
    pub buffer: Buffer,
    /// Where they write how far they are.
    pub notebook: Notebook,
    /// The wall clock.
    pub clock: Clock,
    /// What their tasks are counted by.
    pub tasks: TaskTracker,
}

impl Pumping {
    /// Runs until told to stop; the pumps then finish their batches by themselves. They begin once everything up to
    /// `begun_at` is decided: only then it is known what each upstream has.
    pub async fn keep(
        self,
        mut wanted: watch::Receiver<Arc<Config>>,
        mut progress: watch::Receiver<Progress>,
        begun_at: Seq,
        stop: CancellationToken,
    ) {
        let caught_up = tokio::select! {
            () = stop.cancelled() => return,
            caught_up = progress.wait_for(|progress| progress.decided >= begun_at) => caught_up.is_ok(),
        };
        if !caught_up {
            return;
        }
        let (places, mut running) = (Arc::new(Places::default()), BTreeMap::new());
        loop {
            let config = wanted.borrow_and_update().clone();
            if let Err(error) = self.follow(&config, &mut running, &places, &stop).await {
                tracing::error!(%error, "nothing is forwarded; restart punchgate to build the buffer again");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = wanted.changed() => if changed.is_err() { return },
                () = self.wake_on(&mut progress) => return,
            }
        }
    }

    /// Wakes every pump whenever something new was decided, until deciding ends.
    async fn wake_on(&self, progress: &mut watch::Receiver<Progress>) {
        while progress.changed().await.is_ok() {
            self.pumps.wake();
        }
    }

    /// Ends the pumps that are not wanted as they are, and begins those that are.
    async fn follow(
        &self,
        config: &Config,
        running: &mut BTreeMap<String, Running>,
        places: &Arc<Places>,
        stop: &CancellationToken,
    ) -> Result<(), BufferError> {
        let stays = |running: &Running| config.upstreams.iter().any(|wanted| wanted.is_as(&running.upstream));
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(running)
            .into_iter()
            .partition(|(_, running)| stays(running));
        *running = kept;
        gone.values().for_each(|running| running.stop.cancel());
        for (name, Running { mut task, .. }) in gone {
            if tokio::time::timeout(LAST_BATCH, &mut task).await.is_err() {
                // What it had in hand is sent again, with the same ids.
                task.abort();
            }
            self.pumps.with(|pumps| pumps.remove(&name));
            if config.upstreams.iter().all(|wanted| wanted.name != name) {
                self.backlogs.with(|backlogs| backlogs.remove(&name));
                places.forget(&name);
            }
        }
        for wanted in &config.upstreams {
            if !running.contains_key(&wanted.name) {
                let begun = self.begin(config, wanted, places, stop)?;
                running.extend(begun.map(|begun| (wanted.name.clone(), begun)));
            }
        }
        Ok(())
    }

    /// Begins to pump where the upstream stands; what waits for it is counted while nothing is added.
    fn begin(
        &self,
        config: &Config,
        wanted: &config::Upstream,
        places: &Arc<Places>,
        stop: &CancellationToken,
    ) -> Result<Option<Running>, BufferError> {
        let upstream = match upstream(&config.gateway.id, wanted) {
            Ok(upstream) => upstream,
            // Asked before the configuration was taken; only the system can change its mind in between.
            Err(why) => {
                tracing::error!(%why, "an upstream gets nothing");
                return Ok(None);
            }
        };
        let place = places.of(&wanted.name, || Decider::cursor(&self.buffer, &wanted.name))?;
        let cursor = place.load(std::sync::atomic::Ordering::Acquire);
        let backlog = Backlog::of(plan::kinds(wanted));
        self.backlogs.with(|backlogs| {
            let waiting = outbox::count(&self.buffer, cursor, u64::MAX - 1, |kind| backlog.wants(kind))?;
            backlog.start_at(waiting);
            backlogs.insert(wanted.name.clone(), backlog.clone());
            Ok::<_, BufferError>(())
        })?;
        let forwarding = Forwarding::new(
            &wanted.name,
            self.buffer.clone(),
            self.notebook.clone(),
            self.clock.clone(),
            backlog.clone(),
            places.clone(),
            place,
        );
        let (pump, handle) = Pump::new(upstream, forwarding, batching(wanted), self.clock.clone());
        self.pumps
            .with(|pumps| pumps.insert(wanted.name.clone(), (handle, backlog)));
        let stop = stop.child_token();
        Ok(Some(Running {
            upstream: wanted.clone(),
            task: self.tasks.spawn(pump.run(stop.clone())),
            stop,
        }))
    }
}
