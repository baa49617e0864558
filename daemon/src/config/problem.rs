//! What can be wrong with a configuration, and how it is said.
//!
//! Every kind names a message of the catalogue and its arguments, so that each language says it whole. Secrets
//! never become arguments.

use std::{fmt, path::PathBuf};

use super::place::Place;
use crate::messages::{Lang, Message};

/// One fault in the configuration, with its place where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Option<Place>,
    /// What.
    pub kind: Box<ProblemKind>,
}

impl Problem {
    pub(crate) fn at(at: Place, kind: ProblemKind) -> Self {
        Self {
            at: Some(at),
            kind: Box::new(kind),
        }
    }

    /// A fault of a whole file.
    pub(crate) fn nowhere(kind: ProblemKind) -> Self {
        Self {
            at: None,
            kind: Box::new(kind),
        }
    }

    /// The whole line for an operator: place and sentence.
    pub fn say(&self, lang: Lang) -> String {
        self.message().say(lang)
    }

    /// Place and sentence.
    pub fn message(&self) -> Message {
        let what = self.kind.message();
        match &self.at {
            Some(at) => Message::new("config-at").with("place", at).with_message("what", what),
            None => what,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(Lang::En))
    }
}

/// What a key should have held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each is the word for a kind of value; the catalogue explains it to people"
)]
pub enum Wanted {
    Text,
    Flag,
    Number,
    List,
    Table,
    Duration,
    Size,
    Date,
    /// An instant with an offset.
    Instant,
    Address,
    Listen,
    Url,
    Path,
    Secret,
    Name,
    StoreSize,
    Schedule,
}

impl Wanted {
    fn message(self) -> Message {
        Message::new(match self {
            Self::Text => "wanted-text",
            Self::Flag => "wanted-flag",
            Self::Number => "wanted-number",
            Self::List => "wanted-list",
            Self::Table => "wanted-table",
            Self::Duration => "wanted-duration",
            Self::Size => "wanted-size",
            Self::Date => "wanted-date",
            Self::Instant => "wanted-instant",
            Self::Address => "wanted-address",
            Self::Listen => "wanted-listen",
            Self::Url => "wanted-url",
            Self::Path => "wanted-path",
            Self::Secret => "wanted-secret",
            Self::Name => "wanted-name",
            Self::StoreSize => "wanted-store-size",
            Self::Schedule => "wanted-schedule",
        })
    }
}

