//! `status`: asks the running gateway how it is.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use serde_json::Value;

use super::plane;
use crate::{
    exit::Exit,
    messages::{Lang, Message, say, try_say},
    store::alarm::Alarm,
};

/// Prints how the gateway on this admin address is.
///
/// # Errors
/// When writing fails.
pub fn status(admin: SocketAddr, lang: Lang, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let answer = match plane::get(admin, "/api/v1/status") {
        Ok(answer) => answer.body,
        Err(error) => return plane::unreachable(admin, &error, lang, err),
    };
    if json {
        writeln!(out, "{answer}")?;
    } else {
        table(&answer, lang, out)?;
    }
    Ok(if answer["ready"] == true {
        Exit::Ok
    } else {
        Exit::Problems
    })
}

/// What there is to say of the store beyond its size.
fn store(journal: &Value, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    if let Some(to) = journal["rebuilding_to"].as_u64() {
        let line = Message::new("status-rebuilding")
            .with("decided", &journal["decided"])
            .with("to", to);
        writeln!(out, "  {}", line.say(lang))?;
    }
    for alarm in journal["alarms"].as_array().into_iter().flatten() {
        // One that a newer program tells of is shown as it came.
        match serde_json::from_value::<Alarm>(alarm.clone()) {
            Ok(alarm) => writeln!(out, "  {}", alarm.message().say(lang))?,
            Err(_) => writeln!(out, "  {alarm}")?,
        }
    }
    Ok(())
}

fn table(answer: &Value, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let state = if answer["ready"] == true {
        "status-ready"
    } else {
        "status-not-ready"
    };
    writeln!(
        out,
        "{}  {}  {}",
        text(&answer["gateway"]),
        text(&answer["version"]),
        say(lang, state)
    )?;
    let journal = &answer["journal"];
    let line = Message::new("status-journal")
        .with("tail", &journal["tail"])
        .with("decided", &journal["decided"]);
    writeln!(out, "{}", line.say(lang))?;
    if let Some(why) = journal["failing"].as_str() {
        writeln!(out, "  {}", Message::new("status-failing").with("why", why).say(lang))?;
    }
    let refused = &answer["configuration"]["refused"];
    if let Some(why) = refused["why"].as_array() {
        let line = Message::new("status-reload-refused").with("at", text(&refused["at"]));
        writeln!(out, "{}", line.say(lang))?;
        for why in why {
            writeln!(out, "  {}", Message::retell(why, lang))?;
        }
    }
    let opening = journal["opening"].as_array().map_or(&[][..], Vec::as_slice);
    if !opening.is_empty() {
        writeln!(out, "  {}", say(lang, "status-opening"))?;
    }
    for told in opening {
        writeln!(out, "    {}", Message::retell(told, lang))?;
    }
    let quarantine = &answer["quarantine"];
    if quarantine["punches"].as_u64().unwrap_or(0) > 0 {
        let held = if quarantine["held"] == true { "yes" } else { "no" };
        let line = Message::new("status-quarantined")
            .with("count", &quarantine["punches"])
            .with("held", held);
        writeln!(out, "{}", line.say(lang))?;
    }
    let far = &answer["resolving"];
    if !far.is_null() {
        let line = Message::new("status-resolving")
            .with("done", &far["done"])
            .with("of", &far["of"])
            .with("punches", &far["punches"]);
        writeln!(out, "{}", line.say(lang))?;
    }
    store(journal, lang, out)?;
    if answer["clock"]["knows_the_time"] == false {
        writeln!(out, "{}", Message::new("status-own-clock-unset").say(lang))?;
    }
    if let Some(by) = answer["clock"]["doubted_ms"].as_i64() {
        let line = Message::new("status-own-clock-doubted").with("by", by / 1000);
        writeln!(out, "{}", line.say(lang))?;
    }
    let through = Message::new("status-complete").with("through", text(&answer["complete_through"]));
    writeln!(out, "{}", through.say(lang))?;
    for (name, device) in answer["devices"].as_object().into_iter().flatten() {
        let unit = answer["units"]
            .get(name)
            .and_then(|unit| unit["state"].as_str())
            .unwrap_or("listening");
        let state = try_say(lang, &format!("state-{unit}")).unwrap_or_else(|| unit.to_owned());
        let line = Message::new("status-device")
            .with("name", name)
            .with("driver", text(&device["driver"]))
            .with("state", state)
            .with("stored", &device["stored"])
            .with("log", device.get("log_records").map_or_else(|| "–".to_owned(), text))
            .with(
                "through",
                device.get("complete_through").map_or_else(|| "–".to_owned(), text),
            );
        writeln!(out, "{}", line.say(lang))?;
        if let Some(missing) = device["log_missing"].as_u64().filter(|missing| *missing > 0) {
            let line = Message::new("status-missing")
                .with("missing", missing)
                .with("held", &device["log_held"])
                .with("records", &device["log_records"]);
            writeln!(out, "  {}", line.say(lang))?;
        }
        if let Some(reason) = answer["units"].get(name).and_then(|unit| unit.get("reason")) {
            writeln!(out, "  {}", Message::retell(reason, lang))?;
        }
    }
    for (name, upstream) in answer["upstreams"].as_object().into_iter().flatten() {
        let line = Message::new("status-upstream")
            .with("name", name)
            .with(
                "state",
                say(
                    lang,
                    if upstream["up"] == true {
                        "status-up"
                    } else {
                        "status-down"
                    },
                ),
            )
            .with("sent", &upstream["sent"])
            .with("backlog", &upstream["backlog"])
            .with("dead", &upstream["dead"]);
        writeln!(out, "{}", line.say(lang))?;
        if let Some(why) = upstream["last_error"]["why"]
            .as_str()
            .filter(|_| upstream["up"] != true)
        {
            writeln!(out, "  {why}")?;
        }
    }
    Ok(())
}
