//! One item of a post: a claim, or why it is none.

use punchgate_model::{Credential, DeviceTime, Direction, Factor, Outcome, Reading};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::field::Field;

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
