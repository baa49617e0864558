//! What the configuration must know of a driver. The registry supplies one for each.

use punchgate_kit::{Carrier, Driver, HttpDriver, StreamDriver};

use super::options::{Options, OptionsError};

/// What carries a driver's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// A TCP connection we make: `address`.
    Tcp,
    /// UDP datagrams to one address: `address`.
    Udp,
    /// A serial line: `port`, `baud`, `data_bits`, `parity`, `stop_bits`, `rs485`.
    Serial,
    /// The device calls our HTTP listener: nothing to set.
    Http,
}

impl LinkKind {
    /// The word for it in configuration and status.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Serial => "serial",
            Self::Http => "http",
        }
    }
}

impl From<Carrier> for LinkKind {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Tcp => Self::Tcp,
            Carrier::Udp => Self::Udp,
            Carrier::Serial => Self::Serial,
        }
    }
}

/// One driver, as far as the configuration is concerned.
#[derive(Debug, Clone, Copy)]
pub struct KnownDriver {
    /// Its name in `driver = "…"`.
    pub name: &'static str,
    /// What may carry it, the first being the default; empty for a driver whose devices call by HTTP.
    pub carriers: &'static [Carrier],
    /// Whether its devices keep time, so that `timezone` is needed.
    pub has_clock: bool,
    /// The option keys that are secrets.
    pub secrets: &'static [&'static str],
    /// Whether the driver takes these options.
    pub check: fn(&Options) -> Result<(), OptionsError>,
}

impl KnownDriver {
    /// A driver over bytes.
    pub const fn stream<D: StreamDriver>() -> Self {
        Self::carried::<D>(D::CARRIERS)
    }

    /// A driver whose devices call by HTTP.
    pub const fn http<D: HttpDriver>() -> Self {
        Self::carried::<D>(&[])
    }

    const fn carried<D: Driver>(carriers: &'static [Carrier]) -> Self {
        Self {
            name: D::ABOUT.name,
            carriers,
            has_clock: D::ABOUT.has_clock,
            secrets: D::ABOUT.secrets,
            check: |options| options.read::<D::Options>().map(drop),
        }
    }

    /// The links it may have; never empty.
    pub(crate) fn links(&self) -> Vec<LinkKind> {
        match self.carriers {
            [] => vec![LinkKind::Http],
            carriers => carriers.iter().map(|carrier| (*carrier).into()).collect(),
        }
    }
}
