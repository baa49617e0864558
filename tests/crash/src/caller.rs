//! A program that posts punches by HTTP and does not let go of a batch before it is acknowledged.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use punchgate_lab::call;
use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    dice::Dice,
    ledger::{Ledger, Name, name},
};

/// How a caller makes sure that twice is once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Items bear ids, calls bear an idempotency key.
    IdsAndKeys,
    /// Items bear ids.
    Ids,
    /// Neither: an item's content is what it is.
    Bare,
}

/// Through which callers begin a batch.
#[derive(Debug)]
pub struct Gate {
    open: watch::Sender<bool>,
    busy: AtomicUsize,
    torn_down: CancellationToken,
}

impl Default for Gate {
    /// An open one.
    fn default() -> Self {
        Self {
            open: watch::Sender::new(true),
            busy: AtomicUsize::new(0),
            torn_down: CancellationToken::new(),
        }
    }
}

impl Gate {
    /// Opens or closes it.
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// How many batches are on their way.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::SeqCst)
    }

    /// Sends everybody home, whatever they have in hand.
    pub fn tear_down(&self) {
        self.torn_down.cancel();
        self.set_open(true);
    }

    /// Waits until it is open; false when there is no more to do.
    async fn lets_in(&self) -> bool {
        let mut open = self.open.subscribe();
        loop {
            // It fails only when the gate is gone, which this borrows.
            let _ = open.wait_for(|open| *open).await;
            self.busy.fetch_add(1, Ordering::SeqCst);
            if self.torn_down.is_cancelled() {
                return false;
            }
            // Whoever closed it in between has not seen us.
            if *self.open.borrow() {
                return true;
            }
            self.busy.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A caller.
#[derive(Debug)]
pub struct Caller {
    /// Its name in the configuration.
    pub source: String,
    /// Its token.
    pub token: String,
    /// How it calls.
    pub manners: Manners,
    ingest: SocketAddr,
    ledger: Ledger,
    dice: Dice,
    /// Batches and punches made so far.
    batches: u64,
    punches: u64,
}

impl Caller {
    /// A caller that has not called yet.
    pub fn new(source: &str, token: &str, manners: Manners, ingest: SocketAddr, ledger: Ledger, dice: Dice) -> Self {
        Self {
            source: source.to_owned(),
            token: token.to_owned(),
            manners,
            ingest,
            ledger,
            dice,
            batches: 0,
            punches: 0,
        }
    }

    /// Posts while the gate is open, each batch until it is acknowledged; a batch in hand is given up only when the
    /// gate is torn down.
    pub async fn run(mut self, gate: Arc<Gate>) {
        while gate.lets_in().await {
            let size = 1 + self.dice.below(8);
            let batch = self.batch(size);
            tokio::select! {
                () = batch.post(self.ingest, &self.token, &self.ledger) => {}
                () = gate.torn_down.cancelled() => return,
            }
            gate.busy.fetch_sub(1, Ordering::SeqCst);
            sleep(self.dice.up_to(6)).await;
        }
    }

    /// Makes a batch; it counts as issued from now on.
    pub fn batch(&mut self, size: u64) -> Batch {
        self.batches += 1;
        let (items, punches): (Vec<Value>, Vec<(Name, Value)>) = (0..size).map(|_| self.punch()).unzip();
        self.ledger.issue(&punches);
        let key = match self.manners {
            Manners::IdsAndKeys => format!("idempotency-key: {}-{}\r\n", self.source, self.batches),
            Manners::Ids | Manners::Bare => String::new(),
        };
        Batch {
            body: json!({ "punches": items }).to_string(),
            key,
            punches,
        }
    }

    fn punch(&mut self) -> (Value, (Name, Value)) {
        self.punches += 1;
        let n = self.punches;
        let person = format!("{}-E{:03}", self.source, n % 30);
        let at = minute(n * 7);
        let mut item = json!({"person": person, "factor": "gps", "at": at, "zone": format!("yard-{}", n % 5)});
        let mut wanted = json!({"credential": person, "zone": item["zone"], "revision": 1});
        if self.manners != Manners::Bare {
            item["id"] = json!(format!("{}-{n}", self.source));
            wanted["external_id"] = item["id"].clone();
        }
        (item, (name(&self.source, &person, &at, "gps"), wanted))
    }
}

/// A batch on its way.
#[derive(Debug)]
pub struct Batch {
    body: String,
    key: String,
    punches: Vec<(Name, Value)>,
}

impl Batch {
    /// Posts until it is acknowledged.
    pub async fn post(&self, ingest: SocketAddr, token: &str, ledger: &Ledger) {
        while !self.post_once(ingest, token, ledger).await {
            sleep(Duration::from_millis(4)).await;
        }
    }

    /// Posts once; whether it was acknowledged.
    pub async fn post_once(&self, ingest: SocketAddr, token: &str, ledger: &Ledger) -> bool {
        let answer = call::post(ingest, "/ingest/v1/punches", token, &self.key, &self.body).await;
        let stored = answer.is_ok_and(|answer| answer.status == 200 && self.is_whole(&answer.json()));
        if stored {
            ledger.acknowledge(&self.punches);
        }
        stored
    }

    /// Whether an answer says of every item that the disk has it.
    fn is_whole(&self, answer: &Value) -> bool {
        let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        let kept = |result: &&Value| result["status"] == "stored" || result["status"] == "duplicate";
        results.iter().filter(kept).count() == self.punches.len()
    }
}

/// So many minutes after the beginning of 2020, as text; after a year it begins again, a second later.
fn minute(n: u64) -> String {
    const MONTHS: [u64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (round, n) = (n / (366 * 1_440), n % (366 * 1_440));
    let (mut day, mut month) = (n / 1_440, 1);
    for length in MONTHS {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute) = (n / 60 % 24, n % 60);
    format!(
        "2020-{month:02}-{:02}T{hour:02}:{minute:02}:{:02}Z",
        day + 1,
        round % 60
    )
}

#[cfg(test)]
mod tests {
    use super::minute;

    #[test]
    fn minutes_are_dates() {
        assert_eq!(minute(0), "2020-01-01T00:00:00Z");
        assert_eq!(minute(59 * 1_440 + 61), "2020-02-29T01:01:00Z");
        assert_eq!(minute(366 * 1_440 - 1), "2020-12-31T23:59:00Z");
        assert_eq!(minute(366 * 1_440), "2020-01-01T00:00:01Z");
    }
}
