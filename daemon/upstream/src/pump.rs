//! The one loop between an outbox and its upstream.
//!
//! ```text
//!            wake                      due (count, age, schedule)
//!   outbox ────────► gather ──────────────────────────────► deliver ──► settle ──► outbox
//!              ▲                                              │ refused for now
//!              └────────────────── wait (backoff) ◄───────────┘ (nothing settled)
//! ```
//!
//! Promises: events leave in the order of their `seq`, so in order per person; the cursor moves only on [`Delivered`];
//! a batch that failed is tried again as it was, so with the same ids;
//! a batch refused for one of its events is halved until that event is found, which goes to the dead letters while the
//! rest passes; whatever else fails is tried again for ever, after a jittered backoff of 1 s to 60 s (5 s to 5 min
//! where a person must mend something), or when the upstream asked for. Idle, it sleeps until it is woken.
//!
//! *Nobody there.* When every event of a batch, each tried alone, is refused with 404 or 410, it is taken for a wrong
//! address and not for that many bad events: all are kept. One acceptance in the same batch proves the address right,
//! and the refused go to the dead letters.
//!
//! *Settling fails* (a full disk): forwarding goes on, and what is owed to the outbox is settled when it can be. After
//! a restart in between, what was already delivered is sent once more, with the same ids.

use std::{ops::Range, sync::Arc};

use punchgate_kit::Clock;
use punchgate_model::Span;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    batching::{Batching, When},
    deliver::Deliver,
    outbox::{Outbox, OutboxError, Settled},
    outgoing::Outgoing,
    parting::Parting,
    refusal::{Delivered, Reason, Refusal},
    status::{Board, State, Status},
};

/// How long a batch in flight may take to finish once the pump is told to stop (`architecture.md` 2.6).
pub const GRACE: Span = Span::from_secs(3);

/// After so many deliveries in a row a shrunk batch grows by a little.
const CALM: u32 = 8;

/// The most dead letters that may be owed to an outbox that cannot keep them.
const MOST_OWED: usize = 1_000;

/// What the rest of the gateway holds of a pump. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    wake: Arc<Notify>,
    hurry: Arc<Notify>,
    board: Board,
}

impl Handle {
    /// There is something new in the outbox. Costs next to nothing; may be called for each event.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Send what waits now: do not wait for a batch to be due, nor for a backoff to end.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// How the upstream is doing.
    pub fn status(&self) -> Status {
        self.board.read()
    }
}

/// The loop and its state. Make it with [`Pump::new`], then [`Pump::run`] it.
#[derive(Debug)]
pub struct Pump<U, O> {
    upstream: U,
    outbox: O,
    batching: Batching,
    clock: Clock,
    handle: Handle,
    /// After failures that heal by waiting.
    backoff: Backoff,
    /// After failures that a person must mend.
    patience: Backoff,
    /// How many events a batch may have at the moment; shrinks when batches are too much for the link.
    limit: usize,
    /// Deliveries since the batch last shrank or grew.
    calm: u32,
    /// Read from the outbox and not yet settled.
    gathered: Vec<Outgoing>,
    /// The last `seq` that was read.
    position: u64,
    /// When the gathered events are due.
    due: Option<Instant>,
    /// How many events are still part of the scheduled sending under way; 0 between schedules.
    scheduled: u64,
    /// The size of the batch that failed for now: it is tried again as it was, so with the same ids.
    again: Option<usize>,
    /// Time-outs without a success in between.
    timeouts: u32,
    /// Settled, but not yet kept by the outbox.
    owed: Option<Settled>,
    /// The last event of a batch for which there was nobody there, so that it is not taken apart again and again.
    hopeless: Option<u64>,
}

/// Why a sending ended before everything was settled.
enum Trouble {
    Refusal(Refusal),
    Outbox(OutboxError),
    Stopping,
}

/// What a pause ended with.
enum Woken {
    Again,
    Stopping,
}

