use std::{fmt, str::FromStr};

use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time. Durations in punchgate are never negative; differences that may be are `i64` milliseconds.
pub type Span = std::time::Duration;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
///
/// Written as RFC 3339 in UTC with three decimals: `2026-03-02T00:45:00.000Z`. The range is that of the
/// years −9999 to 9999; arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Why a text is no [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampError(String);

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not an instant: {} (wanted RFC 3339 with an offset, like 2026-03-02T08:40:00.000+08:00)",
            self.0
        )
    }
}

impl std::error::Error for TimestampError {}

impl Timestamp {
    /// The earliest instant.
    pub const MIN: Self = Self(-377_705_023_201_000);
    /// The latest instant.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// From milliseconds since the epoch, clamped to the range.
    pub const fn from_millis(ms: i64) -> Self {
        if ms < Self::MIN.0 {
            Self::MIN
        } else if ms > Self::MAX.0 {
            Self::MAX
        } else {
            Self(ms)
        }
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to `self`; negative when `self` is the earlier one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved by a number of milliseconds, which may be negative.
    pub const fn plus_millis(self, ms: i64) -> Self {
        Self::from_millis(self.0.saturating_add(ms))
    }

    /// This instant moved forward by a span.
    pub fn plus(self, span: Span) -> Self {
        self.plus_millis(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    }

    /// This instant moved back by a span.
    pub fn minus(self, span: Span) -> Self {
        self.plus_millis(i64::try_from(span.as_millis()).map_or(i64::MIN, |ms| -ms))
    }

    /// The same instant for `jiff`.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default()
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// Rounds down to the millisecond.
    fn from(at: jiff::Timestamp) -> Self {
        let ms = at.as_nanosecond().div_euclid(1_000_000);
        Self::from_millis(i64::try_from(ms).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let short = || text.chars().take(60).collect::<String>();
        let at: jiff::Timestamp = text.parse().map_err(|_| TimestampError(format!("{:?}", short())))?;
        Ok(at.into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How finely a device prints its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// To the second or finer.
    #[default]
    Second,
    /// To the minute; seconds were not printed and are taken as 0.
    Minute,
}

/// A time as the device printed it: civil, without an idea of where on earth, unless it sent an offset.
///
/// An impossible date (30 February) keeps its printed form and has no civil value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeviceTime {
    /// `YYYY-MM-DDTHH:MM:SS[.fff][offset]`: the device's own numbers in one notation, even when impossible.
    pub printed: String,
    /// The civil time, if the numbers are a possible one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub civil: Option<civil::DateTime>,
    /// Seconds east of UTC, only if the device sent an offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_seconds: Option<i32>,
    /// How finely it was printed.
    #[serde(default, skip_serializing_if = "is_second")]
    pub precision: Precision,
}

fn is_second(precision: &Precision) -> bool {
    *precision == Precision::Second
}

impl DeviceTime {
    /// From the device's numbers, possible or not.
    pub fn from_numbers(year: i32, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Self {
        let small = |n: u8| i8::try_from(n).unwrap_or(-1);
        let civil = i16::try_from(year).ok().and_then(|year| {
            civil::DateTime::new(
                year,
                small(month),
                small(day),
                small(hour),
                small(minute),
                small(second),
                0,
            )
            .ok()
        });
        let printed = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        Self {
            printed,
            civil,
            offset_seconds: None,
            precision: Precision::Second,
        }
    }

    /// From a civil time.
    pub fn from_civil(civil: civil::DateTime) -> Self {
        Self {
            printed: civil.to_string(),
            civil: Some(civil),
            offset_seconds: None,
            precision: Precision::Second,
        }
    }

    /// From an RFC 3339 text with an offset, kept as it was written.
    ///
    /// # Errors
    /// [`TimestampError`] when the text is not an instant.
    pub fn from_rfc3339(text: &str) -> Result<Self, TimestampError> {
        let at: Timestamp = text.parse()?;
        let pieces = jiff::fmt::temporal::DateTimeParser::new().parse_pieces(text);
        let offset = pieces
            .ok()
            .and_then(|p| p.to_numeric_offset())
            .map_or(0, |o| o.seconds());
        let civil = jiff::tz::Offset::from_seconds(offset)
            .ok()
            .map(|o| o.to_datetime(at.to_jiff()));
        Ok(Self {
            printed: text.to_owned(),
            civil,
            offset_seconds: Some(offset),
            precision: Precision::Second,
        })
    }

    /// The same, printed to the minute only.
    #[must_use]
    pub fn to_the_minute(mut self) -> Self {
        self.precision = Precision::Minute;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_back_to_the_millisecond() {
        let at: Timestamp = "2026-03-02T08:40:00.001+08:00".parse().expect("an instant");
        assert_eq!(at.to_string(), "2026-03-02T00:40:00.001Z");
        assert_eq!(at.to_string().parse(), Ok(at));
        assert_eq!("2026-03-02T00:40:00.0019Z".parse(), Ok(at));
    }

    #[test]
    fn an_instant_without_an_offset_is_refused() {
        assert!("2026-03-02T08:40:00".parse::<Timestamp>().is_err());
    }

    #[test]
    fn the_ends_of_the_range_print_and_read_back() {
        for at in [
            Timestamp::MIN,
            Timestamp::MAX,
            Timestamp::from_millis(i64::MIN),
            Timestamp::from_millis(i64::MAX),
        ] {
            assert_eq!(at.to_string().parse(), Ok(at));
        }
    }

    #[test]
    fn an_impossible_date_keeps_its_numbers() {
        let time = DeviceTime::from_numbers(2026, 2, 30, 8, 0, 0);
        assert_eq!(time.printed, "2026-02-30T08:00:00");
        assert_eq!(time.civil, None);
    }

    #[test]
    fn an_offset_is_kept_as_written() {
        let time = DeviceTime::from_rfc3339("2026-03-02T08:40:00+08:00").expect("an instant");
        assert_eq!(time.offset_seconds, Some(28_800));
        assert_eq!(
            time.civil.map(|c| c.to_string()).as_deref(),
            Some("2026-03-02T08:40:00")
        );
    }
}
