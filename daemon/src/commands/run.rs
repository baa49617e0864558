//! `run`: the gateway itself.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::faults;
use crate::{
    config::{Load, Log, LogFormat, load},
    exit::Exit,
    log::Lines,
    messages::Lang,
    run::{self, RunError},
};

/// Runs the gateway until it is told to stop.
pub fn run(load_: &Load<'_>, lang: Lang) -> Exit {
    let config = match load(load_) {
        Ok(config) => config,
        Err(problems) => {
            let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
            return faults::tell(&load_.file, &problems, lang, false, (&mut out, &mut err)).unwrap_or(Exit::Io);
        }
    };
    let lines = start_log(&config.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => {
            return failed(
                &RunError::System {
                    what: "start the runtime",
                    source,
                },
                lang,
            );
        }
    };
    let ended = runtime.block_on(run::run(config, load_));
    // Whatever still waits for a peer is not waited for: it has had its time.
    runtime.shutdown_background();
    lines.iter().for_each(Lines::finish);
    ended.map_or_else(|error| failed(&error, lang), |()| Exit::Ok)
}

fn failed(error: &RunError, lang: Lang) -> Exit {
    eprintln!("{}", error.message().say(lang));
    match error {
        RunError::Configuration(_) | RunError::Directory { .. } => Exit::Config,
        RunError::Open(error) if error.may_pass() => Exit::Temporary,
        RunError::Broken => Exit::Temporary,
        RunError::Open(_) => Exit::Unavailable,
        RunError::Folder(error) if error.is_permission() => Exit::Permission,
        RunError::Folder(_) | RunError::System { .. } => Exit::Io,
    }
}

/// Logs to standard error; `RUST_LOG` goes before the configured level. Control characters are escaped.
fn start_log(log: &Log) -> Option<Lines> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(log.level.word()));
    let layers = tracing_subscriber::registry().with(filter);
    // Without a thread for it there is no log, but a gateway.
    let lines = Lines::to(std::io::stderr()).ok()?;
    let started = match log.format {
        LogFormat::Json => layers.with(fmt::layer().json().with_writer(lines.clone())).try_init(),
        LogFormat::Text => layers
            .with(fmt::layer().with_ansi(false).with_writer(lines.clone()))
            .try_init(),
    };
    // Started twice only where somebody else logs already.
    drop(started);
    Some(lines)
}
