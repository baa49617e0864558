//! One timer for a whole connection. Moving the alarm later is free, which is what almost every request does.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a time that may be moved.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// When it rings, if it is set.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Sets it, or turns it off.
    pub(super) fn set(&mut self, at: Option<Instant>) {
        self.at = at;
    }

    /// Ready when the time has come. The timer underneath is moved only when it would ring too late, or rang too early.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    async fn rings_after(alarm: &mut Alarm) -> Duration {
        let start = Instant::now();
        poll_fn(|cx| alarm.poll(cx)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_was_moved_rings_at_the_new_time() {
        let second = Duration::from_secs(1);
        let mut alarm = Alarm::default();
        alarm.set(Some(Instant::now() + 10 * second));
        assert!(poll_fn(|cx| Poll::Ready(alarm.poll(cx))).await.is_pending());
        alarm.set(Some(Instant::now() + 20 * second));
        assert!(rings_after(&mut alarm).await >= 20 * second);
        alarm.set(Some(Instant::now() + 60 * second));
        assert!(poll_fn(|cx| Poll::Ready(alarm.poll(cx))).await.is_pending());
        alarm.set(Some(Instant::now() + second));
        assert!(rings_after(&mut alarm).await < 2 * second);
    }
}
