//! A simulated ZKTeco terminal on a real port that can be switched off and on.
//!
//! Its log, its clock and its ledger outlive the power, as those of a real one do.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use punchgate_kit::{Carrier, Clock, Ledger, SimPunch, Simulator};
use punchgate_model::{Direction, Factor};
use punchgate_transports::{tcp, udp};
use punchgate_zk_tcp::{Knobs, Options, ZkSim};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::ports;

/// A terminal on a wall.
pub struct Terminal {
    sim: Arc<ZkSim>,
    address: SocketAddr,
    carrier: Carrier,
    power: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Terminal {
    /// A terminal that is switched on, on a free port.
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub async fn on(carrier: Carrier, knobs: Knobs) -> io::Result<Self> {
        let mut terminal = Self {
            sim: Arc::new(ZkSim::new(knobs)),
            address: ports::free(),
            carrier,
            power: None,
        };
        terminal.switch_on().await?;
        Ok(terminal)
    }

    /// Where it listens while it is on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Switches it on, on the same port as ever.
    ///
    /// # Errors
    /// When somebody else has the port.
    pub async fn switch_on(&mut self) -> io::Result<()> {
        let off = CancellationToken::new();
        let (sim, clock) = (self.sim.clone(), Clock::system());
        let running = match self.carrier {
            Carrier::Udp => {
                let socket = UdpSocket::bind(self.address).await?;
                tokio::spawn(udp::simulate(socket, sim, clock, off.clone()))
            }
            _ => {
                let listener = TcpListener::bind(self.address).await?;
                tokio::spawn(tcp::simulate(listener, sim, Options::default(), clock, off.clone()))
            }
        };
        self.power = Some((off, running));
        Ok(())
    }

    /// Switches it off: every connection breaks. What it has logged it keeps.
    pub async fn switch_off(&mut self) {
        if let Some((off, running)) = self.power.take() {
            off.cancel();
            // A panic of the simulator shows in the assertions about its ledger.
            let _ = running.await;
        }
    }

    /// Somebody puts a finger on it, so long ago.
    pub fn punch(&self, credential: &str, ago: Duration) {
        self.sim.punch(SimPunch {
            credential: credential.to_owned(),
            factor: Factor::Fingerprint,
            direction: Direction::In,
            at: Clock::system().now().minus(ago),
        });
    }

    /// What it issued and what was acknowledged, as `credential|printed device time|factor`.
    pub fn ledger(&self) -> Ledger {
        self.sim.ledger()
    }

    /// The simulated device itself.
    pub fn sim(&self) -> &ZkSim {
        &self.sim
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some((off, _)) = &self.power {
            off.cancel();
        }
    }
}
