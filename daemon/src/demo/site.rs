//! A small site: a terminal, an app, a clock, a sink and the gateway between them.

use std::{fs, io, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc, time::Duration};

use punchgate_http_ingest::App;
use punchgate_kit::{Clock, Ledger, Secret, SimPunch, Simulator};
use punchgate_model::{Direction, Factor};
use punchgate_serial_line::simulator::TextClock;
use punchgate_transports::{http::client, pty::Pty, serial, tcp};
use punchgate_zk_tcp::ZkSim;
use tokio::{net::TcpListener, process::Child, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    places::{free_address, start, until_it_answers},
    show::Show,
};
use crate::messages::Message;

/// How many punches by card the terminal holds before the gateway is there.
pub(super) const MORNING: usize = 40;

/// A terminal that can be switched off.
struct Terminal {
    simulator: Arc<ZkSim>,
    address: SocketAddr,
    power: Option<(CancellationToken, JoinHandle<()>)>,
}

/// The site.
pub(super) struct Site {
    folder: PathBuf,
    clock: Clock,
    terminal: Terminal,
    press_shop: Arc<TextClock>,
    app: Arc<App>,
    calling: CancellationToken,
    sink: (SocketAddr, Option<Child>),
    gateway: (SocketAddr, Option<Child>),
}

impl Site {
    /// Builds the site and starts everything in it.
    pub(super) async fn build(show: &Show) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("punchgate-demo-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let clock = Clock::system();
        let (ingest, admin, sink) = (free_address().await?, free_address().await?, free_address().await?);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let terminal = Terminal {
            simulator: Arc::new(ZkSim::new(Default::default())),
            address: listener.local_addr()?,
            power: None,
        };
        let knobs = punchgate_http_ingest::Knobs {
            token: Secret::new(TOKEN),
            ..Default::default()
        };
        let mut site = Self {
            terminal,
            press_shop: Arc::new(TextClock::new(in_the_press_shop())),
            app: Arc::new(App::new(knobs)),
            calling: CancellationToken::new(),
            sink: (sink, None),
            gateway: (admin, None),
            clock,
            folder,
        };
        site.configure(ingest)?;
        site.morning();
        site.power(listener);
        site.press_shop(show)?;
        show.tell(
            &Message::new("demo-terminal-at")
                .with("address", site.terminal.address)
                .with("count", MORNING),
        );
        site.start_sink().await?;
        show.tell(&Message::new("demo-sink-at").with("address", sink));
        site.start_gateway().await?;
        show.tell(
            &Message::new("demo-gateway-at")
                .with("address", admin)
                .with("folder", site.folder.display()),
        );
        let (app, clock, calling) = (site.app.clone(), site.clock.clone(), site.calling.clone());
        tokio::spawn(async move { client::simulate(&*app, ingest, clock, calling).await });
        Ok(site)
    }

    pub(super) fn sink_address(&self) -> SocketAddr {
        self.sink.0
    }

    /// Ledgers by the device's name in the configuration.
    pub(super) fn ledgers(&self) -> Vec<(&'static str, Ledger)> {
        vec![
            ("gate-1", self.terminal.simulator.ledger()),
            ("press-shop-clock", self.press_shop.ledger()),
            ("wecom", self.app.ledger()),
        ]
    }

    /// Somebody punches in the app so many minutes ago.
    pub(super) fn app(&self, person: &str, minutes: u64, factor: Factor) {
        self.app.punch(self.sim_punch(person, minutes, factor));
    }

    /// Somebody lays a finger on the terminal.
    pub(super) fn finger(&self, number: &str, minutes: u64) {
        self.terminal
            .simulator
            .punch(self.sim_punch(number, minutes, Factor::Fingerprint));
    }

    /// Somebody shows a badge to the clock in the press shop.
    pub(super) fn badge(&self, number: &str) {
        self.press_shop.punch(self.sim_punch(number, 0, Factor::Card));
    }

    fn sim_punch(&self, credential: &str, minutes: u64, factor: Factor) -> SimPunch {
        let at = self.clock.now().minus(Duration::from_secs(60 * minutes));
        SimPunch {
            credential: credential.to_owned(),
            factor,
            direction: Direction::In,
            at,
        }
    }

    /// What people punched before the gateway was there.
    fn morning(&self) {
        for n in 0..MORNING {
            let minutes = u64::try_from(300 - 6 * n).unwrap_or(0);
            let punch = self.sim_punch(&(1001 + n % 6).to_string(), minutes, Factor::Card);
            self.terminal.simulator.punch(punch);
        }
    }

    fn power(&mut self, listener: TcpListener) {
        let (simulator, clock, off) = (
            self.terminal.simulator.clone(),
            self.clock.clone(),
            CancellationToken::new(),
        );
        let running = tokio::spawn(tcp::simulate(
            listener,
            simulator,
            Default::default(),
            clock,
            off.clone(),
        ));
        self.terminal.power = Some((off, running));
    }

    /// Puts the clock of the press shop on its serial line.
    fn press_shop(&self, show: &Show) -> io::Result<()> {
        let pty = Pty::open(self.folder.join("press-shop"))?;
        show.tell(&Message::new("demo-clock-at").with("path", pty.path().display()));
        let (simulator, clock, off) = (self.press_shop.clone(), self.clock.clone(), self.calling.clone());
        // It ends with the demo.
        drop(tokio::spawn(serial::simulate(
            pty,
            simulator,
            Default::default(),
            clock,
            off,
        )));
        Ok(())
    }

