//! The drivers, one line each. Nothing else in the daemon names a protocol.

use punchgate_kit::Carrier;

use crate::config::KnownDriver;

/// What the configuration must know of every driver.
pub fn known() -> &'static [KnownDriver] {
    &[ZK_TCP, SERIAL_LINE, HTTP_INGEST]
}

const ZK_TCP: KnownDriver = KnownDriver {
    name: "zk_tcp",
    carriers: &[Carrier::Tcp, Carrier::Udp],
    has_clock: true,
    secrets: &["comm_key"],
    check: |_| Ok(()),
};

const SERIAL_LINE: KnownDriver = KnownDriver {
    name: "serial_line",
    carriers: &[Carrier::Serial, Carrier::Tcp],
    has_clock: true,
    secrets: &[],
    check: |_| Ok(()),
};

const HTTP_INGEST: KnownDriver = KnownDriver {
    name: "http_ingest",
    carriers: &[],
    has_clock: false,
    secrets: &["token"],
    check: |_| Ok(()),
};
