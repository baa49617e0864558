//! The command line: which verb, which configuration, which language.
//!
//! To add a verb: a variant here, a file in `commands/`, its sentences in both catalogues, its example in `cli/help.rs`.

mod help;
mod people;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
};

use clap::{Args, FromArgMatches, Parser, Subcommand};
use punchgate_model::Timestamp;

pub use help::command;
pub use people::{
    Clocks, DeviceVerb, DirectoryVerb, Explained, Imported, LintedFiles, Listed, Number, QuarantineVerb, Reinterpreted,
    VerifyVerb,
};

use crate::{
    commands::{self, decode::Decode, replay::Replay, sim::Sim},
    config::{self, Load, Secrets},
    demo::{Demo, demo},
    exit::Exit,
    messages::{Lang, Message},
    registry,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "punchgate", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What goes for every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What goes for every verb.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = config::DEFAULT_FILE, env = "PUNCHGATE_CONFIG")]
    pub config: PathBuf,
    /// The language of messages.
    #[arg(long, global = true, value_name = "LANG", value_parser = ["en", "zh-CN"])]
    pub lang: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Read the configuration and print the plan.
    Check(Json),
    /// Say what the rules make of punches in a file.
    Replay(Punches),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Run the gateway.
    Run,
    /// Ask the running gateway how it is.
    Status(Json),
    /// Say what a captured conversation says.
    Decode(Capture),
    /// Run a simulated device.
    Sim(Simulated),
    /// Look at the journal.
    #[command(subcommand)]
    Store(StoreVerb),
    /// Look after the people.
    #[command(subcommand)]
    Directory(DirectoryVerb),
    /// Look after credentials that nobody has.
    #[command(subcommand)]
    Quarantine(QuarantineVerb),
    /// Look after devices.
    #[command(subcommand)]
    Device(DeviceVerb),
    /// Look into verdicts.
    #[command(subcommand)]
    Verify(VerifyVerb),
    /// Show the whole way of a punch on simulated devices.
    Demo(Fast),
}

/// How long the demo takes.
#[derive(Debug, Clone, Args)]
pub struct Fast {
    /// About 20 seconds.
    #[arg(long)]
    pub fast: bool,
}

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum StoreVerb {
    /// Check every record.
    Verify(Json),
    /// Build the buffer again.
    Rebuild(Json),
    /// Print every entry.
    Export(From),
}

/// Where to begin.
#[derive(Debug, Clone, Args)]
pub struct From {
    /// Print JSON, as it does anyway.
    #[arg(long)]
    pub json: bool,
    /// The number after which to begin.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub after: u64,
}

/// What to decode.
#[derive(Debug, Clone, Args)]
pub struct Capture {
    /// The driver whose protocol it is.
    #[arg(long, value_name = "NAME")]
    pub driver: String,
    /// The zone of the device.
    #[arg(long, value_name = "ZONE")]
    pub device_timezone: Option<String>,
    /// A driver option.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    pub option: Vec<String>,
    /// The capture.
    #[arg(value_name = "FILE")]
    pub capture: PathBuf,
}

/// What to simulate.
#[derive(Debug, Clone, Args)]
pub struct Simulated {
    /// The driver whose device it is.
    #[arg(value_name = "NAME")]
    pub device: String,
    /// Where to listen, or whom to call.
    #[arg(long, value_name = "ADDR", conflicts_with = "pty")]
    pub listen: Option<std::net::SocketAddr>,
    /// The name to give the pseudo-terminal.
    #[arg(long, value_name = "PATH")]
    pub pty: Option<PathBuf>,
    /// Punches as JSON lines.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Punches that the device holds at the start.
    #[arg(long = "punches", id = "held", value_name = "N", default_value_t = 0)]
    pub held: u32,
    /// A knob of the simulator.
    #[arg(long = "knob", value_name = "KEY=VALUE")]
    pub knob: Vec<String>,
}

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Print the configuration in effect.
    Print(Json),
}

/// How a reading verb prints.
#[derive(Debug, Clone, Args)]
pub struct Json {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which punches, and how far they are complete.
#[derive(Debug, Clone, Args)]
pub struct Punches {
    /// How far the data are complete, an instant with an offset.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// JSON lines, one punch each; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub punches: PathBuf,
}

impl Global {
    /// The language asked for, or the environment's.
    pub fn lang(&self) -> Lang {
        self.lang
            .as_deref()
            .and_then(|tag| tag.parse().ok())
            .unwrap_or_else(Lang::from_environment)
    }

    /// How to load the configuration, with the drivers of this program.
    pub fn load(&self, secrets: Secrets) -> Load<'static> {
        Load {
            file: self.config.clone(),
            drivers: registry::known(),
            secrets,
        }
    }
}

