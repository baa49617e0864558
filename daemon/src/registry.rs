//! The drivers, one line each. Nothing else in the daemon names a protocol.

use punchgate_http_ingest::HttpIngest;
use punchgate_kit::Carrier;
use punchgate_zk_tcp::ZkTcp;

use crate::config::KnownDriver;

/// What the configuration must know of every driver.
pub fn known() -> &'static [KnownDriver] {
    const {
        &[
            KnownDriver::stream::<ZkTcp>(),
            SERIAL_LINE,
            KnownDriver::http::<HttpIngest>(),
        ]
    }
}

const SERIAL_LINE: KnownDriver = KnownDriver {
    name: "serial_line",
    carriers: &[Carrier::Serial, Carrier::Tcp],
    has_clock: true,
    secrets: &[],
    check: |_| Ok(()),
};
