//! `address`, or `port` and line settings, of a device: what carries its protocol.

use std::path::PathBuf;

use super::{
    known::{KnownDriver, LinkKind},
    node::Node,
    problem::{Problem, ProblemKind},
    reader::Reader,
    value::{FromNode, HostPort, word},
};

/// How a device is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// By a TCP connection to this address.
    Tcp(HostPort),
    /// By UDP datagrams to this address.
    Udp(HostPort),
    /// By a serial line.
    Serial(SerialPort),
    /// It calls us by HTTP.
    Http,
}

/// A serial port and its line settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPort {
    /// The device file, best under `/dev/serial/by-id/`.
    pub port: PathBuf,
    /// Bits per second, 50 to 4000000; default 9600.
    pub baud: u32,
    /// 5 to 8; default 8.
    pub data_bits: u8,
    /// Default none.
    pub parity: Parity,
    /// 1 or 2; default 1.
    pub stop_bits: u8,
    /// Whether the kernel switches the direction of an RS-485 transceiver; default false.
    pub rs485: bool,
}

/// The parity bit of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit.
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

impl Parity {
    const WORDS: &'static [(&'static str, Self)] = &[("none", Self::None), ("even", Self::Even), ("odd", Self::Odd)];

    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Even => "even",
            Self::Odd => "odd",
        }
    }
}

impl FromNode for Parity {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(key, node, Self::WORDS)
    }
}

const NET: &[&str] = &["address"];
const SERIAL: &[&str] = &["port", "baud", "data_bits", "parity", "stop_bits", "rs485"];

fn keys(kind: LinkKind) -> &'static [&'static str] {
    match kind {
        LinkKind::Tcp | LinkKind::Udp => NET,
        LinkKind::Serial => SERIAL,
        LinkKind::Http => &[],
    }
}

/// Reads the link keys of a device. `transport` chooses where a driver can be carried by several links.
pub(crate) fn read(reader: &Reader<'_>, device: &str, driver: &KnownDriver) -> Option<Link> {
    let kind = choose(reader, driver)?;
    refuse_others(reader, device, driver, kind);
    let missing = |key| {
        let kind = ProblemKind::MissingLink {
            device: device.to_owned(),
            driver: driver.name.to_owned(),
            key,
        };
        reader.findings.push(reader.at(), kind);
    };
    let address = || match reader.entry("address") {
        Some(_) => reader.get("address"),
        None => {
            missing("address");
            None
        }
    };
    match kind {
        LinkKind::Tcp => address().map(Link::Tcp),
        LinkKind::Udp => address().map(Link::Udp),
        LinkKind::Http => Some(Link::Http),
        LinkKind::Serial => {
            let line = line(reader);
            if reader.entry("port").is_none() {
                missing("port");
            }
            reader.get("port").map(|port| Link::Serial(SerialPort { port, ..line }))
        }
    }
}

fn line(reader: &Reader<'_>) -> SerialPort {
    let small = |key, range, default: u8| {
        reader
            .number(key, range)
            .and_then(|number| u8::try_from(number).ok())
            .unwrap_or(default)
    };
    SerialPort {
        port: PathBuf::new(),
        baud: reader
            .number("baud", 50..=4_000_000)
            .and_then(|baud| u32::try_from(baud).ok())
            .unwrap_or(9_600),
        data_bits: small("data_bits", 5..=8, 8),
        parity: reader.or("parity", Parity::None),
        stop_bits: small("stop_bits", 1..=2, 1),
        rs485: reader.or("rs485", false),
    }
}

fn choose(reader: &Reader<'_>, driver: &KnownDriver) -> Option<LinkKind> {
    let links = driver.links();
    if let Some(entry) = reader.entry("transport") {
        let words: Vec<_> = links.iter().map(|link| (link.word(), *link)).collect();
        return word("transport", &entry.node, &words)
            .map_err(|p| reader.findings.extend(vec![p]))
            .ok();
    }
    // A `port` says serial as plainly as the word would.
    let written: Vec<_> = reader.rest().into_iter().map(|entry| entry.key.as_str()).collect();
    let named = links
        .iter()
        .find(|link| keys(**link).first().is_some_and(|key| written.contains(key)));
    named.or(links.first()).copied()
}

/// A key of another kind of link is a misunderstanding worth more than "unknown key".
fn refuse_others(reader: &Reader<'_>, device: &str, driver: &KnownDriver, kind: LinkKind) {
    for key in ["address", "port"].into_iter().filter(|key| !keys(kind).contains(key)) {
        if let Some(entry) = reader.rest().into_iter().find(|entry| entry.key == key) {
            let link = kind.word().to_owned();
            let (device, driver) = (device.to_owned(), driver.name.to_owned());
            reader.findings.push(
                &entry.key_at,
                ProblemKind::WrongLink {
                    device,
                    driver,
                    key: key.to_owned(),
                    link,
                },
            );
            reader.entry(key);
        }
    }
}
