//! `decode`: what a captured conversation says.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;

use crate::{
    exit::Exit,
    messages::{Lang, Message},
    registry,
};

/// What to decode.
#[derive(Debug, Clone)]
pub struct Decode {
    /// The driver whose protocol it is.
    pub driver: String,
    /// The zone of the device; with it, instants are told beside device times.
    pub device_timezone: Option<String>,
    /// Driver options, as `key=value`.
    pub options: Vec<String>,
    /// The capture; `-` is standard input.
    pub file: PathBuf,
}

/// Prints JSON lines to `out`.
///
/// # Errors
/// When writing fails.
pub fn decode(asked: &Decode, lang: Lang, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let Some(kind) = registry::kind(&asked.driver) else {
        let known: Vec<&str> = registry::kinds().iter().map(|kind| kind.about().name).collect();
        let told = Message::new("no-such-driver")
            .with("driver", &asked.driver)
            .with("known", known.join(", "));
        writeln!(err, "{}", told.say(lang))?;
        return Ok(Exit::Usage);
    };
    let zone = match asked.device_timezone.as_deref().map(TimeZone::get).transpose() {
        Ok(zone) => zone,
        Err(why) => {
            writeln!(err, "{}", Message::new("no-such-zone").with("why", why).say(lang))?;
            return Ok(Exit::Usage);
        }
    };
    let input = match read(&asked.file) {
        Ok(input) => input,
        Err(error) => {
            writeln!(err, "{}", Message::new("cli-io").with("why", error).say(lang))?;
            return Ok(Exit::Io);
        }
    };
    let decoded = table(&asked.options).and_then(|options| {
        kind.decode(&input, options, zone.as_ref())
            .map_err(|error| error.message().to_owned())
    });
    match decoded {
        Ok(decoded) => {
            for line in &decoded.lines {
                writeln!(out, "{line}")?;
            }
            Ok(if decoded.malformed { Exit::BadInput } else { Exit::Ok })
        }
        Err(why) => {
            writeln!(err, "{}", Message::new("bad-option").with("why", why).say(lang))?;
            Ok(Exit::Usage)
        }
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return fs::read(file);
    }
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    Ok(input)
}

/// `key=value` pairs as a table. A value that is TOML is taken as such, anything else as text.
///
/// # Errors
/// The pair that has no `=`.
pub fn table(pairs: &[String]) -> Result<toml::Table, String> {
    let mut table = toml::Table::new();
    for pair in pairs {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair:?} is not KEY=VALUE"))?;
        let parsed = format!("v = {value}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut table| table.remove("v"));
        table.insert(key.to_owned(), parsed.unwrap_or_else(|| value.into()));
    }
    Ok(table)
}
