//! Answers that say no, as `application/problem+json` (RFC 9457) with a stable `code`.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use punchgate_kit::{NotStored, Refused};
use serde::{Deserialize, Serialize};

use crate::codec::MOST_PUNCHES;

/// Why nothing of a post was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: String,
    /// A few words for people, the same for every problem of this code.
    pub title: String,
    /// What was wrong this time, and what helps.
    pub detail: String,
    /// Seconds after which to come again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            title: title.to_owned(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    fn come_again(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// More items than a post may hold.
    pub fn too_many_punches(count: usize) -> Self {
        let detail = format!("wanted at most {MOST_PUNCHES} punches, got {count}; send them in several calls");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-many-punches",
            "too many punches in one call",
            detail,
        )
    }

    /// The idempotency key belongs to another body.
    pub fn key_reused() -> Self {
        let detail = "this Idempotency-Key was used before with another body; use a new key for a new body";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "key-reused",
            "idempotency key reused",
            detail,
        )
    }

    /// The idempotency key is none.
    pub fn bad_key() -> Self {
        let detail = "wanted one Idempotency-Key of 1 to 255 printable ASCII characters";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad-key",
            "unusable idempotency key",
            detail,
        )
    }

    /// The source is faster than it may be.
    pub fn too_fast(seconds: u64) -> Self {
        let detail = "this source sends more punches than its max_per_second allows; nothing was stored, send again";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-fast", "too many punches", detail).come_again(seconds)
    }

    /// The punches are not on the disk.
    pub fn not_stored(why: &NotStored) -> Self {
        let seconds = match why {
            NotStored::Busy => 1,
            NotStored::Stopping => 5,
            NotStored::DiskFailed(_) => 10,
            NotStored::DiskFull => 30,
        };
        let detail = format!("{why}; nothing was stored, send again");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-stored", "not stored", detail).come_again(seconds)
    }

    /// A request that no conversation can be held about.
    pub fn refusing(why: &Refused) -> Self {
        match why {
            Refused::Unknown => Self::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "who are you?",
                "wanted Authorization: Bearer with the token of a configured http_ingest device",
            ),
            Refused::TooLarge { limit } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "the body is too large",
                format!("wanted at most {limit} bytes; send fewer punches in a call"),
            ),
            Refused::Malformed(why) => {
                let detail = format!("{why}; nothing was stored");
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "not-understood",
                    "the body is not understood",
                    detail,
                )
            }
            Refused::Nowhere => {
                let detail = "punches are posted to /ingest/v1/punches";
                Self::new(StatusCode::NOT_FOUND, "not-found", "nothing is here", detail)
            }
            Refused::Method => {
                let detail = "punches are sent by POST";
                Self::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method-not-allowed",
                    "method not allowed",
                    detail,
                )
            }
            Refused::Busy => Self::not_stored(&NotStored::Busy),
            Refused::TooMany => Self::too_fast(1),
        }
    }

    /// The answer.
    pub fn response(&self) -> Response<Bytes> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        *response.status_mut() = status;
        let mut say = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
        say(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            say(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            say(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"punchgate\""),
            );
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            say(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
