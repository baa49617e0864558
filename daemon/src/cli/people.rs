//! The verbs about people, what waits for them, and why things were decided as they were.

use std::{io, path::PathBuf};

use clap::{Args, Subcommand};
use punchgate_model::{Credential, Timestamp};

use super::Json;
use crate::{
    commands::{self, device::Time, directory, reinterpret::Reinterpret},
    config::Config,
    exit::Exit,
    messages::Lang,
};

/// What to do with people.
#[derive(Debug, Subcommand)]
pub enum DirectoryVerb {
    /// Look over files.
    Lint(LintedFiles),
    /// Bring a file in.
    Import(Imported),
    /// Print what is in force.
    Export(Json),
    /// Say whose a number is.
    Resolve(Number),
}

/// Files to look over.
#[derive(Debug, Clone, Args)]
pub struct LintedFiles {
    /// The files; those of the configuration without any.
    #[arg(value_name = "FILE")]
    pub people: Vec<PathBuf>,
    /// What they are written in.
    #[arg(long, value_name = "NAME", value_parser = ["utf-8", "gbk"], default_value = "utf-8")]
    pub encoding: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A file to bring in.
#[derive(Debug, Clone, Args)]
pub struct Imported {
    /// The file.
    #[arg(value_name = "FILE")]
    pub people_file: PathBuf,
    /// Which configured file it replaces.
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
    /// What it is written in.
    #[arg(long, value_name = "NAME", value_parser = ["utf-8", "gbk"], default_value = "utf-8")]
    pub encoding: String,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A number on a device.
#[derive(Debug, Clone, Args)]
pub struct Number {
    /// The device.
    #[arg(value_name = "DEVICE")]
    pub on_device: String,
    /// Its kind.
    #[arg(value_name = "KIND", value_parser = ["enrol", "card"])]
    pub kind: String,
    /// The number.
    #[arg(value_name = "NUMBER")]
    pub number: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to do with credentials that nobody has.
#[derive(Debug, Subcommand)]
pub enum QuarantineVerb {
    /// List them.
    List(Listed),
    /// Read the directory again and tell what is left.
    Replay,
}

/// How unknown credentials are listed.
#[derive(Debug, Clone, Args)]
pub struct Listed {
    /// In full, from the journal.
    #[arg(long)]
    pub numbers: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub enum DeviceVerb {
    /// Say that a clock showed another zone than was configured.
    Reinterpret(Reinterpreted),
    /// Show their clocks, and set them.
    Time(Clocks),
}

/// Which clocks, and whether to set them.
#[derive(Debug, Clone, Args)]
pub struct Clocks {
    /// One device; all that have a clock when left out.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Set the clock.
    #[arg(long)]
    pub set: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which clock showed which zone, when.
#[derive(Debug, Clone, Args)]
pub struct Reinterpreted {
    /// The device.
    #[arg(value_name = "DEVICE")]
    pub on_device: String,
    /// The zone that its clock showed.
    #[arg(long, value_name = "ZONE")]
    pub zone: String,
    /// From this instant.
    #[arg(long, value_name = "TIME")]
    pub from: Timestamp,
    /// To this one.
    #[arg(long, value_name = "TIME")]
    pub to: Option<Timestamp>,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
}

/// What to look into.
#[derive(Debug, Subcommand)]
pub enum VerifyVerb {
    /// Say why something was decided as it was.
    Explain(Explained),
}

/// What to explain.
#[derive(Debug, Clone, Args)]
pub struct Explained {
    /// The id of a punch, a record or a verdict.
    #[arg(value_name = "ID")]
    pub about: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// The verbs about people.
pub(super) fn directory(
    verb: &DirectoryVerb,
    config: &Config,
    lang: Lang,
    out: &mut dyn io::Write,
    err: &mut dyn io::Write,
) -> io::Result<Exit> {
    let json = match verb {
        DirectoryVerb::Lint(asked) => asked.json,
        DirectoryVerb::Import(asked) => asked.json,
        DirectoryVerb::Export(asked) => asked.json,
        DirectoryVerb::Resolve(asked) => asked.json,
    };
    let to = directory::To { lang, json, out, err };
    match verb {
        DirectoryVerb::Lint(asked) => directory::lint(config, &asked.people, asked.encoding == "gbk", to),
        DirectoryVerb::Import(asked) => {
            let import = directory::Import {
                file: asked.people_file.clone(),
                into: asked.into.clone(),
                gbk: asked.encoding == "gbk",
                yes: asked.yes,
            };
            directory::import(config, &import, to)
        }
        DirectoryVerb::Export(_) => directory::export(&config.store.path, to),
        DirectoryVerb::Resolve(asked) => {
            let credential = match asked.kind.as_str() {
                "card" => Credential::Card(asked.number.clone()),
                _ => Credential::Enrol(asked.number.clone()),
            };
            directory::resolve(config, &asked.on_device, &credential, to)
        }
    }
}

/// The verbs about credentials that nobody has.
pub(super) fn quarantine(
    verb: &QuarantineVerb,
    config: &Config,
    lang: Lang,
    out: &mut dyn io::Write,
    err: &mut dyn io::Write,
) -> io::Result<Exit> {
    match verb {
        QuarantineVerb::List(asked) => {
            let place = (config.admin.listen, config.store.path.as_path());
            commands::quarantine::list(place, asked.numbers, lang, asked.json, (out, err))
        }
        QuarantineVerb::Replay => commands::quarantine::replay(config.admin.listen, lang, out, err),
    }
}

/// The verbs about devices.
pub(super) fn device(
    verb: &DeviceVerb,
    config: &Config,
    lang: Lang,
    out: &mut dyn io::Write,
    err: &mut dyn io::Write,
) -> io::Result<Exit> {
    match verb {
        DeviceVerb::Reinterpret(asked) => {
            let asked = Reinterpret {
                device: asked.on_device.clone(),
                zone: asked.zone.clone(),
                from: asked.from,
                to: asked.to,
                yes: asked.yes,
            };
            commands::reinterpret::reinterpret(config.admin.listen, &asked, lang, out, err)
        }
        DeviceVerb::Time(Clocks { name, set, json }) => {
            let asked = Time {
                name: name.clone(),
                set: *set,
                json: *json,
            };
            commands::device::time(config.admin.listen, &asked, lang, out, err)
        }
    }
}

/// The verbs about verdicts.
pub(super) fn verify(
    verb: &VerifyVerb,
    config: &Config,
    lang: Lang,
    out: &mut dyn io::Write,
    err: &mut dyn io::Write,
) -> io::Result<Exit> {
    let VerifyVerb::Explain(asked) = verb;
    let place = (config.admin.listen, config.store.path.as_path());
    commands::verify::explain(place, &asked.about, lang, asked.json, (out, err))
}
