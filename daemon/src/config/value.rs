//! How single values are read: text, numbers, durations, sizes, zones, addresses, words.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use jiff::civil::Date;
use punchgate_model::{Direction, Factor, Timestamp};
use punchgate_rules::CardFormat;

use super::{
    nearest::nearest,
    node::{Node, Value},
    problem::{Problem, ProblemKind, Wanted},
    units,
    zone::{self, Zone},
};

pub(crate) trait FromNode: Sized {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem>;
}

pub(crate) fn wrong_type(key: &str, node: &Node, wanted: Wanted) -> Problem {
    let kind = ProblemKind::WrongType {
        key: key.to_owned(),
        wanted,
        got: node.value.kind(),
    };
    Problem::at(node.at.clone(), kind)
}

fn bad_value(key: &str, node: &Node, wanted: Wanted, got: &str) -> Problem {
    Problem::at(
        node.at.clone(),
        ProblemKind::BadValue {
            key: key.to_owned(),
            wanted,
            got: got.to_owned(),
        },
    )
}

fn text<'a>(key: &str, node: &'a Node, wanted: Wanted) -> Result<&'a str, Problem> {
    match &node.value {
        Value::Text(text) => Ok(text),
        _ => Err(wrong_type(key, node, wanted)),
    }
}

/// A word out of a closed list.
pub(crate) fn word<T: Copy>(key: &str, node: &Node, words: &[(&'static str, T)]) -> Result<T, Problem> {
    let got = text(key, node, Wanted::Text)?;
    words
        .iter()
        .find(|(word, _)| *word == got)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let known = || words.iter().map(|(word, _)| *word);
            let kind = ProblemKind::UnknownWord {
                key: key.to_owned(),
                got: got.to_owned(),
                nearest: nearest(got, known()),
                known: known().map(str::to_owned).collect(),
            };
            Problem::at(node.at.clone(), kind)
        })
}

impl FromNode for String {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        text(key, node, Wanted::Text).map(str::to_owned)
    }
}

impl FromNode for bool {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        match node.value {
            Value::Flag(flag) => Ok(flag),
            _ => Err(wrong_type(key, node, Wanted::Flag)),
        }
    }
}

impl FromNode for i64 {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        match node.value {
            Value::Integer(number) => Ok(number),
            _ => Err(wrong_type(key, node, Wanted::Number)),
        }
    }
}

impl FromNode for PathBuf {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        match text(key, node, Wanted::Path)? {
            "" => Err(bad_value(key, node, Wanted::Path, "")),
            path => Ok(path.into()),
        }
    }
}

impl FromNode for Duration {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        if let Value::Integer(got) = node.value {
            return Err(Problem::at(
                node.at.clone(),
                ProblemKind::BareDuration {
                    key: key.to_owned(),
                    got,
                },
            ));
        }
        let got = text(key, node, Wanted::Duration)?;
        units::duration(got).ok_or_else(|| match got.trim().parse() {
            Ok(got) => Problem::at(
                node.at.clone(),
                ProblemKind::BareDuration {
                    key: key.to_owned(),
                    got,
                },
            ),
            Err(_) => bad_value(key, node, Wanted::Duration, got),
        })
    }
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&units::size_text(self.0))
    }
}

impl FromNode for Size {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        if let Value::Integer(got) = node.value {
            return Err(Problem::at(
                node.at.clone(),
                ProblemKind::BareSize {
                    key: key.to_owned(),
                    got,
                },
            ));
        }
        let got = text(key, node, Wanted::Size)?;
        units::size(got)
            .map(Size)
            .ok_or_else(|| bad_value(key, node, Wanted::Size, got))
    }
}

impl FromNode for Zone {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let got = text(key, node, Wanted::Text)?;
        Zone::named(got).ok_or_else(|| {
            let kind = ProblemKind::UnknownZone {
                key: key.to_owned(),
                got: got.to_owned(),
                nearest: zone::nearest(got),
            };
            Problem::at(node.at.clone(), kind)
        })
    }
}

/// A day, `2018-01-01` with or without quotes: its first instant in UTC.
impl FromNode for Timestamp {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let got = match &node.value {
            Value::Text(text) | Value::When(text) => text,
            _ => return Err(wrong_type(key, node, Wanted::Date)),
        };
        let day: Option<Date> = got.parse().ok().filter(|_| got.len() == "2018-01-01".len());
        let midnight = day.and_then(|_| format!("{got}T00:00:00Z").parse().ok());
        midnight.ok_or_else(|| bad_value(key, node, Wanted::Date, got))
    }
}

/// An instant, with its offset.
pub(crate) struct Instant(pub(crate) Timestamp);

impl FromNode for Instant {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let got = match &node.value {
            Value::Text(text) | Value::When(text) => text,
            _ => return Err(wrong_type(key, node, Wanted::Instant)),
        };
        let instant = got.parse().map(Self);
        instant.map_err(|_| bad_value(key, node, Wanted::Instant, got))
    }
}

/// A host (name or address) and a port to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromNode for HostPort {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let got = text(key, node, Wanted::Address)?;
        let bad = || bad_value(key, node, Wanted::Address, got);
        let (host, port) = got.rsplit_once(':').ok_or_else(bad)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(inside) => inside.parse::<std::net::Ipv6Addr>().ok().map(|_| inside),
            None => (!host.is_empty() && !host.contains([':', '/', ' ', '@', '['])).then_some(host),
        };
        let number: i64 = port.parse().map_err(|_| bad())?;
        let port = u16::try_from(number).ok().filter(|port| *port > 0).ok_or_else(|| {
            let kind = ProblemKind::OutOfRange {
                key: key.to_owned(),
                got: number,
                min: 1,
                max: 65_535,
            };
            Problem::at(node.at.clone(), kind)
        })?;
        Ok(Self {
            host: host.ok_or_else(bad)?.to_owned(),
            port,
        })
    }
}

impl FromNode for SocketAddr {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let got = text(key, node, Wanted::Listen)?;
        got.parse().map_err(|_| {
            let port: Option<i64> = got.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            match port {
                Some(port) if !(0..=65_535).contains(&port) => Problem::at(
                    node.at.clone(),
                    ProblemKind::OutOfRange {
                        key: key.to_owned(),
                        got: port,
                        min: 0,
                        max: 65_535,
                    },
                ),
                _ => bad_value(key, node, Wanted::Listen, got),
            }
        })
    }
}

impl FromNode for Factor {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let words: Vec<_> = Factor::ALL.iter().map(|factor| (factor.word(), *factor)).collect();
        word(key, node, &words)
    }
}

impl FromNode for CardFormat {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(key, node, Self::ALL)
    }
}

impl FromNode for Direction {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let words: Vec<_> = Direction::ALL
            .iter()
            .map(|direction| (direction.word(), *direction))
            .collect();
        word(key, node, &words)
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        match &node.value {
            Value::List(items) => items.iter().map(|item| T::from_node(key, item)).collect(),
            _ => Err(wrong_type(key, node, Wanted::List)),
        }
    }
}

/// The name of a device, policy or upstream: 1 to 64 of `a-z 0-9 - _ .`, the same in logs, metrics and events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl FromNode for Name {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        let got = text(key, node, Wanted::Name)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let good = (1..=64).contains(&got.len()) && got.chars().all(fits);
        good.then(|| Self(got.to_owned()))
            .ok_or_else(|| bad_value(key, node, Wanted::Name, got))
    }
}
