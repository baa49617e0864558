//! What a sink can be asked to do wrong.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// One way of misbehaving. As JSON: `{"fault":"status","code":503,"headers":[["retry-after","2"]]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Takes nothing and answers with a status (200 to 999).
    Status {
        /// The code.
        code: u16,
        /// More headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body.
        #[serde(default)]
        body: String,
    },
    /// Takes nothing and answers 200 with a page, as a captive portal does.
    Html,
    /// Takes nothing, announces an answer and closes in the middle of it.
    HalfBody,
    /// Takes nothing and never answers.
    Hang,
    /// Takes nothing and closes the connection without an answer.
    Cut,
    /// Takes everything and then closes the connection without an answer.
    AcceptThenCut,
    /// Takes everything and never says so.
    AcceptThenHang,
    /// Takes everything and answers byte by byte, so many milliseconds apart.
    Slow {
        /// Milliseconds between two bytes.
        millis: u64,
    },
    /// Takes all but these, and says so event by event.
    RejectIds {
        /// The events it rejects.
        ids: Vec<String>,
    },
    /// Refuses a batch as a whole with this status when one of these is in it.
    Poison {
        /// The events it does not bear.
        ids: Vec<String>,
        /// The status, for example 422.
        code: u16,
    },
    /// Refuses a batch of more events than this with 413.
    TooMany {
        /// The most it takes.
        most: usize,
    },
}

impl Fault {
    /// A status without anything else.
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// A status with one header.
    pub fn status_with(code: u16, name: &str, value: &str) -> Self {
        Self::Status {
            code,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: String::new(),
        }
    }

    /// Whether it takes the events of a batch before it misbehaves.
    pub(crate) fn takes(&self, ids: &[String]) -> bool {
        match self {
            Self::AcceptThenCut | Self::AcceptThenHang | Self::Slow { .. } | Self::RejectIds { .. } => true,
            Self::Poison { ids: bad, .. } => !ids.iter().any(|id| bad.contains(id)),
            Self::TooMany { most } => ids.len() <= *most,
            Self::Status { .. } | Self::Html | Self::HalfBody | Self::Hang | Self::Cut => false,
        }
    }

    /// Its name in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Html => "html",
            Self::HalfBody => "half_body",
            Self::Hang => "hang",
            Self::Cut => "cut",
            Self::AcceptThenCut => "accept_then_cut",
            Self::AcceptThenHang => "accept_then_hang",
            Self::Slow { .. } => "slow",
            Self::RejectIds { .. } => "reject_ids",
            Self::Poison { .. } => "poison",
            Self::TooMany { .. } => "too_many",
        }
    }
}

/// The faults to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    queue: VecDeque<Fault>,
    standing: Option<Fault>,
}

/// The body of `POST /faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    pub(crate) faults: Vec<Fault>,
    /// Absent leaves what stands; null ends it.
    #[serde(default, deserialize_with = "given")]
    pub(crate) standing: Option<Option<Fault>>,
}

fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Fault>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Faults {
    pub(crate) fn queue(&mut self, fault: Fault) {
        self.queue.push_back(fault);
    }

    pub(crate) fn stand(&mut self, fault: Option<Fault>) {
        self.standing = fault;
    }

    pub(crate) fn next(&mut self) -> Option<Fault> {
        self.queue.pop_front().or_else(|| self.standing.clone())
    }
}
