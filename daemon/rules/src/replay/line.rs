//! One punch a line.

use punchgate_model::{Credential, DeviceName, Direction, Outcome, Timestamp};
use serde_json::{Map, Value};

use crate::{Person, Punch, PunchId, TimeQuality};

/// Why a line is no punch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It is not JSON.
    #[error("wanted a JSON object, got text that breaks off at column {column}: {why}")]
    Json {
        /// Where, from 1.
        column: usize,
        /// What the parser says.
        why: String,
    },
    /// It is JSON, but no object.
    #[error("wanted a JSON object, got {got}")]
    NoObject {
        /// What it is.
        got: &'static str,
    },
    /// A field that must be there is not.
    #[error("wanted the field {field:?}, which is not there")]
    Missing {
        /// Which.
        field: &'static str,
    },
    /// A field says something it cannot.
    #[error("field {field:?}: wanted {wanted}, got {got}")]
    Field {
        /// Which.
        field: &'static str,
        /// What would have been understood.
        wanted: &'static str,
        /// What was there, shortened.
        got: String,
    },
}

/// Reads one line: `id person factor source at`, and where they are there `zone direction result uncertainty_ms`.
///
/// A field that is `null` is not there. Other fields are ignored.
///
/// # Errors
/// [`LineError`] says which field, what was wanted and what was there.
pub fn parse_line(line: &[u8]) -> Result<Punch, LineError> {
    let value: Value = serde_json::from_slice(line.trim_ascii()).map_err(|error| LineError::Json {
        column: error.column(),
        why: without_place(&error),
    })?;
    let Value::Object(fields) = value else {
        return Err(LineError::NoObject { got: type_name(&value) });
    };
    let fields = Fields(fields);
    let person = fields.needed("person")?;
    Ok(Punch {
        id: PunchId::new(fields.needed("id")?),
        person: Some(Person::new(person)),
        credential: Credential::Person(person.to_owned()),
        factor: fields.word(
            "factor",
            "one of face fingerprint palm card pin qr gps wifi ble manual other",
            None,
        )?,
        source: DeviceName::new(fields.needed("source")?),
        zone: fields.text("zone")?.filter(|zone| !zone.is_empty()).map(Into::into),
        direction: fields.word::<Direction>("direction", "one of in out unknown", Some(Direction::Unknown))?,
        result: fields.word("result", "one of granted denied pending", Some(Outcome::Granted))?,
        at: fields.instant("at")?,
        uncertainty_ms: fields.milliseconds("uncertainty_ms")?,
        time_quality: TimeQuality::Claimed,
        held_out: false,
    })
}

struct Fields(Map<String, Value>);

impl Fields {
    fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    fn text(&self, field: &'static str) -> Result<Option<&str>, LineError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(field, "a string", other)),
        }
    }

    fn needed(&self, field: &'static str) -> Result<&str, LineError> {
        let text = self.text(field)?.ok_or(LineError::Missing { field })?;
        if text.is_empty() {
            return Err(LineError::Field {
                field,
                wanted: "a string that is not empty",
                got: "\"\"".to_owned(),
            });
        }
        Ok(text)
    }

    fn word<T: std::str::FromStr>(
        &self,
        field: &'static str,
        wanted: &'static str,
        default: Option<T>,
    ) -> Result<T, LineError> {
        match (self.text(field)?, default) {
            (None, Some(default)) => Ok(default),
            (None, None) => Err(LineError::Missing { field }),
            (Some(text), _) => text.parse().map_err(|_| wrong(field, wanted, &text.into())),
        }
    }

    fn instant(&self, field: &'static str) -> Result<Timestamp, LineError> {
        const WANTED: &str = "an instant with an offset, like 2026-03-02T08:40:00.000+08:00";
        let text = self.needed(field)?;
        text.parse().map_err(|_| wrong(field, WANTED, &text.into()))
    }

    fn milliseconds(&self, field: &'static str) -> Result<u32, LineError> {
        let Some(value) = self.get(field) else { return Ok(0) };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        number.ok_or_else(|| wrong(field, "whole milliseconds from 0 to 4294967295", value))
    }
}

fn wrong(field: &'static str, wanted: &'static str, got: &Value) -> LineError {
    LineError::Field {
        field,
        wanted,
        got: got.to_string().chars().take(60).collect(),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The parser counts lines from the start of this one, which would contradict ours.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
