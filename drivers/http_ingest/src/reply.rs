//! What a post is answered.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use punchgate_kit::{Described, Malformed, Stored, Wire};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Problem;

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The punch id; for a rejected item the caller's id, or null.
    pub id: Option<String>,
    /// What became of it.
    pub status: Status,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of one item, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The disk has it now.
    Stored,
    /// The disk had it already.
    Duplicate,
    /// It is no punch, or not this source's to claim. Sending it again does not help.
    Rejected,
}

/// An item that was rejected: the caller's id and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The caller's id, where that much was understood.
    pub id: Option<String>,
    /// Which field, what was wanted, what was there.
    pub why: String,
}

/// An answer for every item, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    results: Vec<Verdict>,
}

impl Answer {
    /// Acknowledges what is stored. `outcomes` has one entry for each item: `None` takes the next receipt.
    pub fn acknowledging(stored: &Stored, outcomes: Vec<Option<Rejection>>) -> Self {
        let mut receipts = stored.receipts().iter();
        let verdict = |rejection: Option<Rejection>| match (rejection, &mut receipts) {
            (Some(rejection), _) => rejection.into(),
            (None, receipts) => receipts.next().map_or_else(unreceipted, |receipt| Verdict {
                id: Some(receipt.id.clone()),
                status: if receipt.duplicate {
                    Status::Duplicate
                } else {
                    Status::Stored
                },
                error: None,
            }),
        };
        Self {
            results: outcomes.into_iter().map(verdict).collect(),
        }
    }

    /// Rejects every item; nothing is acknowledged.
    pub fn rejecting(rejections: Vec<Rejection>) -> Self {
        Self {
            results: rejections.into_iter().map(Verdict::from).collect(),
        }
    }

    /// What became of each item.
    pub fn results(&self) -> &[Verdict] {
        &self.results
    }
}

/// Never claims more than there are receipts for.
fn unreceipted() -> Verdict {
    Verdict {
        id: None,
        status: Status::Rejected,
        error: Some("the gateway gave no receipt for it; send it again".to_owned()),
    }
}

impl From<Rejection> for Verdict {
    fn from(rejection: Rejection) -> Self {
        Self {
            id: rejection.id,
            status: Status::Rejected,
            error: Some(rejection.why),
        }
    }
}

/// What a post is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 200: what became of each item.
    Answer(Answer),
    /// Nothing was stored.
    Problem(Problem),
}

impl Wire for Reply {
    type Raw = Response<Bytes>;

    fn parse(raw: &Response<Bytes>) -> Result<Self, Malformed> {
        let body = raw.body();
        let wrong = |wanted: &'static str| move |_| Malformed::new(0, wanted, body);
        if raw.status() == StatusCode::OK {
            let answer = serde_json::from_slice(body).map_err(wrong("{\"results\":[…]}"))?;
            return Ok(Self::Answer(answer));
        }
        let mut problem: Problem = serde_json::from_slice(body).map_err(wrong("a problem+json document"))?;
        problem.status = raw.status().as_u16();
        Ok(Self::Problem(problem))
    }

    fn render(&self) -> Response<Bytes> {
        match self {
            Self::Problem(problem) => problem.response(),
            Self::Answer(answer) => {
                let body = serde_json::to_vec(answer).unwrap_or_default();
                let mut response = Response::new(Bytes::from(body));
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                response
            }
        }
    }

    fn describe(&self) -> Described {
        match self {
            Self::Answer(answer) => Described::new("Answer").with("results", json!(answer.results)),
            Self::Problem(problem) => Described::new("Problem")
                .with("status", problem.status)
                .with("code", problem.code.as_str())
                .with("detail", problem.detail.as_str()),
        }
    }
}
