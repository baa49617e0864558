//! The gateway: opens the store, puts the parts together, waits for signals, takes them apart in order.
//!
//! ```text
//! devices ─▶ intake ─▶ journal ─▶ deciding ─▶ outbox ─▶ pumps ─▶ upstreams
//!            (thread)             (thread)              (tasks)
//! ```
//!
//! Stopping is politeness, never safety: whoever kills the process instead loses nothing that was acknowledged. SIGHUP
//! makes it read its configuration again.

pub mod commands;
mod devices;
mod error;
mod force;
mod listeners;
mod outside;
mod reload;
mod store;
mod systemd;
mod works;

use std::{io, sync::Arc, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

pub use error::RunError;
pub use force::Force;
use outside::Outside;
use reload::InForce;
use store::Store;
pub use store::{Owed, note_opening};
use works::Works;

use crate::{
    board::Board,
    config::{Config, Load},
    our_clock::OurClock,
    pumps,
};

/// How long callers are kept waiting for the journal of before the start to be decided. Longer rebuilds go on beside
/// them.
const CATCHING_UP: Duration = Duration::from_secs(1);

/// Runs the gateway until it is told to stop. `load` is where the configuration is read again from.
///
/// # Errors
/// [`RunError`] when it cannot start.
pub async fn run(config: Config, load: &Load<'_>) -> Result<(), RunError> {
    ignore_size_signal();
    let deaf = |source| RunError::System {
        what: "wait for signals",
        source,
    };
    let (mut ending, mut hangup) = (
        Ending::heard().map_err(deaf)?,
        signal(SignalKind::hangup()).map_err(deaf)?,
    );
    let (ours, config) = (OurClock::default(), Arc::new(config));
    let clock = ours.clock();
    let board = Arc::new(Board::new(clock.clone()));
    for upstream in &config.upstreams {
        pumps::upstream(&config.gateway.id, upstream).map_err(RunError::Configuration)?;
    }
    let force = Force::of(&config)?;
    let mut store = Store::open(&config)?;
    store.write(&force);
    store.show(&board);
    let backlogs = pumps::backlogs(&config);
    let keeper = store.keeper(&config, backlogs.clone());
    let works = Works::start(
        store,
        force.settings.clone(),
        (keeper, backlogs),
        (&clock, ours),
        &board,
    )?;
    works.ways.caught_up(CATCHING_UP).await;
    let (orders, mut ordered) = commands::Orders::new();
    let mut outside = Outside::start(&config, &works.ways, orders, &clock, &board).await?;
    board.set_ready(true);
    systemd::tell(&[sd_notify::NotifyState::Ready]);
    tracing::info!(gateway = %config.gateway.id, devices = config.devices.len(), "the gateway runs");
    let mut in_force = InForce {
        load,
        config,
        force,
        clock,
        board: board.clone(),
    };
    let broken = loop {
        tokio::select! {
            () = ending.asked() => break None,
            () = works.broken.cancelled() => break Some(RunError::Broken),
            _ = hangup.recv() => {
                systemd::tell(&[sd_notify::NotifyState::Reloading]);
                // Told on the board and in the log.
                let _ = in_force.reload(&works.ways, &mut outside).await;
                systemd::tell(&[sd_notify::NotifyState::Ready]);
            }
            Some(order) = ordered.recv() => in_force.obey(order, &works.ways, &mut outside).await,
        }
    };
    ending.at_once_when_asked_again();
    board.set_ready(false);
    systemd::tell(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("the gateway stops");
    outside.stop().await;
    works.stop();
    broken.map_or(Ok(()), Err)
}

/// A limit on the size of files is an error of a write, to be told and lived with, not a reason to be killed.
fn ignore_size_signal() {
    const SIGXFSZ: i32 = 25;
    match signal(SignalKind::from_raw(SIGXFSZ)) {
        // Once heard, it never kills again, whether or not anybody listens.
        Ok(heard) => drop(heard),
        Err(error) => tracing::warn!(%error, "a limit on the size of files would end the gateway"),
    }
}

/// The signals that ask us to end, heard from the first moment on.
struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    fn heard() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    fn at_once_when_asked_again(mut self) {
        tokio::spawn(async move {
            self.asked().await;
            // What is acknowledged is on the disk.
            std::process::exit(1);
        });
    }
}
