//! `sim`: a simulated device on a real port, until it is stopped.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use punchgate_kit::{Clock, SimPunch, span};
use punchgate_lab::sink::{Sink, SinkOptions};
use punchgate_model::{Direction, Factor};
use serde::Deserialize;
use tokio::{net::TcpListener, net::UdpSocket, time::sleep};
use tokio_util::sync::CancellationToken;

use super::decode::table;
use crate::{
    exit::Exit,
    messages::{Lang, Message},
    registry::{self, Kind, SimPlace, Simulation},
};

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Sim {
    /// The driver whose device it is.
    pub name: String,
    /// Where to listen, or for devices that call: whom to call.
    pub listen: Option<SocketAddr>,
    /// The name to give the pseudo-terminal.
    pub pty: Option<PathBuf>,
    /// Punches as JSON lines.
    pub script: Option<PathBuf>,
    /// Punches that the device holds at the start.
    pub punches: u32,
    /// Knobs of the simulator, as `key=value`.
    pub knobs: Vec<String>,
}

/// One line of a script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    /// How long after the line before.
    #[serde(default, with = "span")]
    after: Duration,
    credential: String,
    #[serde(default = "fingerprint")]
    factor: Factor,
    #[serde(default = "unknown")]
    direction: Direction,
}

fn fingerprint() -> Factor {
    Factor::Fingerprint
}

fn unknown() -> Direction {
    Direction::Unknown
}

/// Runs a simulated device until the process is told to stop.
pub fn sim(asked: &Sim, lang: Lang) -> Exit {
    let told = |message: Message| {
        eprintln!("{}", message.say(lang));
        Exit::Usage
    };
    if asked.name == "webhook" {
        return webhook(asked, lang);
    }
    let Some(kind) = registry::kind(&asked.name) else {
        let known: Vec<&str> = registry::kinds().iter().map(|kind| kind.about().name).collect();
        return told(
            Message::new("no-such-driver")
                .with("driver", &asked.name)
                .with("known", known.join(", ")),
        );
    };
    let script = match asked.script.as_deref().map(read_script).transpose() {
        Ok(script) => script.unwrap_or_default(),
        Err(why) => {
            told(Message::new("bad-script").with("why", why));
            return Exit::BadInput;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            told(Message::new("cli-io").with("why", error));
            return Exit::Io;
        }
    };
    match runtime.block_on(simulate(kind, asked, script)) {
        Ok(()) => Exit::Ok,
        Err(Unable::Knobs(why)) => told(Message::new("bad-option").with("why", why)),
        Err(Unable::Io(error)) => {
            told(Message::new("cli-io").with("why", error));
            Exit::Io
        }
    }
}

enum Unable {
    Knobs(String),
    Io(io::Error),
}

impl From<io::Error> for Unable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn simulate(kind: &'static dyn Kind, asked: &Sim, script: Vec<Scripted>) -> Result<(), Unable> {
    let (place, told) = place(kind, asked).await?;
    let closing = CancellationToken::new();
    let knobs = table(&asked.knobs).map_err(Unable::Knobs)?;
    let clock = Clock::system();
    let Simulation { punch, running, .. } = kind
        .simulate(place, knobs, clock.clone(), closing.clone())
        .map_err(|error| Unable::Knobs(error.message().to_owned()))?;
    for n in 0..asked.punches {
        punch(stored_punch(n, asked.punches, &clock));
    }
    let mut out = io::stdout();
    writeln!(out, "listening {told}")?;
    out.flush()?;
    let playing = async {
        for line in script {
            sleep(line.after).await;
            punch(SimPunch {
                credential: line.credential,
                factor: line.factor,
                direction: line.direction,
                at: clock.now(),
            });
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = running => {}
        () = playing => {}
        _ = tokio::signal::ctrl_c() => closing.cancel(),
    }
    Ok(())
}

/// Punches a minute apart, the last one a minute ago.
fn stored_punch(n: u32, of: u32, clock: &Clock) -> SimPunch {
    let ago = Duration::from_secs(60) * (of - n);
    SimPunch {
        credential: format!("{}", 1001 + n % 25),
        factor: Factor::Fingerprint,
        direction: Direction::In,
        at: clock.now().minus(ago),
    }
}

async fn place(kind: &'static dyn Kind, asked: &Sim) -> io::Result<(SimPlace, String)> {
    if let Some(path) = &asked.pty {
        return Ok((registry::pty(path)?, path.display().to_string()));
    }
    let address = asked.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    if kind.calls() {
        return Ok((SimPlace::Caller(address), address.to_string()));
    }
    let tcp = TcpListener::bind(address).await?;
    let bound = tcp.local_addr()?;
    // The same port by UDP, where it is free: some clients ask there.
    let udp = UdpSocket::bind(bound).await.ok();
    Ok((SimPlace::Listener(tcp, udp), bound.to_string()))
}

fn read_script(path: &Path) -> Result<Vec<Scripted>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let line = |(n, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("{} line {}: {error}", path.display(), n + 1))
    };
    lines.map(line).collect()
}

/// A sink for webhooks, with its events under `/events`. `state=FILE` keeps them across restarts.
fn webhook(asked: &Sim, lang: Lang) -> Exit {
    let failed = |why: &dyn std::fmt::Display, exit| {
        eprintln!("{}", Message::new("cli-io").with("why", why).say(lang));
        exit
    };
    let knobs = match table(&asked.knobs) {
        Ok(knobs) => knobs,
        Err(why) => return failed(&why, Exit::Usage),
    };
    let text = |key: &str| knobs.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let options = SinkOptions {
        listen: asked.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
        secret: text("secret"),
        state: text("state").map(PathBuf::from),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, Exit::Io),
    };
    let running = runtime.block_on(async {
        let sink = Sink::start(options).await?;
        writeln!(io::stdout(), "listening {}", sink.address())?;
        tokio::signal::ctrl_c().await
    });
    running.map_or_else(|error| failed(&error, Exit::Io), |()| Exit::Ok)
}
