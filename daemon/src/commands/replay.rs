//! `replay`: the rules, offline, over a file of punches (`semantics.md` section 7).

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use punchgate_model::Timestamp;
use punchgate_rules::{Directory, replay::replay as evaluate};

use super::faults;
use crate::{
    config::{RulesConfig, load_rules},
    exit::Exit,
    messages::{Lang, Message},
};

/// What to replay.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The configuration; only its rules and the directory's groups are read.
    pub config: PathBuf,
    /// How far the data are complete; `None`: altogether.
    pub until: Option<Timestamp>,
    /// JSON lines, one punch each; `-` is standard input.
    pub file: PathBuf,
}

/// Replays the punches: records and verdicts to `out`, lines that were not understood to `err`.
///
/// # Errors
/// When writing fails, or reading the punches once they were opened.
pub fn replay(asked: &Replay, lang: Lang, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let config = match load_rules(&asked.config) {
        Ok(config) => config,
        Err(problems) => return faults::tell(&asked.config, &problems, lang, false, (out, err)),
    };
    let Some(groups) = groups(&config, lang, err)? else {
        return Ok(Exit::Io);
    };
    let Some(input) = input(&asked.file, lang, err)? else {
        return Ok(Exit::Io);
    };
    let done = evaluate(input, &config.rules(), &groups, asked.until)?;
    for line in &done.lines {
        writeln!(out, "{line}")?;
    }
    let name = asked.file.display();
    for problem in &done.problems {
        let told = Message::new("replay-bad-line")
            .with("file", &name)
            .with("line", problem.line)
            .with("why", &problem.why);
        writeln!(err, "{}", told.say(lang))?;
    }
    Ok(if done.problems.is_empty() {
        Exit::Ok
    } else {
        Exit::BadInput
    })
}

fn input(file: &Path, lang: Lang, err: &mut dyn Write) -> io::Result<Option<Box<dyn BufRead>>> {
    if file == Path::new("-") {
        return Ok(Some(Box::new(io::stdin().lock())));
    }
    match fs::File::open(file) {
        Ok(file) => Ok(Some(Box::new(BufReader::new(file)))),
        Err(error) => unreadable(file, &error, lang, err).map(|()| None),
    }
}

/// The directory, if a policy asks for groups: the machine that replays may have none, and need none.
fn groups(config: &RulesConfig, lang: Lang, err: &mut dyn Write) -> io::Result<Option<Directory>> {
    let mut directory = Directory::default();
    for file in config.directory.files.iter().filter(|_| config.names_groups()) {
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) => return unreadable(file, &error, lang, err).map(|()| None),
        };
        let (read, problems) = Directory::parse(&bytes);
        directory.extend(read);
        for problem in problems {
            let told = Message::new("directory-line")
                .with("file", file.display())
                .with("why", problem);
            writeln!(err, "{}", told.say(lang))?;
        }
    }
    Ok(Some(directory))
}

fn unreadable(file: &Path, error: &io::Error, lang: Lang, err: &mut dyn Write) -> io::Result<()> {
    let told = Message::new("config-unreadable")
        .with("path", file.display())
        .with("why", error);
    writeln!(err, "{}", told.say(lang))
}
