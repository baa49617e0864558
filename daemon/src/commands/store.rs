//! `store`: looks at the journal, or builds the buffer again.
//!
//! Looking needs no lock and changes nothing. Rebuilding is the gateway's own way of deciding, without devices and
//! upstreams; whoever interrupts it leaves a buffer that is not trusted, and the next start builds it.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use punchgate_journal::{DiskStorage, Entry, Export, OpenError, Seq, verify as verify_journal};
use serde_json::json;

use crate::{
    config::Config,
    exit::Exit,
    messages::{Lang, Message},
    run::RunError,
    store::rebuild::{Rebuild, RebuildError},
};

/// How often a person who watches is told how far a rebuild is.
const TELL: Duration = Duration::from_secs(1);

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
    let lost = lost_at_the_start(store, verified.first);
    let good = verified.sound && lost.is_none();
    if json {
        let mut told = serde_json::to_value(&verified).map_err(io::Error::other)?;
        told["sound"] = good.into();
        told["lost_before"] = lost.into();
        writeln!(out, "{told}")?;
    } else {
        let id = if good { "store-good" } else { "store-damaged" };
        let told = Message::new(id)
            .with("records", verified.records)
            .with("segments", verified.segments.len());
        writeln!(out, "{}", told.say(lang))?;
        if let Some(first) = lost {
            writeln!(
                out,
                "{}",
                Message::new("store-start-lost").with("first", first).say(lang)
            )?;
        }
        if !verified.sound {
            writeln!(
                out,
                "{}",
                serde_json::to_string_pretty(&verified).map_err(io::Error::other)?
            )?;
        }
    }
    Ok(if good { Exit::Ok } else { Exit::Problems })
}

/// The oldest number kept, where what was below it was lost and not retired.
fn lost_at_the_start(store: &Path, first: Seq) -> Option<Seq> {
    if first <= 1 {
        return None;
    }
    let records = Export::open(Arc::new(DiskStorage), &store.join("journal")).ok()?;
    let retired = records
        .flatten()
        .filter_map(|record| match Entry::from_payload(&record.payload) {
            Entry::Retired { before, .. } => Some(before),
            _ => None,
        });
    (retired.max().unwrap_or(0) < first).then_some(first)
}

/// Builds the buffer from the journal. Refused while the gateway runs, with what to do.
///
/// # Errors
/// When writing fails.
pub fn rebuild(config: &Config, lang: Lang, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let began = Instant::now();
    let mut rebuild = match Rebuild::begin(config) {
        Ok(rebuild) => rebuild,
        Err(error) => return refused(config, &error, lang, err),
    };
    let (tail, watched) = (rebuild.tail(), io::stderr().is_terminal());
    let mut told = Instant::now();
    while !rebuild.is_done() {
        thread::sleep(Duration::from_millis(20));
        if watched && told.elapsed() >= TELL {
            told = Instant::now();
            let line = Message::new("status-rebuilding")
                .with("decided", rebuild.decided())
                .with("to", tail);
            writeln!(err, "{}", line.say(lang))?;
        }
    }
    let before = rebuild.before().cloned();
    let digest = match rebuild.finish() {
        Ok(digest) => digest,
        Err(error) => return refused(config, &error, lang, err),
    };
    let same = before.as_ref().is_none_or(|before| *before == digest);
    let spent = began.elapsed();
    if json {
        let told = json!({
            "records": tail,
            "verdicts": digest.verdicts,
            "digest": digest.hex,
            "before": before.map(|before| before.hex),
            "milliseconds": u64::try_from(spent.as_millis()).unwrap_or(u64::MAX),
        });
        writeln!(out, "{told}")?;
    } else {
        let told = Message::new("store-rebuilt")
            .with("records", tail)
            .with("verdicts", digest.verdicts)
            .with("digest", &digest.hex)
            .with("seconds", format!("{:.1}", spent.as_secs_f64()));
        writeln!(out, "{}", told.say(lang))?;
        if !same {
            writeln!(out, "{}", Message::new("store-rebuilt-otherwise").say(lang))?;
        }
    }
    Ok(if same { Exit::Ok } else { Exit::Problems })
}

fn refused(config: &Config, error: &RebuildError, lang: Lang, err: &mut dyn Write) -> io::Result<Exit> {
    let (message, exit) = match error {
        RebuildError::Unusable(RunError::Open(OpenError::Locked { .. })) => {
            let path = config.store.path.display();
            (Message::new("store-in-use").with("path", path), Exit::Temporary)
        }
        RebuildError::Unusable(error) => (error.message(), Exit::Unavailable),
        RebuildError::Unbuilt(why) => (Message::new("cli-io").with("why", why), Exit::Io),
    };
    writeln!(err, "{}", message.say(lang))?;
    Ok(exit)
}

/// Prints every entry of the journal after a number as JSON lines; the gateway may run meanwhile. What is lost is told on
/// standard error.
///
/// # Errors
/// When writing fails.
pub fn export(store: &Path, after: Seq, lang: Lang, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let failed = |err: &mut dyn Write, why: &dyn std::fmt::Display| {
        writeln!(err, "{}", Message::new("cli-io").with("why", why).say(lang))?;
        Ok(Exit::Io)
    };
    let mut export = match Export::open(Arc::new(DiskStorage), &store.join("journal")) {
        Ok(export) => export.after(after),
        Err(error) => return failed(err, &error),
    };
    let mut unread = None;
    for item in export.by_ref() {
        match item {
            Ok(record) => {
                // A kind this program does not know is told as such; its bytes stay in the journal.
                let entry = serde_json::to_value(Entry::from_payload(&record.payload)).unwrap_or_default();
                writeln!(out, "{}", json!({"seq": record.seq, "entry": entry}))?;
            }
            // The rest is still worth having.
            Err(error) => unread = Some(error),
        }
    }
    for gap in export.gaps() {
        let told = Message::new("store-export-gap")
            .with("first", gap.after_seq.saturating_add(1))
            .with("last", gap.before_seq.unwrap_or(0).saturating_sub(1))
            .with("segment", &gap.segment)
            .with("from_byte", gap.from_byte)
            .with("to_byte", gap.to_byte);
        writeln!(err, "{}", told.say(lang))?;
    }
    match unread {
        Some(error) => failed(err, &error),
        None if export.gaps().is_empty() => Ok(Exit::Ok),
        None => Ok(Exit::Problems),
    }
}
