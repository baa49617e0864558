//! What a caller posts. Pure.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use punchgate_kit::{Described, Malformed, Secret, Wire};
use serde_json::{Value, json};

use crate::{
    body::{Body, Items},
    item::{Claim, Item},
};

/// Where punches are posted.
pub const PUNCHES_PATH: &str = "/ingest/v1/punches";

/// The most punches one post may hold.
pub const MOST_PUNCHES: usize = Items::MOST;

/// The header that makes a call repeatable.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// A post of punches.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    token: Secret,
    key: Key,
    body: Bytes,
    items: Vec<Item>,
    count: usize,
}

/// What stands in `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Nothing.
    Absent,
    /// A key: 1 to 255 printable ASCII characters, given with or without quotation marks.
    Given(String),
    /// Something else, or several.
    Unusable,
}

impl Post {
    /// A post of these claims.
    pub fn new(token: Secret, key: Option<String>, claims: &[Claim]) -> Self {
        let punches: Vec<Value> = claims.iter().map(Claim::to_json).collect();
        let body = json!({ "punches": punches }).to_string();
        Self {
            token,
            key: key.map_or(Key::Absent, Key::Given),
            body: body.into(),
            items: claims.iter().take(MOST_PUNCHES).cloned().map(Item::Claim).collect(),
            count: claims.len(),
        }
    }

    /// The items, at most [`MOST_PUNCHES`] of them.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many items there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The caller's idempotency key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The body as it came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Post {
    /// Only the size: a body names people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Post({} punches, {} bytes)", self.count, self.body.len())
    }
}

impl Wire for Post {
    type Raw = Request<Bytes>;

    fn parse(raw: &Request<Bytes>) -> Result<Self, Malformed> {
        if raw.method() != Method::POST || raw.uri().path() != PUNCHES_PATH {
            let got = format!("{} {}", raw.method(), raw.uri().path());
            return Err(Malformed::new(0, "POST /ingest/v1/punches", got.as_bytes()));
        }
        let Items { kept, count } = items(raw.body())?;
        Ok(Self {
            token: Secret::new(bearer(raw.headers()).unwrap_or_default()),
            key: key(raw.headers()),
            body: raw.body().clone(),
            items: kept,
            count,
        })
    }

    fn render(&self) -> Request<Bytes> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static(PUNCHES_PATH);
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", self.token.reveal())) {
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let key = match &self.key {
            Key::Absent => None,
            Key::Given(key) => HeaderValue::from_str(&format!("\"{key}\"")).ok(),
            Key::Unusable => Some(HeaderValue::from_static("")),
        };
        if let Some(key) = key {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        request
    }

    fn describe(&self) -> Described {
        let items = self.items.iter().map(|item| match item {
            Item::Claim(claim) => claim.to_json(),
            Item::Bad { id, why } => json!({ "id": id, "error": why }),
        });
        let described = Described::new("Punches").with("punches", items.collect::<Vec<_>>());
        match &self.key {
            Key::Absent => described,
            Key::Given(key) => described.with("idempotency_key", key.as_str()),
            Key::Unusable => described.with("idempotency_key", Value::Null),
        }
    }
}

fn items(body: &Bytes) -> Result<Items, Malformed> {
    let whole: Result<Body, _> = serde_json::from_slice(body);
    whole.map(|body| body.punches).map_err(|error| {
        let text = error.to_string();
        let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
        Malformed::within(
            body,
            offset(body, error.line(), error.column()),
            format!("{{\"punches\":[…]}} ({why})"),
        )
    })
}

/// The offset of a place that serde_json counts in lines from 1 and bytes of a line.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let before = body
        .split(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(|line| line.len() + 1);
    (before.sum::<usize>() + column.saturating_sub(1)).min(body.len())
}

/// The token of the one `Authorization: Bearer TOKEN`; the scheme may be written in any case (RFC 9110 section 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (only, None) = (given.next()?, given.next()) else {
        return None;
    };
    let (scheme, token) = only.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn key(headers: &HeaderMap) -> Key {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(only) = given.next() else { return Key::Absent };
    let text = only.to_str().ok().filter(|_| given.next().is_none()).map(str::trim);
    let bare = text.map(|text| {
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inner.unwrap_or(text)
    });
    match bare {
        Some(key) if (1..=LONGEST_KEY).contains(&key.len()) && !key.contains('"') => Key::Given(key.to_owned()),
        _ => Key::Unusable,
    }
}
