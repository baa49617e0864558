//! The world around the daemon, for tests and demonstrations: what stands at the other end of its sockets.
//!
//! - [`sink`]: an upstream that takes webhooks, remembers what it acknowledged, and misbehaves on request.

#![forbid(unsafe_code)]

pub mod sink;
