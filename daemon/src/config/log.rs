//! `[log]`: how the program speaks while it runs.

use super::{
    node::Node,
    problem::Problem,
    reader::Reader,
    value::{FromNode, word},
};

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// The least that is written.
    pub level: LogLevel,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl FromNode for LogFormat {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(key, node, &[("text", Self::Text), ("json", Self::Json)])
    }
}

/// The least important thing that is still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// A punch is at risk, or a person is needed.
    Error,
    /// Odd, but nothing is lost.
    Warn,
    /// What you asked for happened.
    #[default]
    Info,
    /// For those who look for a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, level)| *level == self)
            .map_or("info", |(word, _)| word)
    }
}

impl FromNode for LogLevel {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(key, node, Self::WORDS)
    }
}

pub(crate) fn read(reader: Reader<'_>) -> Log {
    let log = Log {
        format: reader.or("format", LogFormat::default()),
        level: reader.or("level", LogLevel::default()),
    };
    reader.finish();
    log
}
