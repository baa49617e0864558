//! One event as an upstream reads it.

use std::fmt;

use serde_json::Value;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `punchgate.punch.v1`.
    Punch,
    /// `punchgate.record.v1`.
    Record,
    /// `punchgate.verdict.v1`.
    Verdict,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is about.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its number among all events of the gateway.
    pub sequence: u64,
    /// Its revision, from 1.
    pub revision: u64,
    /// Everything in it, as it came.
    pub whole: Value,
}

/// Why bytes are no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEvent(pub &'static str);

impl fmt::Display for NoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no event: {} is missing or of another form", self.0)
    }
}

impl Event {
    /// Reads the events of a posted body.
    ///
    /// # Errors
    /// [`NoEvent`] for the first thing that is not in the published schema.
    pub fn batch(body: &[u8]) -> Result<Vec<Self>, NoEvent> {
        let list: Vec<Value> = serde_json::from_slice(body).map_err(|_| NoEvent("the array"))?;
        list.into_iter().map(Self::read).collect()
    }

    fn read(whole: Value) -> Result<Self, NoEvent> {
        let kind = match whole["type"].as_str() {
            Some("punchgate.punch.v1") => Kind::Punch,
            Some("punchgate.record.v1") => Kind::Record,
            Some("punchgate.verdict.v1") => Kind::Verdict,
            _ => return Err(NoEvent("type")),
        };
        let text = |name| whole[name].as_str().ok_or(NoEvent(name));
        let sequence = text("sequence")?.parse().map_err(|_| NoEvent("sequence"))?;
        let revision = whole["data"]["revision"].as_u64().ok_or(NoEvent("data.revision"))?;
        Ok(Self {
            kind,
            id: text("id")?.to_owned(),
            sequence,
            revision,
            whole,
        })
    }

    /// A text of its data; `None` where it is null or missing.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.whole["data"][name].as_str()
    }

    /// An instant of its data, in milliseconds since 1970.
    pub fn instant(&self, name: &str) -> Option<i64> {
        millis(self.text(name)?)
    }

    /// A list of texts of its data.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let list = self.whole["data"][name].as_array().into_iter().flatten();
        list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    /// The envelope's instant.
    pub fn time(&self) -> Option<i64> {
        millis(self.whole["time"].as_str()?)
    }

    /// Whether it takes back what it was said before.
    pub fn is_withdrawn(&self) -> bool {
        self.whole["data"]["withdrawn"] == true
    }

    /// What it says, apart from its number, its revision and whether it is final.
    pub fn substance(&self) -> Value {
        let mut data = self.whole["data"].clone();
        if let Some(fields) = data.as_object_mut() {
            fields.remove("revision");
            fields.remove("state");
        }
        data["time"] = self.whole["time"].clone();
        data
    }
}

/// `2026-03-02T08:55:00.000Z` in milliseconds since 1970 (the civil calendar by days from a fixed epoch).
pub fn millis(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let (date, clock) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    let fraction: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + fraction)
}

/// Days from 1970-01-01, by counting leap years from March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read() {
        assert_eq!(millis("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(millis("2026-03-02T00:55:00.007Z"), Some(1_772_412_900_007));
        assert_eq!(millis("2024-02-29T23:59:59Z"), Some(1_709_251_199_000));
        assert_eq!(millis("2026-03-02"), None);
    }
}
