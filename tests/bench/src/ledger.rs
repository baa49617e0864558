//! What was sent, acknowledged and delivered: one number a punch, so that every sum can be checked.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// The account of one subject. Numbers are given in order from 0.
#[derive(Debug)]
pub struct Ledger {
    began: Instant,
    next: AtomicU32,
    /// Microseconds after the beginning, plus one; 0 is never.
    sent: Vec<AtomicU32>,
    arrived: Vec<AtomicU32>,
    acknowledged: AtomicU64,
    delivered: AtomicU64,
    again: AtomicU64,
    events: AtomicU64,
}

impl Ledger {
    /// An account with room for so many punches.
    pub fn with_room(punches: usize) -> Self {
        let column = || (0..punches).map(|_| AtomicU32::new(0)).collect();
        Self {
            began: Instant::now(),
            next: AtomicU32::new(0),
            sent: column(),
            arrived: column(),
            acknowledged: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            again: AtomicU64::new(0),
            events: AtomicU64::new(0),
        }
    }

    /// Takes the next numbers, as many as asked; `None` when there is no room.
    pub fn take(&self, many: usize) -> Option<std::ops::Range<u32>> {
        let many = u32::try_from(many).ok()?;
        let first = self.next.fetch_add(many, Ordering::Relaxed);
        let end = first.checked_add(many)?;
        (usize::try_from(end).ok()? <= self.sent.len()).then_some(first..end)
    }

    fn micros(&self, at: Instant) -> u32 {
        u32::try_from(at.duration_since(self.began).as_micros()).map_or(u32::MAX, |micros| micros.saturating_add(1))
    }

    /// These leave now.
    pub fn sent(&self, numbers: std::ops::Range<u32>, at: Instant) {
        let at = self.micros(at);
        for place in numbers.filter_map(|number| self.sent.get(usize::try_from(number).ok()?)) {
            place.store(at, Ordering::Relaxed);
        }
    }

    /// So many were acknowledged.
    pub fn acknowledge(&self, many: u64) {
        self.acknowledged.fetch_add(many, Ordering::Relaxed);
    }

    /// This one reached the sink; counted once, however often it comes.
    pub fn arrive(&self, number: u32, at: Instant) {
        let Some(place) = usize::try_from(number).ok().and_then(|number| self.arrived.get(number)) else {
            return;
        };
        if place.swap(self.micros(at), Ordering::Relaxed) == 0 {
            self.delivered.fetch_add(1, Ordering::Relaxed);
        } else {
            self.again.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sink took so many events, of all kinds.
    pub fn count_events(&self, many: u64) {
        self.events.fetch_add(many, Ordering::Relaxed);
    }

    /// How many numbers were given.
    pub fn given(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// What it adds up to.
    pub fn sums(&self) -> Sums {
        Sums {
            sent: self.sent.iter().filter(|at| at.load(Ordering::Relaxed) > 0).count() as u64,
            acknowledged: self.acknowledged.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
            again: self.again.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
        }
    }

    /// How many the sink has.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// How long each from this number on took to the sink, in milliseconds, in no order.
    pub fn ways(&self, from: u32) -> Vec<f64> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let pairs = self.sent.iter().zip(&self.arrived).skip(from);
        let pairs = pairs.map(|(sent, arrived)| (sent.load(Ordering::Relaxed), arrived.load(Ordering::Relaxed)));
        let whole = pairs.filter(|(sent, arrived)| *sent > 0 && *arrived > 0);
        whole
            .map(|(sent, arrived)| f64::from(arrived.saturating_sub(sent)) / 1000.0)
            .collect()
    }

    /// How long the arrivals from this number on took, from the first to the last.
    pub fn arrivals(&self, from: u32) -> Duration {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let times = self
            .arrived
            .iter()
            .skip(from)
            .map(|at| at.load(Ordering::Relaxed))
            .filter(|at| *at > 0);
        let (first, last) = times.fold((u32::MAX, 0), |(first, last), at| (first.min(at), last.max(at)));
        Duration::from_micros(u64::from(last.saturating_sub(first)))
    }
}

/// The sums of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Sums {
    /// Punches that left.
    pub sent: u64,
    /// Punches that were acknowledged.
    pub acknowledged: u64,
    /// Punches the sink has.
    pub delivered: u64,
    /// Punches that came again.
    pub again: u64,
    /// Events of all kinds that the sink took.
    pub events: u64,
}

impl Sums {
    /// Whether everything that was sent was acknowledged and delivered.
    pub fn agree(&self) -> bool {
        self.sent == self.acknowledged && self.sent == self.delivered
    }
}
