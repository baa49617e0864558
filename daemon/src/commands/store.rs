//! `store`: looks at the journal, or makes the buffer build itself again.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use punchgate_journal::{DiskStorage, Entry, Export, verify as verify_journal};

use crate::{
    exit::Exit,
    messages::{Lang, Message},
};

/// Checks every record of the journal; the gateway may run meanwhile.
///
/// # Errors
/// When writing fails.
pub fn verify(store: &Path, lang: Lang, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let verified = match verify_journal(&DiskStorage, &store.join("journal")) {
        Ok(verified) => verified,
        Err(error) => {
            writeln!(err, "{}", Message::new("cli-io").with("why", error).say(lang))?;
            return Ok(Exit::Io);
        }
    };
    let good = verified.sound;
    if json {
        writeln!(out, "{}", serde_json::to_string(&verified).map_err(io::Error::other)?)?;
    } else {
        let id = if good { "store-good" } else { "store-damaged" };
        let told = Message::new(id)
            .with("records", verified.records)
            .with("segments", verified.segments.len());
        writeln!(out, "{}", told.say(lang))?;
        if !good {
            writeln!(
                out,
                "{}",
                serde_json::to_string_pretty(&verified).map_err(io::Error::other)?
            )?;
        }
    }
    Ok(if good { Exit::Ok } else { Exit::Problems })
}

/// Removes the buffer, so that the next start builds it from the journal. Refused while the gateway runs.
///
/// # Errors
/// When writing fails.
pub fn rebuild(store: &Path, lang: Lang, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    use punchgate_journal::Storage;
    let journal = store.join("journal");
    let lock = match DiskStorage.lock(&journal.join("lock")) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            writeln!(
                err,
                "{}",
                Message::new("store-in-use").with("path", store.display()).say(lang)
            )?;
            return Ok(Exit::Temporary);
        }
        Err(error) => {
            writeln!(err, "{}", Message::new("cli-io").with("why", error).say(lang))?;
            return Ok(Exit::Io);
        }
    };
    let removed = match std::fs::remove_dir_all(store.join("buffer")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    drop(lock);
    if let Err(error) = removed {
        writeln!(err, "{}", Message::new("cli-io").with("why", error).say(lang))?;
        return Ok(Exit::Io);
    }
    writeln!(out, "{}", Message::new("store-will-rebuild").say(lang))?;
    Ok(Exit::Ok)
}

/// Prints every entry of the journal as JSON lines; the gateway may run meanwhile.
///
/// # Errors
/// When writing fails.
pub fn export(store: &Path, lang: Lang, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let failed = |err: &mut dyn Write, why: &dyn std::fmt::Display| {
        writeln!(err, "{}", Message::new("cli-io").with("why", why).say(lang))?;
        Ok(Exit::Io)
    };
    let export = match Export::open(Arc::new(DiskStorage), &store.join("journal")) {
        Ok(export) => export,
        Err(error) => return failed(err, &error),
    };
    for item in export {
        match item {
            Ok(record) => {
                // A kind this program does not know is told as such; its bytes stay in the journal.
                let entry = serde_json::to_value(Entry::from_payload(&record.payload)).unwrap_or_default();
                writeln!(out, "{}", serde_json::json!({"seq": record.seq, "entry": entry}))?;
            }
            Err(error) => return failed(err, &error),
        }
    }
    Ok(Exit::Ok)
}
