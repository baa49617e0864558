//! All chance in a run comes from here, and all of it from the seed.

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as the seed says.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    /// Other dice, told apart by a number, so that what one part of the world draws does not shift the others' luck.
    #[must_use]
    pub fn fork(&self, part: u64) -> Self {
        let mut fork = Self(self.0 ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        fork.roll();
        fork
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `from ..= to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.roll() % (to.saturating_sub(from).saturating_add(1)).max(1)
    }

    /// A number in `from ..= to`, which may be negative.
    pub fn around(&mut self, from: i64, to: i64) -> i64 {
        let width = to.saturating_sub(from).unsigned_abs();
        from.saturating_add(i64::try_from(self.between(0, width)).unwrap_or(0))
    }

    /// Whether something of this chance, in thousandths, happens.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.roll() % 1000 < per_mille
    }

    /// One of several.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = usize::try_from(self.roll() % from.len().max(1) as u64).unwrap_or(0);
        from[index]
    }
}