impl<U: Deliver, O: Outbox> Pump<U, O> {
    /// A pump, and the handle on it.
    pub fn new(upstream: U, outbox: O, batching: Batching, clock: Clock) -> (Self, Handle) {
        let handle = Handle {
            wake: Arc::new(Notify::new()),
            hurry: Arc::new(Notify::new()),
            board: Board::default(),
        };
        let max = batching.max.max(1);
        let pump = Self {
            position: outbox.cursor(),
            upstream,
            outbox,
            batching: Batching { max, ..batching },
            clock,
            handle: handle.clone(),
            backoff: Backoff::shuffled(Span::from_secs(1), Span::from_secs(60)),
            patience: Backoff::shuffled(Span::from_secs(5), Span::from_secs(300)),
            limit: max,
            calm: 0,
            gathered: Vec::new(),
            due: None,
            scheduled: 0,
            again: None,
            timeouts: 0,
            owed: None,
            hopeless: None,
        };
        (pump, handle)
    }

    /// The same, with backoffs of the caller's: for failures that heal by waiting, and for those that do not.
    #[must_use]
    pub fn with_backoffs(mut self, backoff: Backoff, patience: Backoff) -> Self {
        self.backoff = backoff;
        self.patience = patience;
        self
    }

    /// Pumps until told to stop; then the batch in flight has [`GRACE`] to finish.
    pub async fn run(mut self, stop: CancellationToken) {
        let grace = stop.clone();
        let pumping = async {
            self.pump(&stop).await;
            // A last try; whatever is still owed is delivered once more after the next start.
            let _ = self.settle_owed().await;
        };
        tokio::select! {
            biased;
            () = pumping => {}
            () = async { grace.cancelled().await; sleep(GRACE).await } => {}
        }
        self.handle.board.status().state = State::Stopped;
    }

