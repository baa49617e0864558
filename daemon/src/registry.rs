//! The drivers, one line each. Nothing else in the daemon names a protocol.

use std::{
    future::Future,
    marker::PhantomData,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, LazyLock},
};

use jiff::tz::TimeZone;
use punchgate_http_ingest::App;
use punchgate_kit::{
    About, Carrier, Clock, Driver, Fault, HttpDriver, Intake, Session, SimPunch, Simulator, StreamDriver,
};
use punchgate_serial_line::simulator::TextClock;
use punchgate_transports::{
    Orders,
    http::{Router, client},
    pty::Pty,
    serial, stream, tcp, udp,
};
use punchgate_zk_tcp::ZkSim;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Device, KnownDriver, Link, OptionsError, Parity, SerialPort},
    decode::{self, Decoded},
    supervisor::{Attempt, Unit},
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
    /// Cancelled when the gateway stops.
    pub closing: CancellationToken,
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
    pub running: Pin<Box<dyn Future<Output = ()> + Send>>,
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

/// A driver that dials its devices.
struct Dialled<S>(PhantomData<fn() -> S>);

impl<S: Simulator> Kind for Dialled<S>
where
    S::Of: StreamDriver,
    <S::Of as Driver>::Options: Sync,
{
    fn about(&self) -> About {
        S::Of::ABOUT
    }

    fn known(&self) -> KnownDriver {
        KnownDriver::stream::<S::Of>()
    }

    fn unit(&self, device: &Device, around: Surroundings) -> Result<Option<Unit>, OptionsError> {
        let options: <S::Of as Driver>::Options = device.options.read()?;
        let (name, link): (Arc<str>, _) = (device.name.as_str().into(), device.link.clone());
        let zone = device.timezone.as_ref().map(|zone| zone.rules().clone());
        let start = move || -> Attempt {
            let attempt = Conversation {
                link: link.clone(),
                options: options.clone(),
                zone: zone.clone(),
                around: around.clone(),
            };
            Box::pin(attempt.hold::<S::Of>())
        };
        Ok(Some(Unit {
            name,
            start: Box::new(start),
        }))
    }

    fn admit(&self, _: &Device, _: &mut Router, _: Intake) -> Result<(), OptionsError> {
        Ok(())
    }

    fn decode(&self, input: &[u8], options: toml::Table, zone: Option<&TimeZone>) -> Result<Decoded, toml::de::Error> {
        let options: <S::Of as Driver>::Options = read(options)?;
        Ok(decode::stream::<S::Of>(&options, &String::from_utf8_lossy(input), zone))
    }

    fn calls(&self) -> bool {
        false
    }

    fn simulate(
        &self,
        place: SimPlace,
        knobs: toml::Table,
        clock: Clock,
        closing: CancellationToken,
    ) -> Result<Simulation, toml::de::Error> {
        let simulator = Arc::new(S::new(knobs_of(&knobs)?));
        let (punching, telling) = (simulator.clone(), simulator.clone());
        let running: Pin<Box<dyn Future<Output = ()> + Send>> = match place {
            SimPlace::Listener(tcp, udp) => {
                let options = framing(&knobs)?;
                Box::pin(listen(simulator, options, tcp, udp, clock, closing))
            }
            SimPlace::Pty(pty) => {
                let options = framing(&knobs)?;
                Box::pin(async move {
                    if let Err(error) = serial::simulate(pty, simulator, options, clock, closing).await {
                        tracing::error!(%error, "the pseudo-terminal failed");
                    }
                })
            }
            SimPlace::Caller(_) => Box::pin(closing.cancelled_owned()),
        };
        Ok(Simulation {
            punch: Box::new(move |punch| punching.punch(punch)),
            ledger: Box::new(move || telling.ledger()),
            running,
        })
    }
}

async fn listen<S: Simulator>(
    simulator: Arc<S>,
    options: <S::Of as Driver>::Options,
    tcp: tokio::net::TcpListener,
    udp: Option<tokio::net::UdpSocket>,
    clock: Clock,
    closing: CancellationToken,
) where
    S::Of: StreamDriver,
{
    let by_tcp = tcp::simulate(tcp, simulator.clone(), options, clock.clone(), closing.clone());
    match udp {
        Some(socket) => drop(tokio::join!(by_tcp, udp::simulate(socket, simulator, clock, closing))),
        None => by_tcp.await,
    }
}

/// One attempt at a conversation.
struct Conversation<O> {
    link: Link,
    options: O,
    zone: Option<TimeZone>,
    around: Surroundings,
}

