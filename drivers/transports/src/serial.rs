//! Serial lines: opening a port, and serving a simulated device on a pseudo terminal.
//!
//! A port is held exclusively. A read of nothing is a hang-up, not silence (`serial-common.md`); the loop in
//! [`crate::stream`] ends on it, and the supervisor opens again. Input is not flushed on opening: a clock may have printed
//! whole records meanwhile, and each driver knows what to do with half a one.
//!
//! Deliberately absent: RS-485 direction switching by the kernel (adapters switch by themselves) and enumeration of ports.

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use punchgate_kit::{Carrier, Clock, Driver, Fault, Simulator, StreamDriver};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{ErrorKind, SerialPortBuilderExt, SerialStream};
use tokio_util::sync::CancellationToken;

use crate::{mailbox::Orders, pty::Pty, stream};

/// The settings of a line. 9600 8N1 unless something else is said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Line {
    /// Bits per second.
    pub baud: u32,
    /// 5 to 8.
    pub data_bits: DataBits,
    /// The check bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: StopBits,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            baud: 9600,
            data_bits: DataBits(8),
            parity: Parity::None,
            stop_bits: StopBits(1),
        }
    }
}

/// The number of data bits, 5 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub struct DataBits(u8);

impl TryFrom<u8> for DataBits {
    type Error = String;

    fn try_from(bits: u8) -> Result<Self, String> {
        (5..=8)
            .contains(&bits)
            .then_some(Self(bits))
            .ok_or_else(|| format!("{bits} data bits: wanted 5, 6, 7 or 8"))
    }
}

/// The number of stop bits, 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub struct StopBits(u8);

impl TryFrom<u8> for StopBits {
    type Error = String;

    fn try_from(bits: u8) -> Result<Self, String> {
        (1..=2)
            .contains(&bits)
            .then_some(Self(bits))
            .ok_or_else(|| format!("{bits} stop bits: wanted 1 or 2"))
    }
}

/// The check bit of each character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// None.
    #[default]
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

/// An open serial line.
///
/// Flushing is left to the kernel: waiting until the last bit is on the wire would block a whole thread of the runtime, and for
/// ever where the other side holds the line.
#[derive(Debug)]
pub struct Port(SerialStream);

impl Port {
    pub(crate) fn new(stream: SerialStream) -> Self {
        Self(stream)
    }
}

impl AsyncRead for Port {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Port {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Opens a port, exclusively. Must be called inside a runtime.
///
/// # Errors
/// [`Fault::Unreachable`] when the port is not there or somebody else holds it; [`Fault::NeedsPerson`] when we may not
/// open it, it is no serial port, or it cannot do what the line needs.
pub fn open(port: &str, line: &Line) -> Result<Port, Fault> {
    let builder = tokio_serial::new(port, line.baud)
        .data_bits(match line.data_bits.0 {
            5 => tokio_serial::DataBits::Five,
            6 => tokio_serial::DataBits::Six,
            7 => tokio_serial::DataBits::Seven,
            _ => tokio_serial::DataBits::Eight,
        })
        .parity(match line.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
            Parity::Odd => tokio_serial::Parity::Odd,
        })
        .stop_bits(match line.stop_bits.0 {
            2 => tokio_serial::StopBits::Two,
            _ => tokio_serial::StopBits::One,
        })
        .flow_control(tokio_serial::FlowControl::None);
    builder
        .open_native_async()
        .map(Port)
        .map_err(|error| fault(port, &error))
}

/// What it means that a port does not open, and what helps.
fn fault(port: &str, error: &tokio_serial::Error) -> Fault {
    let unreachable = |why: String| Fault::Unreachable {
        peer: port.to_owned(),
        why,
    };
    let person = |code, what: String, mend: String| Fault::NeedsPerson { code, what, mend };
    let there = Path::new(port).exists();
    match error.kind() {
        ErrorKind::Io(io::ErrorKind::NotFound) => {
            unreachable("there is no such port; is the adapter plugged in? (ls -l /dev/serial/by-id)".to_owned())
        }
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => person(
            "serial-permission",
            format!("failed to open {port}: permission denied"),
            "add the gateway's user to the group that owns the port, usually: usermod -aG dialout punchgate".to_owned(),
        ),
        ErrorKind::NoDevice if there => unreachable(format!(
            "the port is held by another process; `fuser -v {port}` says by which"
        )),
        ErrorKind::NoDevice => unreachable(error.to_string()),
        _ if there && !is_character_device(port) => person(
            "not-a-serial-port",
            format!("failed to open {port}: it is no serial port ({error})"),
            "set port to a path under /dev/serial/by-id".to_owned(),
        ),
        ErrorKind::InvalidInput => person(
            "serial-settings",
            format!("failed to set up {port}: {error}"),
            "check baud, data_bits, parity and stop_bits".to_owned(),
        ),
        _ => unreachable(error.to_string()),
    }
}

fn is_character_device(port: &str) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(port).is_ok_and(|about| about.file_type().is_char_device())
}

/// How often a simulator takes back the mark of exclusive use that a gateway has left on its terminal.
const TIDY: Duration = Duration::from_millis(250);

/// Serves a simulated device on a pseudo terminal until `closing` is cancelled. Gateways may come and go meanwhile; like a
/// real clock, the device does not notice.
///
/// # Errors
/// What the operating system said when the terminal failed.
pub async fn simulate<S: Simulator>(
    pty: Pty,
    simulator: Arc<S>,
    options: <S::Of as Driver>::Options,
    clock: Clock,
    closing: CancellationToken,
) -> io::Result<()>
where
    S::Of: StreamDriver,
{
    let name = pty.path().display().to_string();
    let keeper = pty.keeper()?;
    let tidying = async {
        let mut tick = tokio::time::interval(TIDY);
        loop {
            tick.tick().await;
            // A terminal that is gone needs no tidying; the conversation ends on it.
            let _ = keeper.release();
        }
    };
    let framer = S::Of::framer(&options, Carrier::Serial);
    let orders = Orders::closing(CancellationToken::new());
    tokio::select! {
        () = closing.cancelled() => {}
        () = tidying => {}
        () = stream::behave(pty, framer, &*simulator, &name, clock, orders) => {}
    }
    Ok(())
}
