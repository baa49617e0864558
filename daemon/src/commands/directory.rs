//! `directory`: looks over the files of people, brings another one in, gives back what is in force.
//!
//! Bringing in changes nothing unless told to; then the file is exchanged whole or not at all, and a running gateway reads
//! it at once. Numbers are shown masked.

mod told;
mod write;

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use punchgate_journal::{DiskStorage, Entry, Export};
use punchgate_model::{Credential, DeviceName};
use punchgate_rules::{
    Directory, Resolution,
    directory::{CsvProblem, Row, What},
};
use serde_json::{Value, json};

use super::quarantine;
use crate::{
    config::Config,
    exit::Exit,
    messages::{Lang, Message},
    plan,
};

/// Rows after which it is told that a file is being read.
const LARGE: usize = 4 << 20;
/// Changes shown one by one.
const SHOWN: usize = 20;

/// Where a verb writes, and how.
pub struct To<'a> {
    /// The language.
    pub lang: Lang,
    /// Whether for machines.
    pub json: bool,
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// Everything else.
    pub err: &'a mut dyn Write,
}

impl To<'_> {
    fn tell(&mut self, message: &Message) -> io::Result<()> {
        let line = message.say(self.lang);
        writeln!(self.err, "{line}")
    }

    fn say(&mut self, message: &Message) -> io::Result<()> {
        let line = message.say(self.lang);
        writeln!(self.out, "{line}")
    }
}

/// A file that was read.
struct Read {
    directory: Directory,
    problems: Vec<CsvProblem>,
    text: String,
}

/// Reads a file. One that is not UTF-8 counts only where it was said to be GBK.
fn read(file: &Path, gbk: bool, to: &mut To<'_>) -> io::Result<Option<Read>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let told = Message::new("config-unreadable")
                .with("path", file.display())
                .with("why", error);
            to.tell(&told)?;
            return Ok(None);
        }
    };
    if bytes.len() > LARGE {
        let told = Message::new("directory-reading")
            .with("file", file.display())
            .with("size", bytes.len() / 1024);
        to.tell(&told)?;
    }
    let (directory, mut problems) = Directory::parse(&bytes);
    problems.retain(|problem| !(gbk && problem.what == What::Gbk));
    Ok(Some(Read {
        directory,
        problems,
        text: Directory::text(&bytes).replace("\r\n", "\n"),
    }))
}

/// Whether a line is in the way of using the file. In the files in force GBK is read; a file brought in must say so.
fn is_fault(problem: &CsvProblem) -> bool {
    problem.what == What::Gbk || !problem.what.is_warning()
}

/// Looks over files, or those of the configuration, each alone and all together.
///
/// # Errors
/// When writing fails.
pub fn lint(config: &Config, files: &[PathBuf], gbk: bool, mut to: To<'_>) -> io::Result<Exit> {
    let files = if files.is_empty() {
        &config.directory.files
    } else {
        files
    };
    let (mut all, mut told, mut faults) = (Directory::default(), Vec::new(), 0_usize);
    for file in files {
        let Some(read) = read(file, gbk, &mut to)? else {
            return Ok(Exit::Io);
        };
        for problem in &read.problems {
            faults += usize::from(is_fault(problem));
            told.push((Some((file, problem.line, is_fault(problem))), told::problem(problem)));
        }
        all.extend(read.directory);
    }
    for remark in all.lint() {
        told.push((None, told::remark(&remark)));
    }
    for device in strangers(&all, config) {
        told.push((None, Message::new("directory-no-device").with("device", device)));
    }
    let unreadable = unreadable_cards(&all, config);
    if unreadable > 0 {
        told.push((None, Message::new("directory-card-format").with("count", unreadable)));
    }
    if to.json {
        let items: Vec<Value> = told.iter().map(|(at, message)| item(*at, message)).collect();
        let summary = json!({"ok": faults == 0, "numbers": all.len(), "found": items});
        writeln!(to.out, "{summary}")?;
    } else {
        for (at, message) in &told {
            to.say(&at_line(*at, message))?;
        }
        let end = Message::new("directory-looked-over")
            .with("numbers", all.len())
            .with("found", told.len())
            .with("faults", faults);
        to.say(&end)?;
    }
    Ok(if faults == 0 { Exit::Ok } else { Exit::Problems })
}