    async fn pump(&mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let sent = match self.gather(stop).await {
                Ok(Woken::Again) => self.send(stop).await,
                Ok(Woken::Stopping) => return,
                Err(error) => Err(Trouble::Outbox(error)),
            };
            self.show_backlog();
            let woken = match sent {
                Ok(()) => Woken::Again,
                Err(trouble) => self.recover(trouble, stop).await,
            };
            if matches!(woken, Woken::Stopping) {
                return;
            }
        }
    }

    // ── gathering ────────────────────────────────────────────────────────────────────────────────────────────────

    /// Reads until a batch is due.
    async fn gather(&mut self, stop: &CancellationToken) -> Result<Woken, OutboxError> {
        loop {
            self.fill().await?;
            self.show_backlog();
            if self.is_due() {
                return Ok(Woken::Again);
            }
            let handle = self.handle.clone();
            let due = self.due.or(self.owed_at());
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Woken::Stopping),
                () = handle.hurry.notified() => {
                    self.fill().await?;
                    self.due = (!self.gathered.is_empty()).then(Instant::now);
                }
                () = handle.wake.notified() => {}
                () = at(due) => self.settle_owed().await?,
            }
        }
    }

    /// Reads what has come since, up to a full batch.
    async fn fill(&mut self) -> Result<(), OutboxError> {
        // One more than a batch of one, so that one bad event cannot pass for a wrong address for ever.
        let room = self.batching.max.max(2).saturating_sub(self.gathered.len());
        if room == 0 {
            return Ok(());
        }
        let new = self.outbox.read(self.position, room).await?;
        if let Some(last) = new.last() {
            self.position = last.seq;
            let patience = self.batching.when.patience(self.clock.now());
            self.due.get_or_insert_with(|| Instant::now() + patience);
            self.gathered.extend(new);
        }
        Ok(())
    }

    fn is_due(&mut self) -> bool {
        if self.gathered.is_empty() {
            self.scheduled = 0;
            return false;
        }
        let over = self.due.is_some_and(|due| due <= Instant::now());
        match self.batching.when {
            When::Every(_) => over || self.gathered.len() >= self.batching.max,
            When::Schedule(_) => {
                if over && self.scheduled == 0 {
                    // What waits now is what is sent; what comes while it is sent waits for the next time.
                    self.scheduled = self.outbox.backlog().max(1);
                }
                over || self.scheduled > 0
            }
        }
    }

    /// When to try again to settle what is owed, if nothing else happens.
    fn owed_at(&self) -> Option<Instant> {
        self.owed.as_ref().map(|_| Instant::now() + Span::from_secs(5))
    }

    fn show_backlog(&self) {
        let mut status = self.handle.board.status();
        status.backlog = self.outbox.backlog();
        status.oldest = self.gathered.first().map(|event| event.queued_at);
    }

    // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Sends what is gathered, a batch at a time.
    async fn send(&mut self, stop: &CancellationToken) -> Result<(), Trouble> {
        while !self.gathered.is_empty() {
            let mut parting = Parting::new(self.batch_len());
            let end = self.send_parts(&mut parting, stop).await;
            self.gathered.drain(..parting.settled);
            self.scheduled = self.scheduled.saturating_sub(parting.settled as u64);
            end?;
        }
        self.due = None;
        Ok(())
    }

    /// How many of the gathered events make the next batch.
    fn batch_len(&self) -> usize {
        let mut bytes = 0;
        let fits = |event: &&Outgoing| {
            bytes += event.weight();
            bytes <= self.batching.max_bytes
        };
        // Where there was nobody for one event, a second one tells a bad event from a wrong address.
        let limit = if self.hopeless.is_some() {
            self.limit.max(2)
        } else {
            self.limit
        };
        let limit = self.again.map_or(limit, |again| again.min(limit));
        self.gathered.iter().take(limit).take_while(fits).count().max(1)
    }

    /// Sends one batch, in parts where it is refused as a whole, and settles as it goes.
    async fn send_parts(&mut self, parting: &mut Parting, stop: &CancellationToken) -> Result<(), Trouble> {
        while let Some(part) = parting.next() {
            if stop.is_cancelled() {
                return Err(Trouble::Stopping);
            }
            #[cfg(feature = "sabotage")]
            self.sabotaged(&part).await;
            let Some(batch) = self.gathered.get(part.clone()) else {
                break;
            };
            match self.upstream.deliver(batch).await {
                Ok(delivered) => self.delivered(parting, part, delivered),
                Err(refusal) => {
                    self.again = Some(part.end - parting.settled);
                    self.refused(parting, part, refusal)?;
                }
            }
            self.again = None;
            if let Some(settled) = parting.settle(&self.gathered, self.clock.now()) {
                self.settle(settled).await.map_err(Trouble::Outbox)?;
            }
        }
        match parting.nobody_there() {
            Some(why) => {
                // The next attempt may be larger: one event that is accepted tells.
                self.hopeless = self.gathered.get(parting.len.saturating_sub(1)).map(|event| event.seq);
                Err(Trouble::Refusal(Refusal::Misconfigured { why }))
            }
            None => Ok(()),
        }
    }

    #[cfg(feature = "sabotage")]
    async fn sabotaged(&mut self, part: &Range<usize>) {
        use punchgate_sabotage::{Bug, is_planted};
        let through = self.gathered.get(part.end.saturating_sub(1)).map(|event| event.seq);
        if is_planted(Bug::CursorBeforeAnswer)
            && let Some(through) = through
        {
            let settled = Settled {
                through,
                dead: Vec::new(),
            };
            let _ = self.outbox.settle(&settled).await;
        }
        if is_planted(Bug::AlterWhatIsSentAgain)
            && self.again.is_some()
            && let Some(event) = self.gathered.first_mut()
            && let Ok(data) = serde_json::value::RawValue::from_string(event.data.get().replace("granted", "denied"))
        {
            event.data = data;
        }
    }

    fn delivered(&mut self, parting: &mut Parting, part: Range<usize>, delivered: Delivered) {
        let refused = delivered
            .refused
            .into_iter()
            .filter(|refused| refused.index < part.len());
        let dead: Vec<_> = refused
            .map(|refused| (part.start + refused.index, refused.why))
            .collect();
        let sent = part.len().saturating_sub(dead.len());
        self.handle.board.up(self.clock.now(), sent as u64);
        self.backoff.reset();
        self.patience.reset();
        self.hopeless = None;
        self.timeouts = 0;
        self.grow();
        parting.accept(part, dead);
    }

    /// Grows a shrunk batch back, by little and after a while, for the link may still be too slow for a full one.
    fn grow(&mut self) {
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.limit = (self.limit + self.batching.max.div_ceil(20)).min(self.batching.max);
        }
    }

    fn shrink(&mut self, len: usize) {
        self.limit = (len / 2).max(1);
        self.calm = 0;
    }

    /// Takes a refused part apart, buries it if it is one event, or gives up for now.
    fn refused(&mut self, parting: &mut Parting, part: Range<usize>, refusal: Refusal) -> Result<(), Trouble> {
        self.handle.board.status().refusals += 1;
        let last = self.gathered.get(part.end.saturating_sub(1)).map(|event| event.seq);
        match refusal {
            Refusal::TimedOut { .. } => {
                // The first may be an accident; when it happens again, the link is too slow for so much.
                #[cfg(feature = "sabotage")]
                if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::SettleWhatTimedOut) {
                    self.delivered(parting, part, Delivered::default());
                    return Ok(());
                }
                self.timeouts += 1;
                if self.timeouts > 1 {
                    self.shrink(part.len());
                    self.again = None;
                }
                Err(Trouble::Refusal(refusal))
            }
            Refusal::TooLarge { why } => {
                self.shrink(part.len());
                parting.split_or_bury(part, why);
                Ok(())
            }
            Refusal::Poison {
                nobody_there: true,
                why,
            } if part.len() == 1 => {
                parting.suspect(part, why);
                Ok(())
            }
            Refusal::Poison {
                nobody_there: true,
                why,
            } if last == self.hopeless => {
                self.again = None;
                Err(Trouble::Refusal(Refusal::Misconfigured { why }))
            }
            Refusal::Poison { why, .. } => {
                parting.split_or_bury(part, why);
                Ok(())
            }
            other => Err(Trouble::Refusal(other)),
        }
    }

    // ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────

    async fn settle(&mut self, settled: Settled) -> Result<(), OutboxError> {
        self.handle.board.status().dead += settled.dead.len() as u64;
        for dead in &settled.dead {
            tracing::error!(event = ?dead.event, why = %dead.why, "an event was refused for good and went to the dead letters");
        }
        let owed = self.owed.get_or_insert_default();
        owed.through = settled.through;
        owed.dead.extend(settled.dead);
        self.settle_owed().await
    }

    /// Settles what is owed. That it cannot is an error only when too much would have to be remembered.
    async fn settle_owed(&mut self) -> Result<(), OutboxError> {
        let Some(owed) = &self.owed else { return Ok(()) };
        match self.outbox.settle(owed).await {
            Ok(()) => self.owed = None,
            Err(error) => {
                let why = Reason::new(error.to_string());
                tracing::error!(%why, "what an upstream accepted could not be kept; it would be sent again after a restart");
                self.handle.board.status().last_error = Some((self.clock.now(), why));
                if owed.dead.len() > MOST_OWED {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    // ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Waits as long as the trouble asks for.
    async fn recover(&mut self, trouble: Trouble, stop: &CancellationToken) -> Woken {
        let (wait, why, misconfigured) = match trouble {
            Trouble::Stopping => return Woken::Stopping,
            Trouble::Outbox(error) => (self.backoff.after_failure(), Reason::new(error.to_string()), false),
            Trouble::Refusal(refusal) => {
                let misconfigured = matches!(refusal, Refusal::Misconfigured { .. });
                let wait = match refusal {
                    Refusal::Busy {
                        again_in: Some(wait), ..
                    } => wait,
                    Refusal::Misconfigured { .. } => self.patience.after_failure(),
                    _ => self.backoff.after_failure(),
                };
                (wait, refusal.why().clone(), misconfigured)
            }
        };
        let now = self.clock.now();
        tracing::warn!(%why, ?wait, misconfigured, "an upstream did not take a batch; everything is kept");
        self.handle.board.down(now, now.plus(wait), why, misconfigured);
        self.pause(Instant::now() + wait, stop).await
    }

    async fn pause(&mut self, until: Instant, stop: &CancellationToken) -> Woken {
        let handle = self.handle.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Woken::Stopping,
                () = sleep_until(until) => return Woken::Again,
                () = handle.hurry.notified() => return Woken::Again,
                () = handle.wake.notified() => self.show_backlog(),
            }
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
