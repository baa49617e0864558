//! How long to wait before trying again: a value with laws.
//!
//! Every delay lies in `[least, most]`; the range it is drawn from doubles with each failure until it reaches `most`;
//! a reset starts over; equal seeds give equal delays, so that a test can tell what comes.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

use punchgate_model::Span;

/// A jittered exponential backoff.
#[derive(Debug, Clone)]
pub struct Backoff {
    least: Span,
    most: Span,
    failures: u32,
    dice: u64,
}

impl Backoff {
    /// Between `least` and `most` (at least `least`), with a seed for the jitter.
    pub fn new(least: Span, most: Span, seed: u64) -> Self {
        Self {
            least,
            most: most.max(least),
            failures: 0,
            dice: seed,
        }
    }

    /// The same, seeded by the machine, so that gateways that failed together do not return together.
    pub fn shuffled(least: Span, most: Span) -> Self {
        Self::new(least, most, RandomState::new().build_hasher().finish())
    }

    /// One that draws other numbers, told apart by a name: for units that must not return together either.
    #[must_use]
    pub fn reseeded(&self, name: &str) -> Self {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self {
            dice: name.bytes().fold(self.dice ^ 0xcbf2_9ce4_8422_2325, fold),
            ..*self
        }
    }

    /// How long to wait after one more failure.
    pub fn after_failure(&mut self) -> Span {
        self.failures = self.failures.saturating_add(1);
        let top = self.least.saturating_mul(1 << self.failures.min(31)).min(self.most);
        let bottom = (top / 2).max(self.least);
        bottom + top.saturating_sub(bottom).mul_f64(self.roll())
    }

    /// It worked: the next failure is a first one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures there were since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// SplitMix64, as a number in `[0, 1)`.
    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Span = Span::from_secs(1);
    const MINUTE: Span = Span::from_secs(60);

    proptest! {
        #[test]
        fn every_delay_lies_between_least_and_most(seed: u64, least in 0u64..10_000, most in 0u64..100_000, failures in 1usize..100) {
            let (least, most) = (Span::from_millis(least), Span::from_millis(most));
            let mut backoff = Backoff::new(least, most, seed);
            for _ in 0..failures {
                let delay = backoff.after_failure();
                prop_assert!(delay >= least && delay <= most.max(least), "{delay:?}");
            }
        }

        #[test]
        fn delays_grow_until_they_reach_the_most(seed: u64) {
            let mut backoff = Backoff::new(SECOND, MINUTE, seed);
            let delays: Vec<Span> = (0..12).map(|_| backoff.after_failure()).collect();
            for (n, delay) in delays.iter().enumerate() {
                let top = SECOND.saturating_mul(2 << n.min(20)).min(MINUTE);
                prop_assert!(*delay <= top && *delay >= top / 2, "{n}: {delay:?}");
            }
        }

        #[test]
        fn equal_seeds_wait_equally_and_a_reset_starts_over(seed: u64) {
            let mut one = Backoff::new(SECOND, MINUTE, seed);
            let mut other = one.clone();
            for _ in 0..5 {
                prop_assert_eq!(one.after_failure(), other.after_failure());
            }
            one.reset();
            prop_assert!(one.after_failure() <= 2 * SECOND);
        }
    }

    #[test]
    fn gateways_that_fail_together_do_not_return_together() {
        let delays: std::collections::BTreeSet<Span> = (0..100)
            .map(|seed| Backoff::new(SECOND, MINUTE, seed).after_failure())
            .collect();
        assert!(delays.len() > 90, "{}", delays.len());
    }
}
