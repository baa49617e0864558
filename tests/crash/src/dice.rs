//! Chance that can be repeated: SplitMix64.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// A source of numbers that follow from a seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that nobody chose.
    pub fn any_seed() -> u64 {
        // Every `RandomState` is another one. Short, so that it can be read aloud.
        RandomState::new().hash_one(()) % 1_000_000_000
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// A span up to so many milliseconds, to the microsecond.
    pub fn up_to(&mut self, millis: u64) -> Duration {
        Duration::from_micros(self.below(millis.saturating_mul(1_000)))
    }

    /// True in one of `n` cases.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Other dice that follow from these.
    pub fn fork(&mut self) -> Self {
        Self(self.roll())
    }
}
