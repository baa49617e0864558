//! `device reinterpret`: says that a device's clock showed another zone than was configured. It moves punches, so it asks.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    net::SocketAddr,
};

use punchgate_model::Timestamp;
use serde_json::json;

use super::{plane, quarantine::followed};
use crate::{
    exit::Exit,
    messages::{Lang, Message},
};

/// Which clock showed which zone, when.
#[derive(Debug, Clone)]
pub struct Reinterpret {
    /// The device.
    pub device: String,
    /// The IANA zone.
    pub zone: String,
    /// From this instant.
    pub from: Timestamp,
    /// To this one, which is not included.
    pub to: Option<Timestamp>,
    /// Whether nobody need be asked.
    pub yes: bool,
}

/// Has it noted, and waits until what follows is decided.
///
/// # Errors
/// When writing fails.
pub fn reinterpret(
    admin: SocketAddr,
    asked: &Reinterpret,
    lang: Lang,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    let question = Message::new("reinterpret-question")
        .with("device", &asked.device)
        .with("zone", &asked.zone)
        .with("from", asked.from)
        .or_none("to", asked.to.map(|to| to.to_string()).as_deref());
    writeln!(err, "{}", question.say(lang))?;
    if !asked.yes && !agreed(lang, err)? {
        return Ok(Exit::Usage);
    }
    let actor = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    let body = json!({
        "device": asked.device,
        "zone": asked.zone,
        "from": asked.from,
        "to": asked.to,
        "actor": actor.unwrap_or_else(|_| "unknown".to_owned()),
    });
    match plane::post(admin, "/api/v1/commands/reinterpret", &body) {
        Ok(answer) if answer.status == 200 => {
            followed(admin, lang, err)?;
            let done = Message::new("reinterpret-done").with("record", &answer.body["seq"]);
            writeln!(out, "{}", done.say(lang))?;
            Ok(Exit::Ok)
        }
        Ok(answer) => plane::refused(&answer, lang, err),
        Err(error) => plane::unreachable(admin, &error, lang, err),
    }
}

/// Asks a person; nobody there is a no.
pub(super) fn agreed(lang: Lang, err: &mut dyn Write) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        writeln!(err, "{}", Message::new("say-yes").say(lang))?;
        return Ok(false);
    }
    write!(err, "{} ", Message::new("really").say(lang))?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "yes" | "是"))
}
