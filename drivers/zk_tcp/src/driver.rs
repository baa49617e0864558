//! The conversation with a terminal, as the vendor's sequence diagram has it:
//!
//! ```text
//! CONNECT, AUTH          greet      a wrong comm key parks, a busy terminal is tried again
//! OPTIONS_RRQ, GET_TIME  greet      who it is, what its clock shows
//! REG_EVENT              greet      live first, so that nothing falls between log and events
//! the whole log          download   count, read, count
//! events … GET_TIME      watch      the keep-alive is the clock; a count that does not add up is read again
//! EXIT                   farewell   also after a fault, so that the one session is free
//! ```

mod ask;
mod clock;
mod download;
mod fetch;
mod greet;
mod live;
mod watch;

use punchgate_kit::{About, Bytestream, Carrier, Custody, Driver, Fault, Intake, LinkGone, Maturity, NotStored};
use punchgate_kit::{Session, StreamDriver};

use crate::{
    codec::{Heard, Packet, Request, Said, Sum, ZkFramer},
    options::Options,
    reader::ZkReader,
};
use ask::Terminal;
use bytes::Bytes;

/// The driver for ZKTeco terminals on port 4370.
#[derive(Debug)]
pub struct ZkTcp;

impl Driver for ZkTcp {
    const ABOUT: About = About {
        name: "zk_tcp",
        devices: "ZKTeco terminals and rebrands, standalone protocol on port 4370",
        custody: Custody::DeviceKeeps,
        maturity: Maturity::Replayed,
        has_clock: true,
        secrets: &["comm_key"],
    };

    type Link = Bytestream;
    type Heard = Heard;
    type Said = Said;
    type Options = Options;
    type Reader = ZkReader;

    fn reader(options: &Options) -> ZkReader {
        ZkReader::new(options)
    }

    async fn converse(session: Session<Heard, Said>, intake: Intake, options: Options) -> Result<(), Fault> {
        let mut terminal = Terminal::new(session, intake, options);
        let stop = match terminal.greet().await {
            Ok(()) => terminal.watch().await,
            Err(stop) => stop,
        };
        terminal.farewell(&stop).await;
        match stop {
            Stop::Closing => Ok(()),
            Stop::Fault(fault) => Err(fault),
        }
    }
}

impl StreamDriver for ZkTcp {
    type Framer = ZkFramer;
    const CARRIERS: &'static [Carrier] = &[Carrier::Tcp, Carrier::Udp];

    fn framer(_options: &Options, carrier: Carrier) -> ZkFramer {
        ZkFramer::on(carrier)
    }

    /// A datagram is a packet from its first byte, and its checksum says so.
    fn captured_from(bytes: &[u8]) -> Carrier {
        match Packet::parse(&Bytes::copy_from_slice(bytes)) {
            Ok(packet) if packet.sum == Sum::Right => Carrier::Udp,
            _ => Carrier::Tcp,
        }
    }
}

/// Why a conversation stops.
#[derive(Debug)]
enum Stop {
    /// The gateway is stopping.
    Closing,
    /// Something is wrong.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<LinkGone> for Stop {
    fn from(gone: LinkGone) -> Self {
        Self::Fault(gone.into())
    }
}

impl From<NotStored> for Stop {
    fn from(why: NotStored) -> Self {
        Self::Fault(why.into())
    }
}

impl Terminal {
    /// Says goodbye if anybody may still be listening. Politeness: the answer is waited for, but not for long.
    async fn farewell(&mut self, stop: &Stop) {
        if !self.is_connected() || matches!(stop, Stop::Fault(Fault::Unheard(_))) {
            return;
        }
        self.politely(&Request::Exit).await;
    }
}
