//! A driver: what it says of itself, how its link carries it, and its conversation.

use std::future::Future;

use bytes::Bytes;
use punchgate_model::Reading;
use serde::de::DeserializeOwned;

use crate::{Fault, Framer, Intake, Malformed, Session, Wire};

/// What a driver says of itself; the row in `drivers/README.md`.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name in configuration, logs and metrics, and of the folder.
    pub name: &'static str,
    /// The devices it speaks to, in a few words.
    pub devices: &'static str,
    /// Who still has a record until we store it.
    pub custody: Custody,
    /// How much it has met.
    pub maturity: Maturity,
    /// Whether its devices keep time, so that a time zone must be configured.
    pub has_clock: bool,
    /// Options that are secrets and come from files or credentials, never from the configuration itself.
    pub secrets: &'static [&'static str],
}

/// Who still has a record until we store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Custody {
    /// The device sends again until it is answered.
    DeviceWaits,
    /// The device keeps a log that we read again; we never clear it.
    DeviceKeeps,
    /// A broker holds it in a persistent session.
    BrokerHolds,
    /// Nobody: the moment itself is the only copy.
    NobodyHolds,
}

/// How much a driver has met. Earned, never assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maturity {
    /// Written from documents.
    Written,
    /// Replayed captures, or spoke to programs, that are not our own.
    Replayed,
    /// Met a real device.
    Met,
}

/// What kind of link carries a protocol, and what travels on it.
pub trait Link: Send + 'static {
    /// Device to us.
    type In: Send + Sync + Clone + 'static;
    /// Us to device.
    type Out: Send + Sync + Clone + 'static;
}

/// A stream of bytes cut by a [`Framer`], or datagrams: TCP, UDP, serial.
#[derive(Debug)]
pub struct Bytestream;

impl Link for Bytestream {
    type In = Bytes;
    type Out = Bytes;
}

/// An HTTP exchange: the device asks, we answer. One conversation is one exchange.
#[derive(Debug)]
pub struct Exchange;

impl Link for Exchange {
    type In = http::Request<Bytes>;
    type Out = http::Response<Bytes>;
}

/// What carries a [`Bytestream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A TCP connection that we make.
    Tcp,
    /// UDP datagrams to one address; each is one whole frame.
    Udp,
    /// A serial line.
    Serial,
}

/// A protocol, as one conversation.
pub trait Driver: Send + Sync + 'static {
    /// What it says of itself.
    const ABOUT: About;
    /// What carries it.
    type Link: Link;
    /// Device to us.
    type Heard: Wire<Raw = <Self::Link as Link>::In>;
    /// Us to device.
    type Said: Wire<Raw = <Self::Link as Link>::Out>;
    /// What an operator may set; unknown keys must be refused (`deny_unknown_fields`).
    type Options: DeserializeOwned + Clone + Send + Sync + 'static;
    /// Reads the readings out of a conversation that somebody else had.
    type Reader: Reader<Self::Heard, Self::Said>;

    /// A reader for conversations with a device that is set up with these options.
    fn reader(options: &Self::Options) -> Self::Reader;

    /// Speaks with one device until the link goes, the gateway closes, or something is wrong.
    fn converse(
        session: Session<Self::Heard, Self::Said>,
        intake: Intake,
        options: Self::Options,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A driver's side of a session, and its transport's ends of it.
pub type Talk<D> = (
    Session<<D as Driver>::Heard, <D as Driver>::Said>,
    crate::Heard<<D as Driver>::Heard, <D as Driver>::Said>,
);

/// A driver over bytes.
pub trait StreamDriver: Driver<Link = Bytestream> {
    /// Cuts the stream.
    type Framer: Framer;
    /// What may carry it; the first is the default.
    const CARRIERS: &'static [Carrier];

    /// The framer for a carrier.
    fn framer(options: &Self::Options, carrier: Carrier) -> Self::Framer;

    /// Which carrier the bytes of a capture came by. By default the first of [`StreamDriver::CARRIERS`]; a protocol whose
    /// datagrams lack the envelope of its stream can tell them apart.
    fn captured_from(_bytes: &[u8]) -> Carrier {
        Self::CARRIERS.first().copied().unwrap_or(Carrier::Tcp)
    }
}

/// A driver that devices call by HTTP.
pub trait HttpDriver: Driver<Link = Exchange> {
    /// The path prefixes that belong to it.
    const PATHS: &'static [&'static str];

    /// Looks at the head alone, before the body is read, so that what is refused anyway costs no memory.
    ///
    /// # Errors
    /// [`Refused`] says why; [`HttpDriver::refuse`] makes the answer of it.
    fn admit(_head: &http::request::Parts) -> Result<(), Refused> {
        Ok(())
    }

    /// Whether this request comes from the device that has these options. Compare secrets in constant time.
    fn is_from(heard: &http::Request<Bytes>, options: &Self::Options) -> bool;

    /// The answer to a request that no conversation can be held about.
    fn refuse(why: &Refused) -> http::Response<Bytes>;
}

/// Why a request got no conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// No configured device is recognised in it.
    Unknown,
    /// The body is longer than allowed, in bytes.
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// It is not in the protocol.
    Malformed(Malformed),
    /// Nothing is served on this path.
    Nowhere,
    /// Method not served on this path.
    Method,
    /// The gateway is busy or stopping; the device should come again.
    Busy,
    /// The device asks too often.
    TooMany,
}

/// Reads readings out of messages, in order. Pure.
pub trait Reader<H, S>: Send {
    /// What a message of the device holds.
    fn hear(&mut self, heard: &H) -> Vec<Finding>;

    /// Takes note of a message of the gateway, which may tell what the next answer means.
    fn say(&mut self, _said: &S) {}
}

/// What a [`Reader`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// A reading.
    Reading(Reading),
    /// A part that was not understood; offsets are within the message.
    Malformed(Malformed),
}
