//! Drivers whose devices we dial: by TCP, UDP or a serial line.

use std::{marker::PhantomData, sync::Arc};

use jiff::tz::TimeZone;
use punchgate_kit::{About, Carrier, Clock, Driver, Fault, Intake, Session, Simulator, StreamDriver};
use punchgate_transports::{Orders, http::Router, serial, stream, tcp, udp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Kind, Running, SimPlace, Simulation, Surroundings,
    knobs::{framing, knobs_of, read},
};
use crate::{
    config::{Device, KnownDriver, Link, OptionsError, Parity, SerialPort},
    decode::{self, Decoded},
    supervisor::{Attempt, Unit},
};

/// A driver that dials its devices.
pub(super) struct Dialled<S>(pub(super) PhantomData<fn() -> S>);

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
        let start = move |closing| -> Attempt {
            let attempt = Conversation {
                link: link.clone(),
                options: options.clone(),
                zone: zone.clone(),
                around: around.clone(),
                closing,
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
        let ends = simulator.clone();
        let running: Running = match place {
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
        Ok(Simulation::of(ends, running))
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
    closing: CancellationToken,
}

impl<O> Conversation<O> {
    async fn hold<D: StreamDriver<Options = O>>(self) -> Result<(), Fault> {
        let Self {
            link,
            options,
            zone,
            around,
            closing,
        } = self;
        let device = around.intake.device().clone();
        let (commands, wished) = mpsc::channel(4);
        around.switchboard.connect(&device, commands);
        let orders = Orders {
            closing,
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
