use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Credential, DeviceTime, Direction, Factor, Outcome};

/// The name a device has in the configuration, the same in logs, metrics, events and punch ids.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceName(Arc<str>);

impl DeviceName {
    /// Wraps a configured name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for DeviceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for DeviceName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// How a reading reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// As it happened: our time of arrival is close to the time of the punch.
    Live,
    /// From what the device had stored: our time of arrival says nothing about the punch.
    Log,
}

/// What a device said, as it said it. Never edited afterwards; what it means is decided later.
///
/// Which device spoke and when we heard it is stamped by the gateway's intake, never by a driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The device's own record number, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The caller's own id, if the source names its punches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Ordinal among otherwise equal rows of one download or request, from 0. A live reading is always 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub occurrence: u32,
    /// When, by the device's clock; `None` for a device without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_time: Option<DeviceTime>,
    /// Uncertainty the source itself states, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncertainty_ms: u32,
    /// Who.
    pub credential: Credential,
    /// How, as well as it can be told.
    pub factor: Factor,
    /// Which way; `Unknown` where the device did not say.
    pub direction: Direction,
    /// What the device decided.
    pub result: Outcome,
    /// The zone the source names; the configured zone of the device counts where this is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Live or from a log.
    pub origin: Origin,
    /// What else the protocol said, in its own words and numbers (`verify`, `state`, `work_code` …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// The bytes behind it. Never pictures, never templates.
    #[serde(default, skip_serializing_if = "Raw::is_empty")]
    pub raw: Raw,
}

impl Reading {
    /// A granted reading of a credential by a factor, live, with nothing else known.
    pub fn new(credential: Credential, factor: Factor) -> Self {
        Self {
            sequence: None,
            external_id: None,
            occurrence: 0,
            device_time: None,
            uncertainty_ms: 0,
            credential,
            factor,
            direction: Direction::Unknown,
            result: Outcome::Granted,
            zone: None,
            origin: Origin::Live,
            details: BTreeMap::new(),
            raw: Raw::default(),
        }
    }
}

/// What tells the rows of a log apart: 64 bits of what a punch id is made of, the same in every build and for ever.
///
/// Not a secret and no proof: two rows of one log differ in it but for a chance of one in 2⁶⁴.
impl Reading {
    /// The mark of whom and when: the same for a punch seen live and read from the log.
    pub fn gist(&self) -> u64 {
        let printed = self.device_time.as_ref().map_or("", |time| time.printed.as_str());
        let fields = [self.credential.kind(), self.credential.number(), printed];
        fields
            .into_iter()
            .fold(FNV_BASIS, |mark, field| fnv(fnv(mark, field.as_bytes()), &[0]))
    }

    /// The mark of a row among all rows of its device's log.
    pub fn row_mark(&self) -> u64 {
        let mark = fnv(self.gist(), self.factor.word().as_bytes());
        let mark = fnv(mark, &self.sequence.map_or([0; 8], u64::to_be_bytes));
        fnv(mark, &self.occurrence.to_be_bytes())
    }
}

/// FNV-1a, 64 bits: small, and the same wherever it runs.
const FNV_BASIS: u64 = 0xCBF2_9CE4_8422_2325;

fn fnv(mark: u64, bytes: &[u8]) -> u64 {
    let step = |mark: u64, byte: &u8| (mark ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    bytes.iter().fold(mark, step)
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Bytes as they came, capped at [`Raw::LIMIT`]; written as hex.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Raw(Vec<u8>);

impl Raw {
    /// The most that is kept of one reading's bytes.
    pub const LIMIT: usize = 512;

    /// Keeps the first [`Raw::LIMIT`] bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().take(Self::LIMIT).copied().collect())
    }

    /// The bytes kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Raw {
    /// Only the length: raw bytes hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
        let hex: String = self
            .0
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
            .collect();
        serializer.serialize_str(&hex)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let nibbles: Option<Vec<u8>> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        let nibbles = nibbles.ok_or_else(|| serde::de::Error::custom("raw bytes must be hex digits"))?;
        if nibbles.len() % 2 != 0 {
            return Err(serde::de::Error::custom(
                "raw bytes must have an even number of hex digits",
            ));
        }
        Ok(Self::new(
            &nibbles
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |byte, n| byte << 4 | n))
                .collect::<Vec<_>>(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            device_time: Some(DeviceTime::from_numbers(2026, 3, 2, 8, 55, 0)),
            ..Reading::new(Credential::Enrol("0007".into()), Factor::Fingerprint)
        }
    }

    /// Marks are in journals: do not change this test.
    #[test]
    fn marks_are_what_they_always_were() {
        assert_eq!(reading().gist(), GIST);
        assert_eq!(reading().row_mark(), MARK);
    }

    const GIST: u64 = 0x3105_A134_69F9_A9D7;
    const MARK: u64 = 0x4F1C_A19B_8D38_3211;

    #[test]
    fn equal_rows_and_numbered_rows_have_marks_of_their_own() {
        let second = Reading {
            occurrence: 1,
            ..reading()
        };
        let numbered = Reading {
            sequence: Some(1),
            ..reading()
        };
        let live = Reading {
            origin: Origin::Live,
            direction: Direction::In,
            ..reading()
        };
        assert_eq!(live.row_mark(), reading().row_mark());
        assert_ne!(second.row_mark(), reading().row_mark());
        assert_ne!(numbered.row_mark(), reading().row_mark());
        assert_eq!(second.gist(), numbered.gist());
    }
}