/// The kinds of fault. Fields are what the sentence needs; the catalogue says how each is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the fields are the arguments of the message of the same name"
)]
pub enum ProblemKind {
    Unreadable {
        path: PathBuf,
        why: String,
    },
    TooLong {
        path: PathBuf,
        limit: String,
    },
    NotUtf8 {
        path: PathBuf,
        offset: usize,
    },
    Syntax {
        why: String,
    },
    HugeNumber {
        got: String,
    },
    Clash {
        key: String,
        got: &'static str,
        other: Place,
        there: &'static str,
    },
    UnknownKey {
        key: String,
        section: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    WrongType {
        key: String,
        wanted: Wanted,
        got: &'static str,
    },
    BadValue {
        key: String,
        wanted: Wanted,
        got: String,
    },
    BareDuration {
        key: String,
        got: i64,
    },
    BareSize {
        key: String,
        got: i64,
    },
    OutOfRange {
        key: String,
        got: i64,
        min: i64,
        max: i64,
    },
    Missing {
        key: String,
        section: String,
    },
    UnknownWord {
        key: String,
        got: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    UnknownZone {
        key: String,
        got: String,
        nearest: Option<String>,
    },
    NeedsTimezone {
        device: String,
        driver: String,
    },
    UnknownDriver {
        device: String,
        got: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    Duplicate {
        what: &'static str,
        name: String,
        other: Place,
    },
    WrongLink {
        device: String,
        driver: String,
        key: String,
        link: String,
    },
    MissingLink {
        device: String,
        driver: String,
        key: &'static str,
    },
    WindowTooLong {
        policy: String,
        window: String,
        unrelated_after: String,
    },
    ClockNeedsLive {
        device: String,
        driver: String,
    },
    InlineSecret {
        key: String,
    },
    SecretUnreadable {
        key: String,
        path: PathBuf,
        why: String,
    },
    SecretExposed {
        key: String,
        path: PathBuf,
        mode: String,
    },
    SecretEmpty {
        key: String,
        path: PathBuf,
    },
    NoCredentials {
        key: String,
        name: String,
    },
    Option {
        device: String,
        why: String,
    },
    CleartextToken {
        upstream: String,
    },
}

impl ProblemKind {
    /// The sentence and its arguments.
    pub fn message(&self) -> Message {
        use ProblemKind as K;
        match self {
            K::Unreadable { path, why } => Message::new("config-unreadable")
                .with("path", path.display())
                .with("why", why),
            K::TooLong { path, limit } => Message::new("config-too-long")
                .with("path", path.display())
                .with("limit", limit),
            K::NotUtf8 { path, offset } => Message::new("config-not-utf8")
                .with("path", path.display())
                .with("offset", offset),
            K::Syntax { why } => Message::new("config-syntax").with("why", why),
            K::HugeNumber { got } => Message::new("config-huge-number").with("got", got),
            K::Clash { key, got, other, there } => Message::new("config-clash")
                .with("key", key)
                .with("got", got)
                .with("other", other)
                .with("there", there),
            K::UnknownKey {
                key,
                section,
                nearest,
                known,
            } => Message::new("config-unknown-key")
                .with("key", key)
                .or_none("section", Some(section.as_str()).filter(|section| !section.is_empty()))
                .or_none("nearest", nearest.as_deref())
                .with("known", known.join(", ")),
            K::WrongType { key, wanted, got } => Message::new("config-wrong-type")
                .with("key", key)
                .with_message("wanted", wanted.message())
                .with("got", got),
            K::BadValue { key, wanted, got } => Message::new("config-bad-value")
                .with("key", key)
                .with_message("wanted", wanted.message())
                .with("got", short(got)),
            K::BareDuration { key, got } => Message::new("config-bare-duration").with("key", key).with("got", got),
            K::BareSize { key, got } => Message::new("config-bare-size").with("key", key).with("got", got),
            K::OutOfRange { key, got, min, max } => Message::new("config-out-of-range")
                .with("key", key)
                .with("got", got)
                .with("min", min)
                .with("max", max),
            K::Missing { key, section } => Message::new("config-missing").with("key", key).with("section", section),
            K::UnknownWord {
                key,
                got,
                nearest,
                known,
            } => Message::new("config-unknown-word")
                .with("key", key)
                .with("got", short(got))
                .or_none("nearest", nearest.as_deref())
                .with("known", known.join(", ")),
            K::UnknownZone { key, got, nearest } => Message::new("config-unknown-zone")
                .with("key", key)
                .with("got", short(got))
                .or_none("nearest", nearest.as_deref()),
            K::NeedsTimezone { device, driver } => Message::new("config-needs-timezone")
                .with("device", device)
                .with("driver", driver),
            K::UnknownDriver {
                device,
                got,
                nearest,
                known,
            } => Message::new("config-unknown-driver")
                .with("device", device)
                .with("got", short(got))
                .or_none("nearest", nearest.as_deref())
                .with("known", known.join(", ")),
            K::Duplicate { what, name, other } => Message::new("config-duplicate")
                .with("what", what)
                .with("name", name)
                .with("other", other),
            K::WrongLink {
                device,
                driver,
                key,
                link,
            } => Message::new("config-wrong-link")
                .with("device", device)
                .with("driver", driver)
                .with("key", key)
                .with("link", link),
            K::MissingLink { device, driver, key } => Message::new("config-missing-link")
                .with("device", device)
                .with("driver", driver)
                .with("key", key),
            K::WindowTooLong {
                policy,
                window,
                unrelated_after,
            } => Message::new("config-window-too-long")
                .with("policy", policy)
                .with("window", window)
                .with("unrelated", unrelated_after),
            K::ClockNeedsLive { device, driver } => Message::new("config-clock-received")
                .with("device", device)
                .with("driver", driver),
            K::InlineSecret { key } => Message::new("config-inline-secret").with("key", key),
            K::SecretUnreadable { key, path, why } => Message::new("config-secret-unreadable")
                .with("key", key)
                .with("path", path.display())
                .with("why", why),
            K::SecretExposed { key, path, mode } => Message::new("config-secret-exposed")
                .with("key", key)
                .with("path", path.display())
                .with("mode", mode),
            K::SecretEmpty { key, path } => Message::new("config-secret-empty")
                .with("key", key)
                .with("path", path.display()),
            K::NoCredentials { key, name } => Message::new("config-no-credentials")
                .with("key", key)
                .with("name", name),
            K::Option { device, why } => Message::new("config-option").with("device", device).with("why", why),
            K::CleartextToken { upstream } => Message::new("config-url-password").with("upstream", upstream),
        }
    }
}

/// Enough of a wrong value to find it, not enough to flood a terminal.
fn short(got: &str) -> String {
    let mut short: String = got.chars().filter(|c| !c.is_control()).take(60).collect();
    if short.len() < got.len() {
        short.push('…');
    }
    short
}

/// Everything that was found wrong; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
