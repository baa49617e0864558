//! What systemd is told, where it asks.

use tokio_util::sync::CancellationToken;

/// Tells systemd.
pub(super) fn tell(states: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(states);
}

/// Tells systemd that the runtime still turns, twice in each interval it asks for.
pub(super) async fn watch_dog(closing: CancellationToken) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(interval / 2) => tell(&[sd_notify::NotifyState::Watchdog]),
        }
    }
}
