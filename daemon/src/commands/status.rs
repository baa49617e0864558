//! `status`: asks the running gateway how it is.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::{
    exit::Exit,
    messages::{Lang, Message, say, try_say},
    store::alarm::Alarm,
};

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// Prints how the gateway on this admin address is.
///
/// # Errors
/// When writing fails.
pub fn status(admin: SocketAddr, lang: Lang, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let answer = match ask(admin) {
        Ok(answer) => answer,
        Err(error) => {
            let told = Message::new("status-unreachable")
                .with("address", admin)
                .with("why", error);
            writeln!(err, "{}", told.say(lang))?;
            return Ok(Exit::Unavailable);
        }
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

fn ask(admin: SocketAddr) -> io::Result<Value> {
    let mut link = TcpStream::connect_timeout(&admin, Duration::from_secs(2))?;
    link.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        link,
        "GET /api/v1/status HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    link.take(LONGEST).read_to_end(&mut answer)?;
    let body = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .and_then(|at| answer.get(at + 4..));
    serde_json::from_slice(body.unwrap_or_default()).map_err(io::Error::other)
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
    store(journal, lang, out)?;
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
