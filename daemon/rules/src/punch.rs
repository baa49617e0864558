//! The nouns of the rules: punch, record, verdict (`semantics.md` section 1).
//!
//! Plain data, cheap to clone; names are shared strings. Deliberately absent: how any of it comes about.

use std::{borrow::Borrow, fmt, sync::Arc};

use punchgate_model::{Credential, DeviceName, Direction, Factor, Outcome, Timestamp};
use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    )+ };
}

names! {
    /// The identity of a punch, derived from its content; ordered by bytes.
    PunchId,
    /// The identity of a verdict, derived from its policy and one of its punches.
    VerdictId,
    /// A person, by the number the directory or the source gives them.
    Person,
}

/// How far the instant of a punch can be trusted (`semantics.md` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeQuality {
    /// Corrected by a measured offset, or stamped by our own clock on arrival.
    Synced,
    /// The device's word: its offset was never measured, or is not to be used.
    Estimated,
    /// The local time is ambiguous or impossible in its zone (a DST fold or gap).
    Suspect,
    /// The device's clock was not running properly.
    Reset,
    /// The source said so (a phone); the gateway's receipt time stands beside it.
    Claimed,
}

impl TimeQuality {
    /// The word used in events.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Estimated => "estimated",
            Self::Suspect => "suspect",
            Self::Reset => "reset",
            Self::Claimed => "claimed",
        }
    }
}

/// The normalised form of a reading (`semantics.md` section 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Punch {
    /// Which punch it is, however often and in whatever way it arrives.
    pub id: PunchId,
    /// Whose it is; `None` while the credential is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// What the device recognised.
    pub credential: Credential,
    /// How.
    pub factor: Factor,
    /// The device or source it came from.
    pub source: DeviceName,
    /// The door group; `None` where none is configured or stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Arc<str>>,
    /// Which way.
    pub direction: Direction,
    /// What the device decided.
    pub result: Outcome,
    /// When, as well as it can be told.
    pub at: Timestamp,
    /// How far off `at` may be either way, in milliseconds.
    #[serde(default)]
    pub uncertainty_ms: u32,
    /// How far `at` can be trusted.
    pub time_quality: TimeQuality,
    /// Held out of verification until an operator states the true time (`semantics.md` section 2).
    #[serde(default, skip_serializing_if = "is_false")]
    pub held_out: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Punch {
    /// Where the punch was made, for telling repeats: "zone or else source" (`semantics.md` section 3).
    ///
    /// A zone and a source of the same name are different places. An empty zone is none.
    pub fn place(&self) -> Place<'_> {
        match self.zone.as_deref() {
            Some(zone) if !zone.is_empty() => Place::Zone(zone),
            _ => Place::Source(self.source.as_str()),
        }
    }

    /// Whether it takes part in merging: granted, and a person's.
    pub fn counts(&self) -> bool {
        self.result == Outcome::Granted && self.person.is_some()
    }

    /// Whether it takes part in verification: it counts and its time is not in doubt.
    pub fn verifies(&self) -> bool {
        self.counts() && !self.held_out
    }

    /// The order punches are taken in everywhere: (`at`, `id`).
    pub(crate) fn key(&self) -> (Timestamp, &PunchId) {
        (self.at, &self.id)
    }
}

/// Zone, or else source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place<'a> {
    /// A configured or stated zone.
    Zone(&'a str),
    /// The source, where there is no zone.
    Source(&'a str),
}

/// What remains after repeats are merged (`semantics.md` section 3). Its id is that of its first punch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The anchor: the earliest of the merged punches.
    pub id: PunchId,
    /// Whose.
    pub person: Person,
    /// How.
    pub factor: Factor,
    /// The source of the anchor.
    pub source: DeviceName,
    /// The zone, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Arc<str>>,
    /// Which way.
    pub direction: Direction,
    /// The instant of the anchor.
    pub first_at: Timestamp,
    /// The instant of the last repeat, or of the anchor where there is none.
    pub last_at: Timestamp,
    /// The ids of the repeats, in order of (`at`, `id`).
    pub repeats: Vec<PunchId>,
}

impl Record {
    /// The instant attendance counts: an "out" at its last punch, all else at its first.
    pub fn attendance_at(&self) -> Timestamp {
        if self.direction == Direction::Out {
            self.last_at
        } else {
            self.first_at
        }
    }
}

/// How dual verification came out (`semantics.md` section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictOutcome {
    /// Both factors within the window.
    Verified,
    /// Both factors, too far apart: the exception to be flagged.
    Late,
    /// Both factors within the window, the second before the first.
    WrongOrder,
    /// A second factor without its first.
    MissingFirst,
    /// A first factor without its second.
    MissingSecond,
    /// The window is still open, or the data are not complete that far.
    Pending,
}

impl VerdictOutcome {
    /// The word used in events and by `punchgate replay`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Late => "late",
            Self::WrongOrder => "wrong_order",
            Self::MissingFirst => "missing_first",
            Self::MissingSecond => "missing_second",
            Self::Pending => "pending",
        }
    }
}

/// The outcome of one policy for one or two punches of one person (`semantics.md` section 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Derived from the policy and the second punch, or the first where there is no second.
    pub id: VerdictId,
    /// The policy that decided.
    pub policy: Arc<str>,
    /// The instant from which the terms that decided are in force; `None`: they always were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_from: Option<Timestamp>,
    /// Whose.
    pub person: Person,
    /// How it came out.
    pub outcome: VerdictOutcome,
    /// The first factor's punch.
    pub first: Option<PunchId>,
    /// The second factor's punch.
    pub second: Option<PunchId>,
    /// The distance of the two, in milliseconds, never negative; `None` where one is missing.
    pub gap_ms: Option<i64>,
    /// `false`: the uncertainties reach the edge of the window, to be shown as *indeterminate*. `None` where one
    /// punch is missing.
    pub certain: Option<bool>,
    /// Older punches that the one used replaced, in order.
    pub superseded: Vec<PunchId>,
    /// Repeats of the punch that closed it, in order.
    pub repeats: Vec<PunchId>,
    /// The instant of its earliest punch, superseded ones aside.
    pub at: Timestamp,
    /// Final once the data are complete past this instant (`semantics.md` section 5).
    pub settles_at: Timestamp,
}

impl Verdict {
    /// The id of its second punch, or of its first where it has no second.
    pub fn key_punch(&self) -> Option<&PunchId> {
        self.second.as_ref().or(self.first.as_ref())
    }

    /// Whether data complete up to `complete_until` (`None`: complete) leave nothing that could change its outcome.
    pub fn is_final(&self, complete_until: Option<Timestamp>) -> bool {
        complete_until.is_none_or(|until| until > self.settles_at)
    }

    /// Whether the uncertainties reach the edge of the window. Such a verdict never passes silently.
    pub fn is_indeterminate(&self) -> bool {
        self.certain == Some(false)
    }
}
