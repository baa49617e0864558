//! An app that posts punches, and posts the same again until it is answered.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use punchgate_kit::{Ledger, Secret, Session, SimPunch, Simulator, Turn};
use punchgate_model::{DeviceTime, Outcome};
use serde::Deserialize;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{Claim, HttpIngest, Post, Reply, Status};

/// What can be set of a simulated app.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// Its bearer token.
    pub token: Secret,
    /// The most punches in one post, 1 to 1 000.
    pub batch: usize,
    /// What its ids begin with; different apps of one source need different ones.
    pub ids: String,
    /// Whether its posts carry an idempotency key.
    pub keyed: bool,
    /// Every so many posts it posts the same once more though it was answered; 0 is never.
    pub repeat_every: usize,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            token: Secret::new("demo-token"),
            batch: 100,
            ids: "app".to_owned(),
            keyed: true,
            repeat_every: 0,
        }
    }
}

/// How long it waits for an answer before it gives the connection up.
const PATIENCE: Duration = Duration::from_secs(15);

/// A simulated app. What it has not seen acknowledged it keeps, across connections.
#[derive(Debug)]
pub struct App {
    knobs: Knobs,
    state: Mutex<State>,
    fresh: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Claim>,
    issued: usize,
    posts: usize,
    ledger: Ledger,
}

fn entry(claim: &Claim) -> String {
    format!("{}|{}|{}", claim.person, claim.at.printed, claim.factor)
}

impl App {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many punches wait for their acknowledgement.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// The next post: what has waited longest, under a key made of its first id and its length, so that the same
    /// punches sent again have the same key.
    fn next(&self) -> Option<(Post, usize)> {
        let state = self.state();
        let claims: Vec<Claim> = state.waiting.iter().take(self.knobs.batch.max(1)).cloned().collect();
        let first = claims.first()?.id.clone().unwrap_or_default();
        let key = self.knobs.keyed.then(|| format!("{first}+{}", claims.len()));
        Some((Post::new(self.knobs.token.clone(), key, &claims), claims.len()))
    }

    /// Takes note of an answer to a post of `sent` punches.
    fn settle(&self, answer: &crate::Answer, sent: usize) {
        let mut state = self.state();
        for verdict in answer.results().iter().take(sent) {
            let Some(claim) = state.waiting.pop_front() else { break };
            if verdict.status != Status::Rejected {
                state.ledger.acknowledged.push(entry(&claim));
            }
        }
        state.posts += 1;
    }

    fn is_to_repeat(&self) -> bool {
        let posts = self.state().posts;
        self.knobs.repeat_every > 0 && posts.is_multiple_of(self.knobs.repeat_every)
    }

    /// Waits for somebody to punch, or for the end of the session.
    async fn idle(&self, session: &mut Session<Reply, Post>) -> Option<()> {
        tokio::select! {
            biased;
            () = self.fresh.notified() => Some(()),
            turn = session.hear() => match turn {
                Ok(Turn::Message(_) | Turn::Garbled(_) | Turn::Command(_)) => Some(()),
                Ok(Turn::Closing) | Err(_) => None,
            },
        }
    }

    async fn rest(until: Instant, session: &mut Session<Reply, Post>) -> Option<()> {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(until) => return Some(()),
                turn = session.hear() => if matches!(turn, Ok(Turn::Closing) | Err(_)) { return None },
            }
        }
    }
}

impl Simulator for App {
    type Of = HttpIngest;
    type Knobs = Knobs;

    fn new(knobs: Knobs) -> Self {
        Self {
            knobs,
            state: Mutex::default(),
            fresh: Notify::new(),
        }
    }

    fn punch(&self, punch: SimPunch) {
        let Ok(at) = DeviceTime::from_rfc3339(&punch.at.to_string()) else {
            return;
        };
        let mut state = self.state();
        state.issued += 1;
        let claim = Claim {
            id: Some(format!("{}-{}", self.knobs.ids, state.issued)),
            person: punch.credential,
            factor: punch.factor,
            at,
            zone: None,
            direction: punch.direction,
            result: Outcome::Granted,
            uncertainty_ms: 0,
        };
        state.ledger.issued.push(entry(&claim));
        state.waiting.push_back(claim);
        drop(state);
        self.fresh.notify_one();
    }

    fn ledger(&self) -> Ledger {
        self.state().ledger.clone()
    }

    async fn behave(&self, mut session: Session<Reply, Post>) {
        loop {
            let Some((post, sent)) = self.next() else {
                if self.idle(&mut session).await.is_none() {
                    return;
                }
                continue;
            };
            let Ok(reply) = exchange(&mut session, post.clone()).await else {
                return;
            };
            let pause = match reply {
                Some(Reply::Answer(answer)) => {
                    self.settle(&answer, sent);
                    if self.is_to_repeat() && exchange(&mut session, post).await.is_err() {
                        return;
                    }
                    continue;
                }
                Some(Reply::Problem(problem)) => problem.retry_after.unwrap_or(5),
                None => 1,
            };
            let until = session.moment() + Duration::from_secs(pause);
            if Self::rest(until, &mut session).await.is_none() {
                return;
            }
        }
    }
}

/// One post and its answer; `None` for an answer that was not understood.
async fn exchange(session: &mut Session<Reply, Post>, post: Post) -> Result<Option<Reply>, ()> {
    session.say(post).await.map_err(drop)?;
    match session.hear_within(PATIENCE).await {
        Ok(Turn::Message(reply)) => Ok(Some(reply)),
        Ok(Turn::Garbled(_) | Turn::Command(_)) => Ok(None),
        Ok(Turn::Closing) | Err(_) => Err(()),
    }
}
