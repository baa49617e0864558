//! The listener that devices call by HTTP, and the client that a simulated caller uses.
//!
//! - [`serve`]: accepts connections within [`Limits`] and hands whole requests to a [`Handler`].
//! - [`Router`]: the handler of the device plane: finds driver and device, holds one conversation for each request.
//! - [`client`]: carries a simulator that calls.
//!
//! Promises: HTTP/1 only; a request is handed on whole or not at all; nothing a peer does (silence, dripping, a length
//! it never sends, a thousand connections) holds more than its share of memory or keeps others out; what two parsers
//! could read differently is answered 400 and the connection closed.
//!
//! Deliberately absent: TLS and HTTP/2 (a reverse proxy's work), streamed bodies, compression.

mod alarm;
mod body;
pub mod client;
mod connection;
mod exchange;
mod guard;
mod handler;
mod limits;
mod seats;
mod server;
mod watch;

pub use exchange::{Notice, Router};
pub use handler::{Handler, Plain};
pub use limits::Limits;
pub use server::serve;
