//! `quarantine`: which credentials nobody has, and trying again to find out whose they are.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{plane, verify::retell};
use crate::{
    decide::asked::Asked,
    exit::Exit,
    messages::{Lang, Message},
};

/// How long a change is waited for; it goes on afterwards.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(100);

/// Lists unknown credentials, masked; with `numbers` in full, read from the journal, which only its owner can.
///
/// # Errors
/// When writing fails.
pub fn list(
    (admin, store): (SocketAddr, &Path),
    numbers: bool,
    lang: Lang,
    json: bool,
    (out, err): (&mut dyn Write, &mut dyn Write),
) -> io::Result<Exit> {
    let asked = Asked::Quarantine {
        most: usize::MAX,
        in_full: numbers,
    };
    let running = if numbers {
        None
    } else {
        plane::get(admin, "/api/v1/quarantine").ok()
    };
    let told = match running {
        Some(answer) => Ok(Some(answer.body)),
        None => retell(store, &[]).and_then(|retold| Ok(retold.decider.tell(&asked)?)),
    };
    let told = match told {
        Ok(told) => told.unwrap_or_default(),
        Err(error) => {
            writeln!(err, "{}", Message::new("cli-io").with("why", error).say(lang))?;
            return Ok(Exit::Io);
        }
    };
    if json {
        writeln!(out, "{told}")?;
        return Ok(Exit::Ok);
    }
    let head = Message::new("quarantine-head")
        .with("credentials", &told["credentials"])
        .with("punches", &told["punches"])
        .with("held", if told["held"] == true { "yes" } else { "no" });
    writeln!(out, "{}", head.say(lang))?;
    for row in told["list"].as_array().into_iter().flatten() {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let line = Message::new("quarantine-row")
            .with("device", text("device"))
            .with("kind", text("kind"))
            .with("credential", text("credential"))
            .with("punches", &row["punches"])
            .with("first", text("first_at"))
            .with("last", text("last_at"))
            .with("why", text("why"));
        writeln!(out, "  {}", line.say(lang))?;
    }
    Ok(Exit::Ok)
}

/// Has the directory read again, waits until what follows is decided, and tells what is left.
///
/// # Errors
/// When writing fails.
pub fn replay(admin: SocketAddr, lang: Lang, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let before = match plane::get(admin, "/api/v1/status") {
        Ok(answer) => answer.body["quarantine"]["punches"].as_u64().unwrap_or(0),
        Err(error) => return plane::unreachable(admin, &error, lang, err),
    };
    match reload(admin, lang, err)? {
        None => {}
        Some(exit) => return Ok(exit),
    }
    let after = followed(admin, lang, err)?;
    let left = after["quarantine"]["punches"].as_u64().unwrap_or(0);
    let told = Message::new("quarantine-replayed")
        .with("resolved", before.saturating_sub(left))
        .with("left", left);
    writeln!(out, "{}", told.say(lang))?;
    Ok(Exit::Ok)
}

/// Has the configuration and the directory read again; an exit status where that was refused.
pub(super) fn reload(admin: SocketAddr, lang: Lang, err: &mut dyn Write) -> io::Result<Option<Exit>> {
    match plane::post(admin, "/api/v1/commands/reload", &json!({})) {
        Ok(answer) if answer.status == 200 => Ok(None),
        Ok(answer) => plane::refused(&answer, lang, err).map(Some),
        Err(error) => plane::unreachable(admin, &error, lang, err).map(Some),
    }
}

/// Waits until everything in the journal is decided, telling how far it is.
pub(super) fn followed(admin: SocketAddr, lang: Lang, err: &mut dyn Write) -> io::Result<Value> {
    let end = Instant::now() + PATIENCE;
    let (mut last, mut told) = (Value::Null, Value::Null);
    while Instant::now() < end {
        let Ok(answer) = plane::get(admin, "/api/v1/status") else {
            break;
        };
        last = answer.body;
        let far = &last["resolving"];
        if !far.is_null() && told != *far {
            told = far.clone();
            let line = Message::new("quarantine-progress")
                .with("done", &far["done"])
                .with("of", &far["of"])
                .with("punches", &far["punches"]);
            writeln!(err, "{}", line.say(lang))?;
        }
        if last["journal"]["decided"].as_u64() >= last["journal"]["tail"].as_u64() {
            break;
        }
        thread::sleep(LOOK);
    }
    Ok(last)
}
