//! What systemd is told, where it asks; and the end, when a thread inside is stuck.

use std::{sync::Arc, thread, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::board::Board;

/// How often it is looked whether everything turns.
const LOOK: Duration = Duration::from_secs(5);

/// Tells systemd.
pub(super) fn tell(states: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(states);
}

/// Tells systemd, where it asks for that, that everything still turns; ends the process when a thread inside is stuck.
pub(super) async fn watch_dog(board: Arc<Board>, closing: CancellationToken) {
    let interval = sd_notify::watchdog_enabled();
    let pause = interval.map_or(LOOK, |interval| (interval / 3).min(LOOK));
    let alive = || {
        if interval.is_some() {
            tell(&[sd_notify::NotifyState::Watchdog]);
        }
        let slow = board.pulses.intake.in_disk_for();
        if slow >= LOOK {
            tracing::warn!(
                event = "store-slow",
                seconds = slow.as_secs(),
                "the disk has not answered; devices wait"
            );
        }
    };
    let ends = |who: &'static str| {
        tracing::error!(
            event = "stuck",
            thread = who,
            "a thread does not get on; the gateway ends to be started again"
        );
        // Time for that line. What is acknowledged is on the disk, so nothing else needs any.
        thread::sleep(Duration::from_millis(200));
        std::process::exit(crate::exit::Exit::Temporary as i32);
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = crate::pulse::watch(&board.pulses, pause, alive, ends) => {}
    }
}
