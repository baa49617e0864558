//! What every protocol is written against: the contract between a device and the gateway.
//!
//! - [`wire`]: bytes to meaning and back, pure ([`Framer`], [`Wire`], [`Malformed`]).
//! - [`session`]: a conversation with a device, async but without I/O ([`Session`], [`Turn`]).
//! - [`intake`]: the way to the journal ([`Intake`]); only it makes a [`Stored`], and only after the disk has the readings.
//! - [`driver`]: the driver itself and what it says of itself ([`Driver`], [`About`], [`Custody`]).
//! - [`simulator`]: the device's end of the same conversation ([`Simulator`]).
//! - [`capture`], [`laws`], [`rehearse`]: how a protocol is proven.
//!
//! Deliberately absent: sockets, ports, files, retry, backoff and supervision. They exist once, elsewhere.

#![forbid(unsafe_code)]

pub mod capture;
pub mod clock;
pub mod driver;
pub mod fault;
pub mod http1;
pub mod intake;
pub mod laws;
pub mod rehearse;
pub mod remark;
pub mod secret;
pub mod session;
pub mod simulator;
pub mod span;
pub mod wire;

pub use clock::Clock;
pub use driver::{
    About, Bytestream, Carrier, Custody, Driver, Exchange, Finding, HttpDriver, Link, Maturity, Reader, Refused,
    StreamDriver, Talk,
};
pub use fault::{Fault, Recovery};
pub use intake::{Delivery, Intake, NotStored, Once, Receipt, Receipted, Stored};
pub use remark::{Remark, Stage};
pub use secret::Secret;
pub use session::{Command, Heard, LinkGone, Moment, Session, Turn, Unheard, Wish};
pub use simulator::{Ledger, SimPunch, Simulator};
pub use wire::{Cut, Described, Framer, Malformed, Snippet, Wire};
