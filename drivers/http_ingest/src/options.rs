use punchgate_kit::Secret;
use punchgate_model::Factor;
use serde::{Deserialize, Deserializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::pace::Pace;

/// What an operator may set for a source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The bearer token by which the source is recognised; never empty.
    #[serde(deserialize_with = "token")]
    pub token: Secret,
    /// What the source may claim; everything where this is not set.
    #[serde(default)]
    pub factors: Option<Vec<Factor>>,
    /// The most punches a second, from 1; no limit where this is not set.
    #[serde(default)]
    pub max_per_second: Option<Pace>,
}

impl Options {
    /// Only a token; everything may be claimed at any pace.
    pub fn with_token(token: Secret) -> Self {
        Self {
            token,
            factors: None,
            max_per_second: None,
        }
    }

    /// Whether this is the source's token. Digests are compared in constant time, so neither its letters nor its length
    /// show in the time this takes.
    pub(crate) fn is_token(&self, given: &str) -> bool {
        let wanted = Sha256::digest(self.token.reveal().as_bytes());
        let given = Sha256::digest(given.as_bytes());
        !self.token.reveal().is_empty() && bool::from(wanted.as_slice().ct_eq(given.as_slice()))
    }
}

/// A token that an `Authorization` header can carry.
fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let token = Secret::deserialize(deserializer)?;
    let sendable = !token.reveal().is_empty() && token.reveal().bytes().all(|byte| byte.is_ascii_graphic());
    if !sendable {
        return Err(D::Error::custom(
            "token: wanted printable ASCII characters without spaces, got something else or nothing; \
             make one with: head -c 24 /dev/urandom | base64",
        ));
    }
    Ok(token)
}
