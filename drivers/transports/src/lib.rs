//! Bytes in, bytes out. Transports carry and never mean: the same protocol runs over TCP, UDP or a serial line.
//!
//! - [`stream`]: the one loop between a byte stream and a conversation.
//! - [`datagram`]: the same for datagrams.
//! - [`tcp`], [`udp`]: dialling for drivers, listening for simulators.
//! - [`serial`], [`pty`]: opening a port, and simulating one.
//! - [`http`]: listening for devices that call, calling for simulators.
//!
//! Deliberately absent: retry and backoff (the supervisor's), and any protocol.

#![forbid(unsafe_code)]

pub mod datagram;
pub mod http;
mod mailbox;
pub mod pty;
pub mod serial;
pub mod stream;
pub mod tcp;
pub mod udp;

pub use mailbox::Orders;