    /// Pulls the terminal's plug; its log stays.
    pub(super) async fn terminal_off(&mut self) {
        if let Some((off, running)) = self.terminal.power.take() {
            off.cancel();
            // It ends because its listener was closed.
            let _ = running.await;
        }
    }

    /// Plugs the terminal in again.
    pub(super) async fn terminal_on(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.terminal.address).await?;
        self.power(listener);
        Ok(())
    }

    pub(super) async fn kill_sink(&mut self) -> io::Result<()> {
        kill(&mut self.sink.1).await
    }

    pub(super) async fn start_sink(&mut self) -> io::Result<()> {
        let (address, state) = (
            self.sink.0.to_string(),
            format!("state={}", self.folder.join("sink.jsonl").display()),
        );
        let arguments = ["sim", "webhook", "--listen", &address, "--knob", &state];
        self.sink.1 = Some(start(&arguments, &self.folder.join("sink.log"))?);
        until_it_answers(self.sink.0, "/stats").await
    }

    pub(super) async fn kill_gateway(&mut self) -> io::Result<()> {
        kill(&mut self.gateway.1).await
    }

    pub(super) async fn start_gateway(&mut self) -> io::Result<()> {
        let config = self.folder.join("punchgate.toml").display().to_string();
        self.gateway.1 = Some(start(&["run", "--config", &config], &self.folder.join("gateway.log"))?);
        until_it_answers(self.gateway.0, "/readyz").await
    }

    /// Takes the site down.
    pub(super) async fn close(mut self) {
        self.calling.cancel();
        self.terminal_off().await;
        // Killed is stopped, for both.
        let _ = self.kill_gateway().await;
        let _ = self.kill_sink().await;
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// The directory learns whose the unknown badge is. The gateway reads it when it starts.
    pub(super) fn learn_badge(&self) -> io::Result<()> {
        let learnt = format!("{PEOPLE}E008,press-shop-clock,{UNKNOWN_BADGE},card,Hu Lan,Press shop\n");
        fs::write(self.folder.join("people.csv"), learnt)
    }

    fn configure(&self, ingest: SocketAddr) -> io::Result<()> {
        let folder = &self.folder;
        let token = folder.join("token");
        fs::write(&token, TOKEN)?;
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600))?;
        fs::write(folder.join("people.csv"), PEOPLE)?;
        let config = CONFIG
            .replace("{folder}", &folder.display().to_string())
            .replace("{terminal}", &self.terminal.address.to_string())
            .replace("{ingest}", &ingest.to_string())
            .replace("{admin}", &self.gateway.0.to_string())
            .replace("{sink}", &self.sink.0.to_string());
        fs::write(folder.join("punchgate.toml"), config)
    }
}

async fn kill(child: &mut Option<Child>) -> io::Result<()> {
    match child.take() {
        Some(mut child) => child.kill().await,
        None => Ok(()),
    }
}

/// A clock that waits to be told that its records are safe.
fn in_the_press_shop() -> punchgate_serial_line::simulator::Knobs {
    punchgate_serial_line::simulator::Knobs {
        acknowledge: Some(punchgate_serial_line::Acknowledge::Ack),
        timezone: "Asia/Shanghai".to_owned(),
        ..Default::default()
    }
}

const TOKEN: &str = "demo-token";

/// A badge that the directory does not know at first.
pub(super) const UNKNOWN_BADGE: &str = "0108";

const PEOPLE: &str = "\
person,device,credential,kind,name,department
E001,gate-1,1001,enrol,Li Wei,Assembly
E002,gate-1,1002,enrol,Rosa,Office
E003,gate-1,1003,enrol,Wang Fang,Assembly
E004,gate-1,1004,enrol,Otto,Office
E005,gate-1,1005,enrol,Zhao Min,Press shop
E006,gate-1,1006,enrol,Ines,Press shop
E007,press-shop-clock,0107,card,Chen Jie,Press shop
";

const CONFIG: &str = r#"
[gateway]
id = "demo-gate"
timezone = "Asia/Shanghai"

[store]
path = "{folder}/state"

[[device]]
name = "gate-1"
driver = "zk_tcp"
address = "{terminal}"
timezone = "Asia/Shanghai"
zone = "hq-door"
poll = "1s"

[[device]]
name = "press-shop-clock"
driver = "serial_line"
port = "{folder}/press-shop"
preset = "giga-tms-tr320"
acknowledge = "ack"
timezone = "Asia/Shanghai"

[[device]]
name = "wecom"
driver = "http_ingest"
token = { file = "{folder}/token" }
factors = ["gps", "wifi"]

[ingest]
listen = "{ingest}"

[admin]
listen = "{admin}"

[directory]
files = ["{folder}/people.csv"]
unknown = "quarantine"

[[verification]]
name = "office-door"
first  = { factors = ["gps"], sources = ["wecom"] }
second = { factors = ["fingerprint"], zones = ["hq-door"] }
window = "15m"

[[upstream]]
name = "erp"
driver = "webhook"
url = "http://{sink}/punches"
send = ["punch", "record", "verdict"]
batch = { max = 100, every = "300ms" }
"#;
