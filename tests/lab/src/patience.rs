//! Waiting for what must come, and no longer.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// Asks again and again until the answer is yes; false when patience ended first.
pub async fn until<F: Future<Output = bool>>(patience: Duration, mut asked: impl FnMut() -> F) -> bool {
    let end = Instant::now() + patience;
    while !asked().await {
        if Instant::now() >= end {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
    true
}
