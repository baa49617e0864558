//! The drivers, one line each. Nothing else in the daemon names a protocol.

use crate::config::{KnownDriver, LinkKind};

/// What the configuration must know of every driver.
pub fn known() -> &'static [KnownDriver] {
    &[ZK_TCP, SERIAL_LINE, HTTP_INGEST]
}

const ZK_TCP: KnownDriver = KnownDriver {
    name: "zk_tcp",
    links: &[LinkKind::Tcp, LinkKind::Udp],
    has_clock: true,
    secrets: &["comm_key"],
    check: |_| Ok(()),
};

const SERIAL_LINE: KnownDriver = KnownDriver {
    name: "serial_line",
    links: &[LinkKind::Serial, LinkKind::Tcp],
    has_clock: true,
    secrets: &[],
    check: |_| Ok(()),
};

const HTTP_INGEST: KnownDriver = KnownDriver {
    name: "http_ingest",
    links: &[LinkKind::Http],
    has_clock: false,
    secrets: &["token"],
    check: |_| Ok(()),
};
