//! One item of a post: a claim, or why it is none.

use std::{borrow::Cow, fmt};

use punchgate_model::{Credential, DeviceTime, Direction, Factor, Outcome, Reading};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, json, value::RawValue};

/// The longest `id`, `person` and `zone`, in bytes of UTF-8.
const LONGEST_NAME: usize = 128;
/// The longest `at`, in bytes.
const LONGEST_TIME: usize = 64;

/// What a source says about one punch: a `punchgate replay` line without `source` (`semantics.md` section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The caller's own id; with it, the punch id is derived from source and `id`.
    pub id: Option<String>,
    /// Who, in the words of the directory; leading zeros count. At most 128 bytes, no control characters.
    pub person: String,
    /// How.
    pub factor: Factor,
    /// When, as it was written, with an offset.
    pub at: DeviceTime,
    /// The zone, if the source names one.
    pub zone: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// What the source decided.
    pub result: Outcome,
    /// Uncertainty of `at` in milliseconds.
    pub uncertainty_ms: u32,
}

/// One item of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// It can be understood.
    Claim(Claim),
    /// It cannot; the others of the post still count.
    Bad {
        /// The caller's id, where that much was understood.
        id: Option<String>,
        /// Which field, what was wanted, what was there.
        why: String,
    },
}

impl Claim {
    /// The reading that this claim is.
    pub fn reading(&self, occurrence: u32) -> Reading {
        Reading {
            external_id: self.id.clone(),
            occurrence,
            device_time: Some(self.at.clone()),
            uncertainty_ms: self.uncertainty_ms,
            direction: self.direction,
            result: self.result,
            zone: self.zone.clone(),
            ..Reading::new(Credential::Person(self.person.clone()), self.factor)
        }
    }

    /// The item as it travels; what is usual is left out.
    pub fn to_json(&self) -> Value {
        let mut item = Map::new();
        let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
        if let Some(id) = &self.id {
            put("id", json!(id));
        }
        put("person", json!(self.person));
        put("factor", json!(self.factor.word()));
        put("at", json!(self.at.printed));
        if let Some(zone) = &self.zone {
            put("zone", json!(zone));
        }
        if self.direction != Direction::Unknown {
            put("direction", json!(self.direction.word()));
        }
        if self.result != Outcome::Granted {
            put("result", json!(self.result.word()));
        }
        if self.uncertainty_ms != 0 {
            put("uncertainty_ms", json!(self.uncertainty_ms));
        }
        Value::Object(item)
    }
}

impl Item {
    /// Reads one item. Fields that are not of the contract are not looked at; a field given twice is refused.
    pub(crate) fn read(raw: &RawValue) -> Self {
        let not_an_object = |got: &str| Self::Bad {
            id: None,
            why: format!("the item: wanted an object with the fields of a punch, got {got}"),
        };
        // What serde derives would take an array of the fields in order, too.
        if !raw.get().starts_with('{') {
            return not_an_object("something else");
        }
        let fields = match serde_json::from_str::<Fields<'_>>(raw.get()) {
            Ok(fields) => fields,
            Err(error) => return not_an_object(&plain(&error)),
        };
        match fields.claim() {
            Ok(claim) => Self::Claim(claim),
            Err(why) => Self::Bad {
                id: fields.id.name("id").ok().flatten(),
                why,
            },
        }
    }
}

/// The message of a JSON error without its position, which would be one within the item.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(message, _)| message.to_owned())
}

/// The fields as they came, whatever they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    id: Field<'a>,
    #[serde(borrow)]
    person: Field<'a>,
    #[serde(borrow)]
    factor: Field<'a>,
    #[serde(borrow)]
    at: Field<'a>,
    #[serde(borrow)]
    zone: Field<'a>,
    #[serde(borrow)]
    direction: Field<'a>,
    #[serde(borrow)]
    result: Field<'a>,
    #[serde(borrow)]
    uncertainty_ms: Field<'a>,
}

impl Fields<'_> {
    fn claim(&self) -> Result<Claim, String> {
        let needed = |name: &str| format!("{name}: wanted a text, got nothing");
        Ok(Claim {
            id: self.id.name("id")?,
            person: self.person.name("person")?.ok_or_else(|| needed("person"))?,
            factor: self.factor.word("factor")?.ok_or_else(|| needed("factor"))?,
            at: self.at.time("at")?.ok_or_else(|| needed("at"))?,
            zone: self.zone.name("zone")?,
            direction: self.direction.word("direction")?.unwrap_or(Direction::Unknown),
            result: self.result.word("result")?.unwrap_or(Outcome::Granted),
            uncertainty_ms: self.uncertainty_ms.millis("uncertainty_ms")?.unwrap_or(0),
        })
    }
}

/// A JSON value of which only texts and whole numbers are kept.
#[derive(Debug, Clone, PartialEq, Default)]
enum Field<'a> {
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
    fn name(&self, name: &str) -> Result<Option<String>, String> {
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

    fn word<W: std::str::FromStr<Err = punchgate_model::UnknownWord>>(&self, name: &str) -> Result<Option<W>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let known = |error: punchgate_model::UnknownWord| format!("{name}: wanted one of {}, got {self}", error.known);
        text.parse().map(Some).map_err(known)
    }

    fn time(&self, name: &str) -> Result<Option<DeviceTime>, String> {
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

    fn millis(&self, name: &str) -> Result<Option<u32>, String> {
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

/// The items of a body: the first ones, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) kept: Vec<Item>,
    pub(crate) count: usize,
}

impl Items {
    /// How many are kept; of the rest only the number.
    pub(crate) const MOST: usize = 1000;
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of punches")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items, A::Error> {
                let mut found = Items::default();
                while found.count < Items::MOST {
                    let Some(raw) = items.next_element::<&RawValue>()? else {
                        return Ok(found);
                    };
                    found.kept.push(Item::read(raw));
                    found.count += 1;
                }
                while items.next_element::<IgnoredAny>()?.is_some() {
                    found.count += 1;
                }
                Ok(found)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// A whole body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) punches: Items,
}

impl<'de> Deserialize<'de> for Body {
    /// Only an object is a body: what serde derives would take an array too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the field \"punches\"")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Body, A::Error> {
                let mut punches = None;
                while let Some(name) = entries.next_key::<Cow<'de, str>>()? {
                    if name != "punches" {
                        entries.next_value::<IgnoredAny>()?;
                    } else if punches.replace(entries.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field("punches"));
                    }
                }
                let punches = punches.ok_or_else(|| A::Error::missing_field("punches"))?;
                Ok(Body { punches })
            }
        }
        deserializer.deserialize_map(Whole)
    }
}
