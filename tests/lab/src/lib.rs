//! The world around the daemon, for tests and demonstrations: what stands at the other end of its sockets.
//!
//! - [`sink`]: an upstream that takes webhooks, remembers what it acknowledged, and misbehaves on request.
//! - [`gateway`]: the daemon as a process that can be killed, stopped and started again.
//! - [`terminal`]: a simulated terminal on a real port that can be switched off and on.
//! - [`call`], [`patience`], [`ports`]: a request by HTTP, waiting with an end, ports that nobody has.

#![forbid(unsafe_code)]

pub mod call;
pub mod gateway;
pub mod patience;
pub mod ports;
pub mod sink;
pub mod terminal;
