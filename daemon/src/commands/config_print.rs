//! `config print`: the configuration in effect, defaults included. Secrets show only where they are.

use std::io::{self, Write};

use super::faults;
use crate::{
    config::{Load, load},
    exit::Exit,
    messages::Lang,
};

/// Prints the configuration as TOML that reads back to the same, or as JSON of the same shape.
///
/// # Errors
/// When writing fails.
pub fn print(load_: &Load<'_>, lang: Lang, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let config = match load(load_) {
        Ok(config) => config,
        Err(problems) => return faults::tell(&load_.file, &problems, lang, json, (out, err)),
    };
    let text = config.to_toml();
    if json {
        let table: toml::Table = toml::from_str(&text).map_err(io::Error::other)?;
        writeln!(out, "{}", serde_json::to_string(&table)?)?;
    } else {
        write!(out, "{text}")?;
    }
    Ok(Exit::Ok)
}
