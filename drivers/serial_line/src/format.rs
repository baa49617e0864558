//! One way a clock writes its records: from the bytes of a frame to a reading.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use punchgate_kit::Malformed;
use punchgate_model::{DeviceTime, Direction, Factor, Raw, Reading};
use regex::Regex;

use crate::{
    envelope::Envelope,
    fields::{Fields, Items},
    settings::IdSettings,
    stamp::{Parts, Pattern},
};

/// A way of writing records, checked and ready.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    pub name: String,
    pub envelope: Option<Envelope>,
    pub wash: Wash,
    pub fields: Fields,
    pub id: IdSettings,
    pub stamps: Stamps,
    pub directions: Option<BTreeMap<String, Direction>>,
    pub factor: Factor,
}

/// What is done to a record before it is read.
#[derive(Debug, Clone)]
pub(crate) struct Wash {
    pub mask: u8,
    pub dropped: Vec<u8>,
    pub upper: bool,
    pub trim: bool,
    pub ignored: Vec<Regex>,
}

/// How the items `date`, `time` and `datetime` are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stamps {
    pub date: Vec<Pattern>,
    pub time: Vec<Pattern>,
    pub datetime: Vec<Pattern>,
}

/// What a record turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// A punch.
    Reading(Box<Reading>),
    /// Something the operator said to ignore.
    Ignored,
}

/// Why a record could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misread {
    /// Its check is wrong: it was damaged on the way and may come right when it is sent again.
    Damaged(Malformed),
    /// It is written in another way.
    Strange(Malformed),
}

impl Misread {
    pub fn into_malformed(self) -> Malformed {
        match self {
            Self::Damaged(why) | Self::Strange(why) => why,
        }
    }
}

impl Format {
    /// Reads a record. `received` is the time of arrival where the clock stands.
    pub fn read(&self, frame: &[u8], received: Option<DateTime>) -> Result<Entry, Misread> {
        let masked: Vec<u8> = frame.iter().map(|b| b & self.wash.mask).collect();
        let text = match &self.envelope {
            Some(envelope) => envelope.open(&masked).map_err(Misread::Damaged)?,
            None => &masked,
        };
        let text = self.wash.text(text).map_err(Misread::Strange)?;
        if self.wash.ignored.iter().any(|pattern| pattern.is_match(&text)) {
            return Ok(Entry::Ignored);
        }
        let items = self.fields.find(&text).map_err(Misread::Strange)?;
        let mut reading = self.reading(&items, received).map_err(Misread::Strange)?;
        reading.raw = Raw::new(frame);
        reading.details.insert("format".to_owned(), self.name.clone());
        Ok(Entry::Reading(Box::new(reading)))
    }

    fn reading(&self, items: &Items<'_>, received: Option<DateTime>) -> Result<Reading, Malformed> {
        let mut details = BTreeMap::new();
        let id = items.get("id").map(String::as_str).unwrap_or_default();
        let credential = self.id.credential(id, &mut details)?;
        let mut reading = Reading::new(credential, self.factor);
        reading.device_time = self.stamps.time_of(items, received)?;
        if let Some(function) = items.get("fn").map(|function| function.trim()) {
            reading.direction = self.direction(function);
            details.insert("function".to_owned(), function.to_owned());
        }
        let own = items.iter().filter(|(item, _)| !MEANT.contains(item));
        details.extend(own.map(|(item, text)| ((*item).to_owned(), text.trim().to_owned())));
        reading.details = details;
        Ok(reading)
    }

    fn direction(&self, function: &str) -> Direction {
        match &self.directions {
            Some(directions) => directions.get(function).copied().unwrap_or(Direction::Unknown),
            None => usual_direction(function),
        }
    }
}

/// Items that have a meaning; all others go to the details under their own name.
const MEANT: [&str; 11] = [
    "id", "fn", "date", "time", "datetime", "year", "month", "day", "hour", "minute", "second",
];

/// What most clocks mean (`ascii-line-clocks.md` section 3); anything else is unknown, never "in".
fn usual_direction(function: &str) -> Direction {
    match function {
        "1" | "I" | "A" | "F1" => Direction::In,
        "2" | "O" | "D" | "F2" => Direction::Out,
        _ => Direction::Unknown,
    }
}

impl Wash {
    fn text(&self, bytes: &[u8]) -> Result<String, Malformed> {
        let kept: Vec<u8> = bytes.iter().copied().filter(|b| !self.dropped.contains(b)).collect();
        let text = String::from_utf8(kept).map_err(|error| {
            Malformed::within(
                error.as_bytes(),
                error.utf8_error().valid_up_to(),
                "ASCII or UTF-8 text",
            )
        })?;
        let text = text.trim_matches(['\r', '\n']);
        let text = if self.trim { text.trim() } else { text };
        Ok(if self.upper {
            text.to_uppercase()
        } else {
            text.to_owned()
        })
    }
}

impl Stamps {
    fn time_of(&self, items: &Items<'_>, received: Option<DateTime>) -> Result<Option<DeviceTime>, Malformed> {
        let mut parts = Parts::default();
        for (item, formats) in [("date", &self.date), ("time", &self.time), ("datetime", &self.datetime)] {
            if let Some(text) = items.get(item) {
                let read = formats.iter().find_map(|format| format.read(text, parts));
                parts =
                    read.ok_or_else(|| Malformed::new(0, format!("a {item} in one of its formats"), text.as_bytes()))?;
            }
        }
        for item in ["year", "month", "day", "hour", "minute", "second"] {
            if let Some(text) = items.get(item) {
                let set = parts.set_item(item, text);
                set.ok_or_else(|| Malformed::new(0, format!("a number for the {item}"), text.as_bytes()))?;
            }
        }
        if parts == Parts::default() {
            return Ok(None);
        }
        let time = parts.resolve(received);
        time.ok_or_else(|| Malformed::new(0, "a date and a time of day", b""))
            .map(Some)
    }
}
