//! The drivers, one line each. Nothing else in the daemon names a protocol.

mod called;
mod dialled;
mod knobs;

use std::{
    future::Future,
    marker::PhantomData,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, LazyLock},
};

use jiff::tz::TimeZone;
use punchgate_http_ingest::App;
use punchgate_kit::{About, Clock, Intake, SimPunch, Simulator};
use punchgate_serial_line::simulator::TextClock;
use punchgate_transports::{http::Router, pty::Pty};
use punchgate_zk_tcp::ZkSim;
use tokio_util::sync::CancellationToken;

use self::{called::Called, dialled::Dialled};
use crate::{
    config::{Device, KnownDriver, OptionsError},
    decode::Decoded,
    supervisor::Unit,
    switchboard::Switchboard,
};

/// Every driver of this program.
pub fn kinds() -> &'static [&'static dyn Kind] {
    &[
        &Dialled::<ZkSim>(PhantomData),
        &Dialled::<TextClock>(PhantomData),
        &Called::<App>(PhantomData),
    ]
}

/// The driver with this name.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    kinds().iter().copied().find(|kind| kind.about().name == name)
}

/// What the configuration must know of every driver.
pub fn known() -> &'static [KnownDriver] {
    static KNOWN: LazyLock<Vec<KnownDriver>> = LazyLock::new(|| kinds().iter().map(|kind| kind.known()).collect());
    &KNOWN
}

/// What a conversation needs beside its device.
#[derive(Clone)]
pub struct Surroundings {
    /// The way to the journal.
    pub intake: Intake,
    /// The wall clock.
    pub clock: Clock,
    /// Where operators' wishes come from.
    pub switchboard: Arc<Switchboard>,
}

/// Where a simulated device is.
#[derive(Debug)]
pub enum SimPlace {
    /// Listens here, by TCP and, where the protocol has it, UDP.
    Listener(tokio::net::TcpListener, Option<tokio::net::UdpSocket>),
    /// Behind a pseudo-terminal.
    Pty(Pty),
    /// Calls a gateway at this address.
    Caller(SocketAddr),
}

/// A simulated device that runs.
pub struct Simulation {
    /// Makes somebody punch.
    pub punch: Box<dyn Fn(SimPunch) + Send + Sync>,
    /// What was issued and acknowledged.
    pub ledger: Box<dyn Fn() -> punchgate_kit::Ledger + Send + Sync>,
    /// Runs until the token given at the start is cancelled.
    pub running: Running,
}

/// A simulated device at work.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Simulation {
    /// The simulation of a device, and what runs it.
    fn of<S: Simulator>(simulator: Arc<S>, running: Running) -> Self {
        let telling = simulator.clone();
        Self {
            punch: Box::new(move |punch| simulator.punch(punch)),
            ledger: Box::new(move || telling.ledger()),
            running,
        }
    }
}

/// A driver, whatever its types.
pub trait Kind: Sync {
    /// What it says of itself.
    fn about(&self) -> About;

    /// What the configuration must know of it.
    fn known(&self) -> KnownDriver;

    /// A unit that keeps a conversation with a device we dial; `None` for devices that call us.
    ///
    /// # Errors
    /// When the options are not the driver's.
    fn unit(&self, device: &Device, around: Surroundings) -> Result<Option<Unit>, OptionsError>;

    /// Lets a device call us; does nothing for devices that we dial.
    ///
    /// # Errors
    /// When the options are not the driver's.
    fn admit(&self, device: &Device, router: &mut Router, intake: Intake) -> Result<(), OptionsError>;

    /// Decodes a capture.
    ///
    /// # Errors
    /// When the options are not the driver's.
    fn decode(&self, input: &[u8], options: toml::Table, zone: Option<&TimeZone>) -> Result<Decoded, toml::de::Error>;

    /// Whether its simulator calls the gateway instead of waiting for it.
    fn calls(&self) -> bool;

    /// Starts a simulated device.
    ///
    /// # Errors
    /// When the knobs are not the simulator's.
    fn simulate(
        &self,
        place: SimPlace,
        knobs: toml::Table,
        clock: Clock,
        closing: CancellationToken,
    ) -> Result<Simulation, toml::de::Error>;
}

/// A pseudo-terminal with this name, for a simulated device behind a serial line.
///
/// # Errors
/// The system's.
pub fn pty(path: &std::path::Path) -> std::io::Result<SimPlace> {
    Pty::open(path).map(SimPlace::Pty)
}