impl<O> Conversation<O> {
    async fn hold<D: StreamDriver<Options = O>>(self) -> Result<(), Fault> {
        let Self {
            link,
            options,
            zone,
            around,
        } = self;
        let device = around.intake.device().clone();
        let (commands, wished) = mpsc::channel(4);
        around.switchboard.connect(&device, commands);
        let orders = Orders {
            closing: around.closing.clone(),
            commands: wished,
        };
        let talk = |peer: String| {
            let (session, ends) = Session::with(peer, around.clock.clone());
            match zone {
                Some(zone) => (session.in_zone(zone), ends),
                None => (session, ends),
            }
        };
        match link {
            Link::Tcp(address) => {
                let address = address.to_string();
                let socket = tcp::dial(&address).await?;
                let framer = D::framer(&options, Carrier::Tcp);
                stream::converse::<D>(socket, framer, talk(address), around.intake, options, orders).await
            }
            Link::Udp(address) => {
                let address = address.to_string();
                let socket = udp::dial(&address).await?;
                udp::converse::<D>(&socket, talk(address), around.intake, options, orders).await
            }
            Link::Serial(port) => {
                let path = port.port.display().to_string();
                let line = serial::open(&path, &settings(&port)?)?;
                let framer = D::framer(&options, Carrier::Serial);
                stream::converse::<D>(line, framer, talk(path), around.intake, options, orders).await
            }
            // The configuration gives no such link to a driver that dials.
            Link::Http => Ok(()),
        }
    }
}

/// A driver whose devices call us by HTTP.
struct Called<S>(PhantomData<fn() -> S>);

impl<S: Simulator> Kind for Called<S>
where
    S::Of: HttpDriver,
{
    fn about(&self) -> About {
        S::Of::ABOUT
    }

    fn known(&self) -> KnownDriver {
        KnownDriver::http::<S::Of>()
    }

    fn unit(&self, _: &Device, _: Surroundings) -> Result<Option<Unit>, OptionsError> {
        Ok(None)
    }

    fn admit(&self, device: &Device, router: &mut Router, intake: Intake) -> Result<(), OptionsError> {
        router.register::<S::Of>(device.name.clone(), device.options.read()?, intake);
        Ok(())
    }

    fn decode(&self, input: &[u8], options: toml::Table, zone: Option<&TimeZone>) -> Result<Decoded, toml::de::Error> {
        let options = decode_options(options);
        let request = punchgate_kit::http1::request_from_bytes(input);
        let options: <S::Of as Driver>::Options = read(options)?;
        Ok(decode::exchange::<S::Of>(&options, request, zone))
    }

    fn calls(&self) -> bool {
        true
    }

    fn simulate(
        &self,
        place: SimPlace,
        knobs: toml::Table,
        clock: Clock,
        closing: CancellationToken,
    ) -> Result<Simulation, toml::de::Error> {
        let simulator = Arc::new(S::new(knobs_of(&knobs)?));
        let (punching, telling) = (simulator.clone(), simulator.clone());
        let running: Pin<Box<dyn Future<Output = ()> + Send>> = match place {
            SimPlace::Caller(address) => {
                Box::pin(async move { client::simulate(&*simulator, address, clock, closing).await })
            }
            SimPlace::Listener(..) | SimPlace::Pty(_) => Box::pin(closing.cancelled_owned()),
        };
        Ok(Simulation {
            punch: Box::new(move |punch| punching.punch(punch)),
            ledger: Box::new(move || telling.ledger()),
            running,
        })
    }
}

/// A pseudo-terminal with this name, for a simulated device behind a serial line.
///
/// # Errors
/// The system's.
pub fn pty(path: &std::path::Path) -> std::io::Result<SimPlace> {
    Pty::open(path).map(SimPlace::Pty)
}

/// Decoding shows a request whoever sent it: a token is none of its business.
fn decode_options(mut options: toml::Table) -> toml::Table {
    options.entry("token").or_insert_with(|| "unused".into());
    options
}

/// The options that tell how a simulated device's stream is cut: its preset, where its protocol has presets.
fn framing<T: DeserializeOwned>(knobs: &toml::Table) -> Result<T, toml::de::Error> {
    let preset = knobs.get("preset").map(|preset| ("preset".to_owned(), preset.clone()));
    read(preset.into_iter().collect())
}

/// A simulator's knobs. What was written without quotes may be meant as a text all the same: `record=16`.
fn knobs_of<T: DeserializeOwned>(knobs: &toml::Table) -> Result<T, toml::de::Error> {
    read(knobs.clone()).or_else(|wrong| {
        let text = |(key, value): (&String, &toml::Value)| (key.clone(), value.to_string().trim_matches('"').into());
        let numbers = knobs.iter().filter(|(_, value)| value.is_integer());
        for (key, value) in numbers.map(text) {
            let one = toml::Table::from_iter([(key, value)]);
            let merged: toml::Table = knobs.clone().into_iter().chain(one).collect();
            if let Ok(understood) = read(merged) {
                return Ok(understood);
            }
        }
        Err(wrong)
    })
}

/// A line's settings as the transport wants them.
fn settings(port: &SerialPort) -> Result<serial::Line, Fault> {
    let wrong = |what: String| Fault::NeedsPerson {
        code: "serial-settings",
        what,
        mend: "check data_bits and stop_bits".to_owned(),
    };
    Ok(serial::Line {
        baud: port.baud,
        data_bits: port.data_bits.try_into().map_err(wrong)?,
        parity: match port.parity {
            Parity::None => serial::Parity::None,
            Parity::Even => serial::Parity::Even,
            Parity::Odd => serial::Parity::Odd,
        },
        stop_bits: port.stop_bits.try_into().map_err(wrong)?,
    })
}

fn read<T: DeserializeOwned>(table: toml::Table) -> Result<T, toml::de::Error> {
    T::deserialize(toml::Value::Table(table))
}
