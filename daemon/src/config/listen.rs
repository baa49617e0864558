//! `[ingest]` and `[admin]`: where we listen, and what a caller may take up.

use std::{net::SocketAddr, time::Duration};

use punchgate_transports::http;

use super::{reader::Reader, value::Size};

/// The device plane: devices and apps call here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingest {
    /// Default `127.0.0.1:8081`. Opened only when a device calls by HTTP.
    pub listen: SocketAddr,
    /// What one caller, and all together, may take up.
    pub limits: Limits,
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            limits: Limits::default(),
        }
    }
}

/// Limits of the device plane, so that a slow or greedy caller starves nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest body; default 4 MiB.
    pub body: Size,
    /// Connections at a time, 1 to 65535; default 256.
    pub connections: usize,
    /// How long the head of a request may take; default 10 s.
    pub head_timeout: Duration,
    /// How long the body of a request may take; default 30 s.
    pub body_timeout: Duration,
}

impl Limits {
    /// As the listener keeps them.
    pub fn of_listener(&self) -> http::Limits {
        let limits = http::Limits {
            head: self.head_timeout,
            body: self.body_timeout,
            ..http::Limits::default()
        };
        let body = usize::try_from(self.body.0).unwrap_or(usize::MAX);
        limits.with_connections(self.connections).with_body(body)
    }
}

/// The defaults are the listener's own.
impl Default for Limits {
    fn default() -> Self {
        let http::Limits {
            body_bytes,
            connections,
            head,
            body,
            ..
        } = http::Limits::default();
        Self {
            body: Size(u64::try_from(body_bytes).unwrap_or(u64::MAX)),
            connections,
            head_timeout: head,
            body_timeout: body,
        }
    }
}

/// The admin plane: health, metrics, status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Default `127.0.0.1:9464`.
    pub listen: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
        }
    }
}

pub(crate) fn read_ingest(reader: Reader<'_>) -> Ingest {
    let default = Ingest::default();
    let limits = reader.table("limits").map_or(default.limits, read_limits);
    let ingest = Ingest {
        listen: reader.or("listen", default.listen),
        limits,
    };
    reader.finish();
    ingest
}

fn read_limits(reader: Reader<'_>) -> Limits {
    let default = Limits::default();
    let connections = reader
        .number("connections", 1..=65_535)
        .and_then(|n| usize::try_from(n).ok());
    let limits = Limits {
        body: reader.or("body", default.body),
        connections: connections.unwrap_or(default.connections),
        head_timeout: reader.or("head_timeout", default.head_timeout),
        body_timeout: reader.or("body_timeout", default.body_timeout),
    };
    reader.finish();
    limits
}

pub(crate) fn read_admin(reader: Reader<'_>) -> Admin {
    let admin = Admin {
        listen: reader.or("listen", Admin::default().listen),
    };
    reader.finish();
    admin
}