/// Understands the arguments and does what they say.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let lang = lang_among(&arguments).unwrap_or_else(Lang::from_environment);
    let matches = match command(lang).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(told) => return tell(&told),
    };
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => run(&cli),
        Err(told) => tell(&told),
    }
}

fn run(cli: &Cli) -> Exit {
    let lang = cli.global.lang();
    // These two run on, and others write to the terminal beside them: it must not be locked meanwhile.
    match &cli.verb {
        Verb::Run => return commands::run::run(&cli.global.load(Secrets::from_environment()), lang),
        Verb::Sim(Simulated {
            device,
            listen,
            pty,
            script,
            held,
            knob,
        }) => {
            let (name, listen, pty, script) = (device.clone(), *listen, pty.clone(), script.clone());
            return commands::sim::sim(
                &Sim {
                    name,
                    listen,
                    pty,
                    script,
                    punches: *held,
                    knobs: knob.clone(),
                },
                lang,
            );
        }
        Verb::Demo(Fast { fast }) => return demo(Demo { fast: *fast, lang }),
        _ => {}
    }
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let done = match &cli.verb {
        Verb::Run | Verb::Sim(_) | Verb::Demo(_) => Ok(Exit::Ok),
        Verb::Status(_)
        | Verb::Store(_)
        | Verb::Directory(_)
        | Verb::Quarantine(_)
        | Verb::Device(_)
        | Verb::Verify(_) => configured(cli, lang, &mut out, &mut err),
        Verb::Decode(Capture {
            driver,
            device_timezone,
            option,
            capture,
        }) => {
            let asked = Decode {
                driver: driver.clone(),
                device_timezone: device_timezone.clone(),
                options: option.clone(),
                file: capture.clone(),
            };
            commands::decode::decode(&asked, lang, &mut out, &mut err)
        }
        Verb::Check(json) => {
            let load = cli.global.load(Secrets::from_environment());
            commands::check::check(&load, lang, json.json, &mut out, &mut err)
        }
        Verb::Replay(Punches { until, punches }) => {
            let asked = Replay {
                config: cli.global.config.clone(),
                until: *until,
                file: punches.clone(),
            };
            commands::replay::replay(&asked, lang, &mut out, &mut err)
        }
        Verb::Config(ConfigVerb::Print(json)) => {
            let load = cli.global.load(Secrets::Leave);
            commands::config_print::print(&load, lang, json.json, &mut out, &mut err)
        }
    };
    done.unwrap_or_else(|error| match error.kind() {
        // Whoever read our output has seen enough.
        io::ErrorKind::BrokenPipe => Exit::Ok,
        _ => {
            // Standard output may be what failed, so this may be lost as well.
            let _ = writeln!(err, "{}", Message::new("cli-io").with("why", &error).say(lang));
            Exit::Io
        }
    })
}

/// The verbs that look at a gateway that is configured.
fn configured(cli: &Cli, lang: Lang, out: &mut dyn io::Write, err: &mut dyn io::Write) -> io::Result<Exit> {
    let load = cli.global.load(Secrets::Leave);
    let config = match config::load(&load) {
        Ok(config) => config,
        Err(problems) => return commands::faults::tell(&load.file, &problems, lang, false, (out, err)),
    };
    let store = &config.store.path;
    match &cli.verb {
        Verb::Status(json) => commands::status::status(config.admin.listen, lang, json.json, out, err),
        Verb::Store(StoreVerb::Verify(json)) => commands::store::verify(store, lang, json.json, out, err),
        Verb::Store(StoreVerb::Rebuild(json)) => commands::store::rebuild(&config, lang, json.json, out, err),
        Verb::Store(StoreVerb::Export(from)) => commands::store::export(store, from.after, lang, out, err),
        Verb::Directory(verb) => people::directory(verb, &config, lang, out, err),
        Verb::Quarantine(verb) => people::quarantine(verb, &config, lang, out, err),
        Verb::Device(verb) => people::device(verb, &config, lang, out, err),
        Verb::Verify(verb) => people::verify(verb, &config, lang, out, err),
        _ => Ok(Exit::Ok),
    }
}

/// Help and version are told on standard output and are no failure.
fn tell(told: &clap::Error) -> Exit {
    match told.print() {
        Ok(()) if told.use_stderr() => Exit::Usage,
        Ok(()) => Exit::Ok,
        Err(_) => Exit::Io,
    }
}

/// The language must be known before the arguments are understood: help is in it too.
fn lang_among(arguments: &[OsString]) -> Option<Lang> {
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let after = texts.windows(2).find_map(|pair| match pair {
        ["--lang", tag] => Some(*tag),
        _ => None,
    });
    after
        .or_else(|| texts.iter().find_map(|text| text.strip_prefix("--lang=")))?
        .parse()
        .ok()
}
