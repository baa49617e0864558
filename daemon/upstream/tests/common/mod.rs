//! What the tests of this crate share: events, an upstream that follows a script, and a pump under a virtual clock.
#![allow(dead_code)]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use punchgate_kit::Clock;
use punchgate_model::{Direction, Factor, Outcome, Timestamp};
use punchgate_upstream::{
    Backoff, Batching, Deliver, Delivered, Handle, MemoryOutbox, Outgoing, Pump, PunchData, Reason, Refusal, When,
};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// 2026-03-02T00:01:30Z.
pub const START: Timestamp = Timestamp::from_millis(1_772_409_690_000);

/// A punch event `p<seq>` of the person `E00<seq % 3>`.
pub fn event(seq: u64) -> Outgoing {
    revised(seq, &format!("p{seq}"), 1)
}

/// The same with an id and a revision of its own.
pub fn revised(seq: u64, id: &str, revision: u32) -> Outgoing {
    let person = format!("E00{}", seq % 3);
    let punch = PunchData {
        id,
        person: Some(&person),
        credential: Some("0007"),
        factor: Factor::Fingerprint,
        source: "gate-1",
        zone: Some("hq-door"),
        direction: Direction::In,
        result: Outcome::Granted,
        at: START,
        device_time: Some("2026-03-02T08:01:30"),
        received_at: START,
        time_quality: "synced",
        uncertainty_ms: 20,
        external_id: None,
        device: None,
        sequence: Some(seq),
        revision,
    };
    punch.outgoing(seq, START)
}

pub fn events(seqs: impl IntoIterator<Item = u64>) -> Vec<Outgoing> {
    seqs.into_iter().map(event).collect()
}

pub fn filled(seqs: impl IntoIterator<Item = u64>) -> MemoryOutbox {
    let outbox = MemoryOutbox::default();
    seqs.into_iter().for_each(|seq| outbox.push(event(seq)));
    outbox
}

pub fn down() -> Refusal {
    Refusal::Down {
        why: Reason::new("no route to host"),
    }
}

pub fn poison() -> Refusal {
    Refusal::Poison {
        nobody_there: false,
        why: Reason::new("422"),
    }
}

pub fn nobody_there() -> Refusal {
    Refusal::Poison {
        nobody_there: true,
        why: Reason::new("404"),
    }
}

pub fn timed_out() -> Refusal {
    Refusal::TimedOut {
        why: Reason::new("waited 30s for an answer"),
    }
}

type Rule = Box<dyn Fn(&[Outgoing]) -> Option<Refusal> + Send>;

/// An upstream that follows a script, then its rule, and otherwise takes everything.
#[derive(Clone, Default)]
pub struct Scripted(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Delivered, Refusal>>,
    rule: Option<Rule>,
    takes: Duration,
    calls: Vec<(Instant, Vec<u64>)>,
    got: Vec<u64>,
}

impl Scripted {
    pub fn then(self, answer: Result<Delivered, Refusal>) -> Self {
        self.0.lock().expect("script").answers.push_back(answer);
        self
    }

    pub fn rule(&self, rule: impl Fn(&[Outgoing]) -> Option<Refusal> + Send + 'static) {
        self.0.lock().expect("script").rule = Some(Box::new(rule));
    }

    pub fn no_rule(&self) {
        self.0.lock().expect("script").rule = None;
    }

    pub fn taking(self, span: Duration) -> Self {
        self.0.lock().expect("script").takes = span;
        self
    }

    /// The `seq`s of every call.
    pub fn calls(&self) -> Vec<Vec<u64>> {
        self.0
            .lock()
            .expect("script")
            .calls
            .iter()
            .map(|(_, seqs)| seqs.clone())
            .collect()
    }

    pub fn call_times(&self) -> Vec<Instant> {
        self.0.lock().expect("script").calls.iter().map(|(at, _)| *at).collect()
    }

    /// The `seq`s it took, in order.
    pub fn got(&self) -> Vec<u64> {
        self.0.lock().expect("script").got.clone()
    }
}

impl Deliver for Scripted {
    async fn deliver(&mut self, batch: &[Outgoing]) -> Result<Delivered, Refusal> {
        let seqs: Vec<u64> = batch.iter().map(|event| event.seq).collect();
        let takes = {
            let mut script = self.0.lock().expect("script");
            script.calls.push((Instant::now(), seqs.clone()));
            script.takes
        };
        tokio::time::sleep(takes).await;
        let mut script = self.0.lock().expect("script");
        let answer = match script.answers.pop_front() {
            Some(answer) => answer,
            None => match script.rule.as_ref().and_then(|rule| rule(batch)) {
                Some(refusal) => Err(refusal),
                None => Ok(Delivered::default()),
            },
        };
        if let Ok(delivered) = &answer {
            let refused = |index: usize| delivered.refused.iter().any(|refused| refused.index == index);
            script.got.extend(
                seqs.iter()
                    .enumerate()
                    .filter(|(index, _)| !refused(*index))
                    .map(|(_, seq)| *seq),
            );
        }
        answer
    }
}

pub fn every(max: usize, seconds: u64) -> Batching {
    Batching {
        max,
        when: When::Every(Duration::from_secs(seconds)),
        ..Batching::default()
    }
}

/// A pump at work.
pub struct Running {
    pub handle: Handle,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Running {
    /// Starts a pump under the runtime's clock, with seeded backoffs.
    pub fn start<U: Deliver + 'static>(upstream: U, outbox: &MemoryOutbox, batching: Batching) -> Self {
        let second = Duration::from_secs(1);
        let backoffs = (
            Backoff::new(second, 60 * second, 7),
            Backoff::new(5 * second, 300 * second, 7),
        );
        Self::start_with(upstream, outbox, batching, backoffs)
    }

    pub fn start_with<U: Deliver + 'static>(
        upstream: U,
        outbox: &MemoryOutbox,
        batching: Batching,
        (backoff, patience): (Backoff, Backoff),
    ) -> Self {
        let (pump, handle) = Pump::new(upstream, outbox.clone(), batching, Clock::starting_at(START));
        let stop = CancellationToken::new();
        let task = tokio::spawn(pump.with_backoffs(backoff, patience).run(stop.clone()));
        Self { handle, stop, task }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the pump ends in order");
    }
}