type At<'a> = Option<(&'a PathBuf, u64, bool)>;

fn at_line(at: At<'_>, message: &Message) -> Message {
    match at {
        Some((file, line, _)) => Message::new("directory-at")
            .with("file", file.display())
            .with("line", line)
            .with_message("what", message.clone()),
        None => message.clone(),
    }
}

fn item(at: At<'_>, message: &Message) -> Value {
    let mut item = serde_json::to_value(message).unwrap_or_default();
    if let Some((file, line, fault)) = at {
        item["file"] = json!(file.display().to_string());
        item["line"] = json!(line);
        item["fault"] = json!(fault);
    }
    item
}

/// Devices that rows name and nobody has configured.
fn strangers(directory: &Directory, config: &Config) -> std::collections::BTreeSet<String> {
    let known = |name: &str| name == "*" || config.devices.iter().any(|device| device.name.as_str() == name);
    directory
        .rows()
        .map(|row| row.device)
        .filter(|name| !known(name))
        .collect()
}

/// Cards that are not written in the format stated for their device: they are compared letter by letter.
fn unreadable_cards(directory: &Directory, config: &Config) -> usize {
    let cards = plan::cards(config);
    let unread = |row: &Row| {
        let device = Some(DeviceName::from(row.device.as_str())).filter(|_| row.device != "*");
        let is_card = matches!(row.credential, Credential::Card(_));
        is_card
            && cards.states_format(device.as_ref())
            && cards.alike(device.as_ref(), &row.credential) == row.credential
    };
    directory.rows().filter(unread).count()
}

/// What to bring in.
#[derive(Debug, Clone)]
pub struct Import {
    /// The file.
    pub file: PathBuf,
    /// The configured file it takes the place of; the only one where there is one.
    pub into: Option<PathBuf>,
    /// Whether it is GBK.
    pub gbk: bool,
    /// Whether to do it, and not only to show it.
    pub yes: bool,
}

/// Shows what a file would change; with `yes` it takes the place of the configured one, and the gateway reads it.
///
/// # Errors
/// When writing fails.
pub fn import(config: &Config, asked: &Import, mut to: To<'_>) -> io::Result<Exit> {
    let Some(target) = target(config, asked) else {
        to.tell(&Message::new("directory-no-target"))?;
        return Ok(Exit::Config);
    };
    let Some(new) = read(&asked.file, asked.gbk, &mut to)? else {
        return Ok(Exit::Io);
    };
    let faults: Vec<&CsvProblem> = new.problems.iter().filter(|problem| is_fault(problem)).collect();
    if !to.json || !faults.is_empty() {
        for problem in &new.problems {
            let at = Some((&asked.file, problem.line, is_fault(problem)));
            to.tell(&at_line(at, &told::problem(problem)))?;
        }
    }
    if !faults.is_empty() {
        to.tell(&Message::new("directory-not-taken").with("faults", faults.len()))?;
        return Ok(Exit::BadInput);
    }
    let before = fs::read(&target)
        .map(|bytes| Directory::parse(&bytes).0)
        .unwrap_or_default();
    let difference = before.difference(&new.directory);
    if to.json {
        let summary = told::difference_json(&difference, &target, asked.yes);
        writeln!(to.out, "{summary}")?;
    } else {
        for line in told::difference(&difference, SHOWN) {
            to.say(&line)?;
        }
    }
    if !asked.yes {
        to.tell(&Message::new("directory-dry").with("file", target.display()))?;
        return Ok(Exit::Ok);
    }
    if let Err(error) = write::whole(&target, new.text.as_bytes()) {
        to.tell(&Message::new("cli-io").with("why", format!("{}: {error}", target.display())))?;
        return Ok(Exit::Io);
    }
    to.tell(&Message::new("directory-written").with("file", target.display()))?;
    now_in_force(config.admin.listen, &mut to)
}

