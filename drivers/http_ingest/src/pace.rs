//! How fast one source may be: a bucket that holds one second's worth and fills steadily.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Deserializer};
use tokio::time::Instant;

/// A limit of punches per second, shared by all conversations with one source.
#[derive(Debug, Clone)]
pub struct Pace {
    per_second: NonZeroU32,
    bucket: Arc<Mutex<Option<(Instant, f64)>>>,
}

impl Pace {
    /// So many punches a second.
    pub fn new(per_second: NonZeroU32) -> Self {
        Self {
            per_second,
            bucket: Arc::default(),
        }
    }

    /// Takes room for this many punches. More than a second's worth is let through when the bucket is full, and paid
    /// for by those that follow.
    ///
    /// # Errors
    /// Whole seconds, at least 1, after which to come again.
    pub fn take(&self, punches: usize, now: Instant) -> Result<(), u64> {
        let rate = f64::from(self.per_second.get());
        let punches = punches.min(u32::MAX as usize) as f64;
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, had) = bucket.unwrap_or((now, rate));
        let has = (had + now.saturating_duration_since(then).as_secs_f64() * rate).min(rate);
        let enough = has >= punches.min(rate);
        *bucket = Some((now, if enough { has - punches } else { has }));
        if enough {
            return Ok(());
        }
        let seconds = ((punches.min(rate) - has) / rate).ceil();
        Err((seconds as u64).max(1))
    }
}

impl<'de> Deserialize<'de> for Pace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NonZeroU32::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_of_rest_fills_the_bucket_and_a_large_post_is_paid_for_later() {
        let pace = Pace::new(NonZeroU32::new(10).expect("not zero"));
        let now = Instant::now();
        assert_eq!(pace.take(10, now), Ok(()));
        assert_eq!(pace.take(1, now), Err(1));
        assert_eq!(pace.take(1, now + Duration::from_millis(100)), Ok(()));
        let later = now + Duration::from_secs(10);
        assert_eq!(pace.take(30, later), Ok(()));
        assert_eq!(pace.take(1, later), Err(3));
    }
}
