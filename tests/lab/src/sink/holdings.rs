//! What a sink has acknowledged: the newest revision of every thing, in memory and, if wanted, in a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::Path,
};

use serde::Serialize;
use serde_json::Value;

/// The newest revision of a thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The event's `id`.
    pub id: String,
    /// Its `data.revision`; 1 where it has none.
    pub revision: u32,
    /// The event's `type`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The event's `subject`.
    pub subject: String,
    /// The event's `data`.
    pub data: Value,
    /// How often events with this id were accepted, repeats and other revisions included.
    pub times: u64,
}

/// A sink's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Stats {
    /// Calls of the webhook, whatever came of them.
    pub calls: u64,
    /// Events accepted, repeats included, since the start.
    pub accepted: u64,
    /// Events accepted that were there already with the same revision, since the start.
    pub repeats: u64,
    /// Things held.
    pub held: u64,
    /// New events that came after one of a higher `sequence` with the same `partitionkey`, since the start.
    pub out_of_order: u64,
    /// Calls that were not a batch of CloudEvents.
    pub malformed: u64,
    /// Calls whose signature was missing, old or wrong.
    pub unsigned: u64,
    /// Faults played.
    pub faults: u64,
}

/// A checked event of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) id: String,
    pub(crate) revision: u32,
    pub(crate) event: Value,
}

#[derive(Debug, Default)]
pub(crate) struct Holdings {
    things: BTreeMap<String, Held>,
    seen: BTreeSet<(String, u32)>,
    furthest: BTreeMap<String, String>,
    pub(crate) counts: Stats,
    file: Option<File>,
}

impl Holdings {
    /// With a file: reads it, and cuts off a last line that a kill left unfinished.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut holdings = Self::default();
        let Some(path) = path else { return Ok(holdings) };
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut reader = BufReader::new(&file);
        let (mut whole, mut line) = (0, Vec::new());
        while reader.read_until(b'\n', &mut line)? > 0 {
            let event = line.ends_with(b"\n").then(|| serde_json::from_slice(&line).ok());
            let Some(incoming) = event.flatten().and_then(|event| check_event(event).ok()) else {
                break;
            };
            holdings.take(incoming);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole)?;
        holdings.counts = Stats::default();
        holdings.file = Some(file);
        Ok(holdings)
    }

    /// Takes events, durably if there is a file, and says how many were new.
    pub(crate) fn accept(&mut self, events: Vec<Incoming>) -> io::Result<usize> {
        let mut fresh = BTreeSet::new();
        let is_new = |event: &&Incoming| {
            let key = (event.id.clone(), event.revision);
            !self.seen.contains(&key) && fresh.insert(key)
        };
        let lines: Vec<String> = events
            .iter()
            .filter(is_new)
            .map(|event| format!("{}\n", event.event))
            .collect();
        if let Some(file) = &mut self.file
            && !lines.is_empty()
        {
            file.write_all(lines.concat().as_bytes())?;
            file.sync_data()?;
        }
        for event in events {
            self.take(event);
        }
        Ok(lines.len())
    }

    fn take(&mut self, incoming: Incoming) {
        let Incoming { id, revision, event } = incoming;
        self.counts.accepted += 1;
        if self.seen.insert((id.clone(), revision)) {
            self.note_order(&event);
        } else {
            self.counts.repeats += 1;
        }
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let times = self.things.get(&id).map_or(0, |held| held.times) + 1;
        match self.things.get_mut(&id) {
            Some(newer) if newer.revision > revision => newer.times = times,
            _ => {
                let held = Held {
                    id: id.clone(),
                    revision,
                    event_type: text("type"),
                    subject: text("subject"),
                    data: event.get("data").cloned().unwrap_or_default(),
                    times,
                };
                self.things.insert(id, held);
            }
        }
    }

    fn note_order(&mut self, event: &Value) {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let (Some(key), Some(sequence)) = (text("partitionkey"), text("sequence")) else {
            return;
        };
        let furthest = self.furthest.entry(key.to_owned()).or_default();
        if furthest.as_str() > sequence {
            self.counts.out_of_order += 1;
        } else {
            *furthest = sequence.to_owned();
        }
    }

    pub(crate) fn held(&self) -> Vec<Held> {
        self.things.values().cloned().collect()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Held> {
        self.things.get(id).cloned()
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            held: self.things.len() as u64,
            ..self.counts
        }
    }
}

/// A batch, if every event in it is a CloudEvent as `surface.md` promises it.
pub(crate) fn check_batch(body: &[u8]) -> Result<Vec<Incoming>, String> {
    let events: Vec<Value> = serde_json::from_slice(body).map_err(|error| format!("no JSON array: {error}"))?;
    let check = |(place, event)| check_event(event).map_err(|wrong| format!("event {place}: {wrong}"));
    events.into_iter().enumerate().map(check).collect()
}

fn check_event(event: Value) -> Result<Incoming, String> {
    let text = |name: &str| match event.get(name).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(format!("wanted a text as {name}")),
    };
    let id = text("id")?.to_owned();
    for name in ["source", "subject", "time"] {
        text(name)?;
    }
    if text("specversion")? != "1.0" {
        return Err("wanted specversion 1.0".to_owned());
    }
    if !text("type")?.starts_with("punchgate.") {
        return Err("wanted a type of punchgate's".to_owned());
    }
    let extensions = event.as_object().into_iter().flat_map(|event| event.keys());
    if let Some(name) = extensions
        .into_iter()
        .find(|name| !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9')))
    {
        return Err(format!("the attribute {name:?} is not of a-z and 0-9"));
    }
    let Some(data) = event.get("data").and_then(Value::as_object) else {
        return Err("wanted an object as data".to_owned());
    };
    let revision = data.get("revision").map_or(Some(1), Value::as_u64);
    let revision = revision.and_then(|revision| u32::try_from(revision).ok());
    let revision = revision.ok_or("wanted a small number as data.revision")?;
    Ok(Incoming { id, revision, event })
}