/// Has the running gateway read it, and waits for what follows.
fn now_in_force(admin: SocketAddr, to: &mut To<'_>) -> io::Result<Exit> {
    let lang = to.lang;
    match quarantine::reload(admin, lang, &mut io::sink())? {
        None => {
            quarantine::followed(admin, lang, to.err)?;
            to.tell(&Message::new("directory-in-force"))?;
            Ok(Exit::Ok)
        }
        Some(Exit::Unavailable) => {
            to.tell(&Message::new("directory-at-start"))?;
            Ok(Exit::Ok)
        }
        Some(_) => quarantine::reload(admin, lang, to.err).map(|exit| exit.unwrap_or(Exit::Ok)),
    }
}

fn target(config: &Config, asked: &Import) -> Option<PathBuf> {
    let files = &config.directory.files;
    match &asked.into {
        Some(into) => files.iter().find(|file| *file == into || file.ends_with(into)).cloned(),
        None => files.first().filter(|_| files.len() == 1).cloned(),
    }
}

/// Prints the directory in force, as the journal has it.
///
/// # Errors
/// When writing fails.
pub fn export(store: &Path, mut to: To<'_>) -> io::Result<Exit> {
    let directory = match in_force(store) {
        Ok(directory) => directory,
        Err(error) => {
            to.tell(&Message::new("cli-io").with("why", error))?;
            return Ok(Exit::Io);
        }
    };
    if to.json {
        for row in directory.rows() {
            let row = json!({
                "person": row.person.as_str(),
                "device": row.device,
                "credential": row.credential.number(),
                "kind": row.credential.kind(),
                "name": row.name,
                "department": row.department,
            });
            writeln!(to.out, "{row}")?;
        }
    } else {
        write!(to.out, "{}", directory.to_csv())?;
    }
    Ok(Exit::Ok)
}

fn in_force(store: &Path) -> Result<Directory, Box<dyn std::error::Error>> {
    let mut last = Vec::new();
    for record in Export::open(Arc::new(DiskStorage), &store.join("journal"))? {
        let record = record?;
        // Only what can be a directory is read: there are few of them among many readings.
        let kinds: [&[u8]; 2] = [b"{\"directory\"", b"{\"retired\""];
        if !kinds.iter().any(|kind| record.payload.bytes.starts_with(kind)) {
            continue;
        }
        let entries = match Entry::from_payload(&record.payload) {
            Entry::Retired { carried, .. } => carried,
            entry => vec![entry],
        };
        for entry in entries {
            if let Entry::Directory { rows, .. } = entry {
                last = rows.0;
            }
        }
    }
    let mut directory = Directory::default();
    for text in last.iter().filter_map(Value::as_str) {
        directory.extend(Directory::parse(text.as_bytes()).0);
    }
    Ok(directory)
}

/// Whose a number is on a device, by the files as they are now.
///
/// # Errors
/// When writing fails.
pub fn resolve(config: &Config, device: &str, credential: &Credential, mut to: To<'_>) -> io::Result<Exit> {
    let mut all = Directory::default();
    for file in &config.directory.files {
        let Some(read) = read(file, true, &mut to)? else {
            return Ok(Exit::Io);
        };
        all.extend(read.directory);
    }
    let all = all.with_cards(&plan::cards(config));
    let whose = all.resolve(&DeviceName::from(device), credential);
    let (word, person) = match &whose {
        Resolution::Person(person) => ("person", Some(person.as_str())),
        Resolution::Unknown => ("unknown", None),
        Resolution::Ambiguous => ("two-people", None),
    };
    if to.json {
        writeln!(to.out, "{}", json!({"whose": word, "person": person}))?;
    } else {
        let told = Message::new("directory-whose")
            .with("whose", word)
            .or_none("person", person);
        to.say(&told)?;
    }
    Ok(if person.is_some() { Exit::Ok } else { Exit::Problems })
}
