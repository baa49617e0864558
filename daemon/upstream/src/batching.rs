//! When a batch is due: by count, age, or the wall clock's schedule.

use punchgate_model::{Span, Timestamp};

/// When events leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As soon as a batch is full, or an event has waited this long. Zero sends at once.
    Every(Span),
    /// At the multiples of this span on the wall clock (UTC): with 5 min at :00, :05, :10 … and at no other time.
    Schedule(Span),
}

/// How events are gathered into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// The most events in a batch; at least 1.
    pub max: usize,
    /// About how many bytes a batch may have. One event may be larger; it then goes alone.
    pub max_bytes: usize,
    /// When events leave.
    pub when: When,
}

impl Default for Batching {
    /// 100 events, 1 MiB, 5 s.
    fn default() -> Self {
        Self {
            max: 100,
            max_bytes: 1 << 20,
            when: When::Every(Span::from_secs(5)),
        }
    }
}

impl When {
    /// How long an event that arrives at `now` may wait.
    pub fn patience(self, now: Timestamp) -> Span {
        match self {
            Self::Every(span) => span,
            Self::Schedule(span) => until_next(span, now),
        }
    }
}

/// From `now` to the next multiple of `span`; on a multiple, to the one after it. Spans below 1 ms count as 1 ms.
fn until_next(span: Span, now: Timestamp) -> Span {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1);
    let left = span - now.as_millis().rem_euclid(span);
    Span::from_millis(u64::try_from(left).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_of_five_minutes_is_due_at_the_fives() {
        let five = When::Schedule(Span::from_secs(300));
        for (now, wanted) in [
            ("2026-03-02T08:01:30Z", 210_000),
            ("2026-03-02T08:04:59.999Z", 1),
            ("2026-03-02T08:05:00Z", 300_000),
            ("1969-12-31T23:59:00Z", 60_000),
        ] {
            let now: Timestamp = now.parse().expect("an instant");
            assert_eq!(five.patience(now), Span::from_millis(wanted), "{now}");
        }
    }

    #[test]
    fn an_age_is_the_same_at_all_times() {
        let when = When::Every(Span::from_secs(5));
        assert_eq!(when.patience(Timestamp::MIN), Span::from_secs(5));
        assert_eq!(when.patience(Timestamp::MAX), Span::from_secs(5));
    }
}
