//! One value of an item, whatever it is, and what it can be taken for. Every refusal names the field, what was wanted
//! and what was there.

use std::{borrow::Cow, fmt};

use punchgate_model::DeviceTime;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The longest `id`, `person` and `zone`, in bytes of UTF-8.
const LONGEST_NAME: usize = 128;
/// The longest `at`, in bytes.
const LONGEST_TIME: usize = 64;

/// A JSON value of which only texts and whole numbers are kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Field<'a> {
    /// Not there, or `null`.
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Whole(u64),
    Number(f64),
    Else(&'static str),
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Text(text) => {
                let start: String = text.chars().take(40).collect();
                let more = if start.len() < text.len() { "…" } else { "" };
                write!(f, "{start:?}{more}")
            }
            Self::Whole(number) => write!(f, "the number {number}"),
            Self::Number(number) => write!(f, "the number {number}"),
            Self::Else(what) => f.write_str(what),
        }
    }
}

impl Field<'_> {
    fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self {
            Self::Nothing => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            other => Err(format!("{name}: wanted a text in quotes, got {other}")),
        }
    }

    /// A name of something, kept to the letter: spaces, leading zeros and writing direction marks count.
    pub(crate) fn name(&self, name: &str) -> Result<Option<String>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if text.is_empty() {
            return Err(format!("{name}: wanted 1 to {LONGEST_NAME} bytes, got an empty text"));
        }
        if text.len() > LONGEST_NAME {
            return Err(format!(
                "{name}: wanted at most {LONGEST_NAME} bytes, got {}",
                text.len()
            ));
        }
        if let Some(control) = text.chars().find(|c| c.is_control()) {
            return Err(format!(
                "{name}: wanted no control characters, got U+{:04X}",
                u32::from(control)
            ));
        }
        Ok(Some(text.to_owned()))
    }

    pub(crate) fn word<W: std::str::FromStr<Err = punchgate_model::UnknownWord>>(
        &self,
        name: &str,
    ) -> Result<Option<W>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let known = |error: punchgate_model::UnknownWord| format!("{name}: wanted one of {}, got {self}", error.known);
        text.parse().map(Some).map_err(known)
    }

    pub(crate) fn time(&self, name: &str) -> Result<Option<DeviceTime>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let time = Some(text)
            .filter(|text| text.len() <= LONGEST_TIME)
            .map(DeviceTime::from_rfc3339);
        let Some(Ok(time)) = time else {
            return Err(format!(
                "{name}: wanted RFC 3339 with an offset, like 2026-03-02T08:40:00.000+08:00, got {self}"
            ));
        };
        Ok(Some(time))
    }

    pub(crate) fn millis(&self, name: &str) -> Result<Option<u32>, String> {
        let whole = match self {
            Self::Nothing => return Ok(None),
            Self::Whole(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        let wanted = || {
            format!(
                "{name}: wanted a whole number of milliseconds from 0 to {}, got {self}",
                u32::MAX
            )
        };
        whole.map(Some).ok_or_else(wanted)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
                Ok(Field::Whole(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number as f64))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
                Ok(Field::Number(number))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Field<'de>, E> {
                Ok(Field::Else(if truth { "true" } else { "false" }))
            }
            fn visit_unit<E>(self) -> Result<Field<'de>, E> {
                Ok(Field::Nothing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Else("an array"))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Field<'de>, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Else("an object"))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
