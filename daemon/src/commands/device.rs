//! `device time`: what the devices' clocks show against the gateway's, and, when asked, sets them.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use punchgate_model::Timestamp;
use serde_json::{Map, Value, json};

use super::plane;
use crate::{
    exit::Exit,
    messages::{Lang, Message},
};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Time {
    /// One device; all that have a clock when left out.
    pub name: Option<String>,
    /// Set the clock, not only show it.
    pub set: bool,
    /// Print JSON.
    pub json: bool,
}

/// Shows, or sets, the clocks of the devices of the gateway on this admin address.
///
/// # Errors
/// When writing fails.
pub fn time(admin: SocketAddr, asked: &Time, lang: Lang, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let status = match plane::get(admin, "/api/v1/status") {
        Ok(answer) => answer.body,
        Err(error) => return plane::unreachable(admin, &error, lang, err),
    };
    let devices = status["devices"].as_object().cloned().unwrap_or_default();
    if let Some(name) = asked.name.as_ref().filter(|name| !devices.contains_key(*name)) {
        let known: Vec<&str> = devices.keys().map(String::as_str).collect();
        let told = Message::new("device-time-unknown")
            .with("name", name)
            .with("known", known.join(" "));
        writeln!(err, "{}", told.say(lang))?;
        return Ok(Exit::Problems);
    }
    let now = status["at"].as_str().and_then(|at| at.parse().ok());
    let wanted = |name: &String, row: &Value| match &asked.name {
        Some(wanted) => wanted == name,
        None => row["has_clock"] == true,
    };
    let (mut told, mut failed) = (Vec::new(), false);
    for (name, row) in devices.iter().filter(|(name, row)| wanted(name, row)) {
        let mut clock = shown(name, row, now);
        if asked.set {
            let (key, what) = match set(admin, name) {
                Ok(told) => ("set", told),
                Err(why) => {
                    failed = true;
                    ("not_set", json!({"code": why.id(), "why": why.say(lang)}))
                }
            };
            clock.insert(key.to_owned(), what);
        }
        told.push(clock);
    }
    if asked.json {
        writeln!(out, "{}", Value::from(told))?;
    } else {
        for clock in &told {
            line(clock, lang, out)?;
        }
        if !asked.set && !told.is_empty() {
            writeln!(out, "{}", Message::new("device-time-dry").say(lang))?;
        }
    }
    Ok(if failed { Exit::Problems } else { Exit::Ok })
}

/// A device's clock, as it was measured last.
fn shown(name: &str, row: &Value, now: Option<Timestamp>) -> Map<String, Value> {
    let mut clock = Map::new();
    clock.insert("device".to_owned(), name.into());
    clock.insert("has_clock".to_owned(), row["has_clock"].clone());
    for (key, from) in [
        ("timezone", "timezone"),
        ("offset_ms", "clock_offset_ms"),
        ("measured_at", "clock_measured_at"),
        ("uncertainty_ms", "clock_uncertainty_now_ms"),
    ] {
        clock.insert(key.to_owned(), row[from].clone());
    }
    clock.insert("at".to_owned(), json!(now));
    clock
}

/// Sets a device's clock: what it answered, or why it is not set.
fn set(admin: SocketAddr, name: &str) -> Result<Value, Message> {
    let cannot = |why: String| Message::new("device-time-failed").with("name", name).with("why", why);
    let actor = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    let body = json!({"actor": actor.unwrap_or_else(|_| "unknown".to_owned())});
    let answer = plane::post(admin, &format!("/api/v1/devices/{name}/time"), &body)
        .map_err(|error| cannot(error.to_string()))?;
    if answer.status == 200 {
        return Ok(answer.body["told"].clone());
    }
    Err(match answer.body["code"].as_str() {
        Some("no-clock") => Message::new("device-time-no-clock").with("name", name),
        Some("not-connected") => Message::new("device-time-not-connected").with("name", name),
        Some("silent") => Message::new("device-time-silent").with("name", name),
        _ => cannot(answer.body["detail"].as_str().unwrap_or_default().to_owned()),
    })
}

fn line(clock: &Map<String, Value>, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let text = |key: &str| clock.get(key).and_then(Value::as_str).unwrap_or("–").to_owned();
    let number = |key: &str| clock.get(key).and_then(Value::as_i64);
    let line = match (number("offset_ms"), number("uncertainty_ms")) {
        (Some(offset), Some(uncertainty)) => Message::new("device-time-line")
            .with("name", text("device"))
            .with("offset", seconds(offset, "+"))
            .with("uncertainty", seconds(uncertainty, ""))
            .with("measured", text("measured_at"))
            .with("zone", text("timezone")),
        _ if clock.get("has_clock") == Some(&Value::Bool(true)) => Message::new("device-time-unmeasured")
            .with("name", text("device"))
            .with("zone", text("timezone")),
        _ => Message::new("device-time-no-clock").with("name", text("device")),
    };
    writeln!(out, "{}", line.say(lang))?;
    if let Some(told) = clock.get("set") {
        let told = Message::new("device-time-set").with("told", told.as_str().unwrap_or_default());
        writeln!(out, "  {}", told.say(lang))?;
    }
    if let Some(why) = clock.get("not_set") {
        writeln!(out, "  {}", why["why"].as_str().unwrap_or_default())?;
    }
    Ok(())
}

/// Milliseconds as seconds with three decimals.
fn seconds(ms: i64, plus: &str) -> String {
    let sign = if ms < 0 { "-" } else { plus };
    let ms = ms.unsigned_abs();
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_shown_as_seconds_with_their_sign() {
        for (ms, shown) in [(95_000, "+95.000"), (-60_001, "-60.001"), (-5, "-0.005"), (0, "+0.000")] {
            assert_eq!(seconds(ms, "+"), shown);
        }
        assert_eq!(seconds(i64::MIN, ""), "-9223372036854775.808");
    }

    #[test]
    fn nobody_at_home_is_said_and_is_unavailable() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let asked = Time {
            name: None,
            set: true,
            json: false,
        };
        // Port 1 of loopback: nobody listens there.
        let exit = time(([127, 0, 0, 1], 1).into(), &asked, Lang::En, &mut out, &mut err).expect("memory");
        assert_eq!(exit, Exit::Unavailable);
        let told = String::from_utf8(err).expect("text");
        assert!(told.contains("no gateway answers on 127.0.0.1:1"), "{told}");
        assert!(out.is_empty());
    }
}
