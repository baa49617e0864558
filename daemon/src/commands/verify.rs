//! `verify explain`: why something was decided as it was. Asks the running gateway; where none runs, decides the journal
//! over again in memory and asks that.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    sync::Arc,
};

use punchgate_journal::{Buffer, DiskStorage, Entry, Export};
use punchgate_model::Timestamp;
use serde_json::{Value, json};

use super::{explained, plane};
use crate::{
    decide::{
        Decider,
        asked::{self, Asked},
        ids::Ids,
    },
    exit::Exit,
    messages::{Lang, Message},
};

/// Explains the thing with this id.
///
/// # Errors
/// When writing fails.
pub fn explain(
    (admin, store): (SocketAddr, &Path),
    id: &str,
    lang: Lang,
    json: bool,
    (out, err): (&mut dyn Write, &mut dyn Write),
) -> io::Result<Exit> {
    let told = match plane::get(admin, &format!("/api/v1/explain/{}", path_text(id))) {
        Ok(answer) if answer.status == 200 => Some(answer.body),
        Ok(_) => None,
        Err(_) => match from_journal(store, id) {
            Ok(told) => told,
            Err(error) => {
                writeln!(err, "{}", Message::new("cli-io").with("why", error).say(lang))?;
                return Ok(Exit::Io);
            }
        },
    };
    let Some(told) = told else {
        writeln!(err, "{}", Message::new("explain-unknown").with("id", id).say(lang))?;
        return Ok(Exit::Problems);
    };
    if json {
        writeln!(out, "{told}")?;
    } else {
        for line in explained::lines(&told, asked::bare(id), lang) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(Exit::Ok)
}

/// An id goes into a path: nothing else may.
fn path_text(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ':').collect()
}

/// What the journal makes of everything, in memory.
pub(super) struct Retold {
    pub(super) decider: Decider,
    ids: Ids,
    through: BTreeMap<String, Option<Timestamp>>,
    /// Every revision of the things that were asked about.
    revisions: Vec<Value>,
}

/// Decides the journal over again; `about` are ids of events whose revisions are wanted.
pub(super) fn retell(store: &Path, about: &[String]) -> Result<Retold, Box<dyn std::error::Error>> {
    let buffer = Buffer::in_memory();
    let ids = Ids::open(buffer.clone())?;
    let mut retold = Retold {
        decider: Decider::new(buffer, ids.clone())?,
        ids,
        through: BTreeMap::new(),
        revisions: Vec::new(),
    };
    let journal = store.join("journal");
    let mut begun = false;
    for record in Export::open(Arc::new(DiskStorage), &journal)? {
        let record = record?;
        if !std::mem::replace(&mut begun, true) && record.seq > 1 {
            // The oldest records were retired; what of them still counts comes first.
            for entry in carried(&journal)? {
                retold.decider.step(record.seq.saturating_sub(1), &entry)?;
            }
        }
        let entry = Entry::from_payload(&record.payload);
        if let Entry::Contact {
            device,
            at,
            complete: true,
            ..
        } = &entry
        {
            retold.through.insert(device.to_string(), Some(*at));
        }
        let step = retold.decider.step(record.seq, &entry)?;
        for event in step.events.iter().filter(|event| about.contains(&event.id)) {
            let data: Value = serde_json::from_str(event.data.get()).unwrap_or_default();
            retold.revisions.push(json!({
                "record": record.seq,
                "said_at": event.queued_at,
                "id": event.id,
                "revision": event.revision,
                "outcome": data["outcome"],
                "state": data["state"],
                "withdrawn": data["withdrawn"] == true,
            }));
        }
    }
    let (settings, _) = retold.decider.known();
    for (name, _) in settings.devices.iter().filter(|(_, device)| device.keeps_log) {
        retold.through.entry(name.clone()).or_default();
    }
    Ok(retold)
}

/// What the last retirement carried over.
fn carried(journal: &Path) -> Result<Vec<Entry>, Box<dyn std::error::Error>> {
    let mut last = Vec::new();
    for record in Export::open(Arc::new(DiskStorage), journal)? {
        let record = record?;
        if record.payload.bytes.starts_with(b"{\"retired\"")
            && let Entry::Retired { carried, .. } = Entry::from_payload(&record.payload)
        {
            last = carried;
        }
    }
    Ok(last)
}

fn from_journal(store: &Path, id: &str) -> Result<Option<Value>, Box<dyn std::error::Error>> {
    let bare = asked::bare(id);
    let about = [bare.to_owned(), format!("record:{bare}"), format!("verdict:{bare}")];
    let retold = retell(store, &about)?;
    let mut told = retold.decider.tell(&Asked::Explain(bare.into()))?;
    if told.is_none() {
        let policies = retold.decider.tell(&Asked::Policies)?.unwrap_or_default();
        let policies: Vec<String> = serde_json::from_value(policies)?;
        if let Some(punch) = retold.ids.named_after(bare, &policies)? {
            told = retold.decider.tell(&Asked::Explain(punch))?;
        }
    }
    Ok(told.map(|mut told| {
        asked::add_awaited(&mut told, &retold.through);
        told["revisions"] = json!(retold.revisions);
        told
    }))
}
