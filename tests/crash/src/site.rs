//! A gateway with everything around it: a sink, two callers, a terminal that tells its punches and one that only logs
//! them; and the ledger of all of them.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::{APP, Gateway, TOKEN},
    patience::until,
    sink::{Fault, Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use tokio::task::JoinHandle;

use crate::{
    audit::{Findings, audit},
    caller::{Caller, Gate, Manners},
    dice::Dice,
    ledger::Ledger,
};

/// How long everything may take to arrive at the sink after the last start.
const DELIVERED_WITHIN: Duration = Duration::from_secs(40);
/// The second caller, which sends neither ids nor keys.
pub const KIOSK: &str = "kiosk";
const KIOSK_TOKEN: &str = "another-token-for-tests";

/// How a site is built.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The daemon.
    pub program: std::path::PathBuf,
    /// A planted fault to ask it for.
    pub sabotage: Option<String>,
    /// How large a segment of the journal may grow, in bytes; only the planted build can be told.
    pub segment_bytes: Option<u64>,
    /// How much the buffer may keep back before it writes, in bytes; only the planted build can be told.
    pub write_back_bytes: Option<u64>,
    /// Whether two terminals are there, beside the callers.
    pub terminals: bool,
    /// How much ballast there is, as the configuration wants it. Little, so that a start is quick.
    pub ballast: String,
}

/// The gateway and the world around it.
pub struct Site {
    /// The gateway.
    pub gateway: Gateway,
    /// The upstream.
    pub sink: Sink,
    /// What was promised.
    pub ledger: Ledger,
    terminals: Vec<(&'static str, Terminal)>,
    punched: u64,
    gate: Arc<Gate>,
    callers: Vec<JoinHandle<()>>,
}

impl Site {
    /// Builds a site whose gateway keeps its state in `state` and is not started.
    ///
    /// # Errors
    /// When files cannot be written or ports not be had.
    pub async fn build(plan: &Plan, state: &Path) -> io::Result<Self> {
        let mut terminals = Vec::new();
        if plan.terminals {
            terminals.push(("live", Terminal::on(Carrier::Tcp, Knobs::default()).await?));
            let silent = Knobs {
                event: 0,
                ..Knobs::default()
            };
            terminals.push(("log", Terminal::on(Carrier::Tcp, silent).await?));
        }
        let sink = Sink::start(SinkOptions::default()).await?;
        let mut gateway = Gateway::new(&plan.program, "")?;
        gateway.keep_state_in(state);
        gateway.secret(KIOSK, KIOSK_TOKEN)?;
        if let Some(fault) = &plan.sabotage {
            gateway.set("PUNCHGATE_SABOTAGE", fault);
        }
        let sizes = [
            ("PUNCHGATE_SEGMENT_BYTES", plan.segment_bytes),
            ("PUNCHGATE_WRITE_BACK_BYTES", plan.write_back_bytes),
        ];
        for (name, bytes) in sizes {
            bytes.into_iter().for_each(|bytes| gateway.set(name, bytes.to_string()));
        }
        let site = Self {
            gateway,
            sink,
            ledger: Ledger::default(),
            terminals,
            punched: 0,
            gate: Arc::default(),
            callers: Vec::new(),
        };
        // The state's table is written by the gateway's own file; what is added to it lies beside it.
        let beside = site.gateway.config().with_file_name("conf.d");
        fs::create_dir_all(&beside)?;
        fs::write(
            beside.join("ballast.toml"),
            format!("[store]\nballast = {:?}\n", plan.ballast),
        )?;
        site.gateway.configure(&site.tables())?;
        Ok(site)
    }

    /// The configuration's tables.
    fn tables(&self) -> String {
        let mut tables = upstream(&self.sink.url());
        for (name, terminal) in &self.terminals {
            let live = *name == "live";
            tables += &format!(
                "[[device]]\nname = \"{name}\"\ndriver = \"zk_tcp\"\naddress = \"{}\"\ntimezone = \"UTC\"\n\
                 poll = \"1s\"\npatience = \"500ms\"\nlive = {live}\n",
                terminal.address()
            );
        }
        tables
    }

    /// Callers for this site's gateway.
    pub fn callers(&self, dice: &mut Dice) -> Vec<Caller> {
        let ways = [(APP, TOKEN, Manners::IdsAndKeys), (KIOSK, KIOSK_TOKEN, Manners::Bare)];
        let caller = |(source, token, manners)| {
            let ingest = self.gateway.ingest();
            Caller::new(source, token, manners, ingest, self.ledger.clone(), dice.fork())
        };
        ways.into_iter().map(caller).collect()
    }

    /// Lets the callers begin.
    pub fn open(&mut self, dice: &mut Dice) {
        let callers = self.callers(dice);
        let begin = |caller: Caller| tokio::spawn(caller.run(self.gate.clone()));
        self.callers = callers.into_iter().map(begin).collect();
    }

    /// Lets the callers begin batches, or not for now.
    pub fn let_callers_in(&self, yes: bool) {
        self.gate.set_open(yes);
    }

    /// Somebody puts a finger on each terminal, so many times.
    pub fn punch(&mut self, times: u64) {
        for _ in 0..times {
            self.punched += 1;
            // A second apart, so that each has a name of its own.
            let ago = Duration::from_secs(1_000_000 - self.punched);
            for (_, terminal) in &self.terminals {
                terminal.punch(&format!("{:04}", self.punched % 50), ago);
            }
        }
    }

    /// Whether the upstream takes anything.
    pub fn upstream_takes(&self, yes: bool) {
        self.sink.standing((!yes).then(|| Fault::status(503)));
    }

    /// Stops the callers for now, with the batches in hand acknowledged, which needs a running gateway.
    pub async fn quiet(&mut self) -> Findings {
        self.let_callers_in(false);
        let mut findings = Findings::default();
        if !until(DELIVERED_WITHIN, async || self.gate.busy() == 0).await {
            findings.broken.push("a batch is not acknowledged in time".to_owned());
        }
        findings
    }

    /// Waits until the running gateway has delivered everything, and judges.
    pub async fn settle(&mut self) -> Findings {
        self.upstream_takes(true);
        let all = async || self.everything_is_there().await;
        let in_time = until(DELIVERED_WITHIN, all).await;
        for (source, terminal) in &self.terminals {
            self.ledger.take_over(source, &terminal.ledger());
        }
        let mut findings = audit(&self.ledger.copy(), &self.sink.held());
        if !in_time {
            let status = self.gateway.status().await;
            findings.broken.push(format!("not all is delivered: {status}"));
        }
        findings.extend(self.complaints());
        findings
    }

    async fn everything_is_there(&self) -> bool {
        let status = self.gateway.status().await;
        let number = |key: &str| status["journal"][key].as_u64();
        let drained = number("tail").is_some()
            && number("decided") >= number("tail")
            && status["upstreams"]["erp"]["backlog"] == 0;
        let held = |name: &str| {
            let of = |held: &punchgate_lab::sink::Held| held.data["source"] == name;
            self.sink.held().iter().filter(|held| of(held)).count()
        };
        // What a terminal has in its log comes without anybody's doing.
        drained
            && self
                .terminals
                .iter()
                .all(|(name, terminal)| held(name) >= terminal.ledger().issued.len())
    }

    /// Lets the program itself verify its journal, running or not: every record, and that each follows the one before it.
    pub fn verify(&self) -> Findings {
        let mut findings = Findings::default();
        match self.gateway.ask(&["store", "verify"]) {
            Ok(output) if output.status.success() => {}
            Ok(output) => findings
                .broken
                .push(format!("verify: {}", String::from_utf8_lossy(&output.stdout))),
            Err(error) => findings.broken.push(format!("verify: {error}")),
        }
        findings
    }

    /// What a sink may not have met that has known one gateway and one history: events out of order, or none at all.
    pub fn manners(&self) -> Findings {
        let stats = self.sink.stats();
        let bad = [
            ("out of order", stats.out_of_order),
            ("no batch of events", stats.malformed),
        ];
        let met = bad.into_iter().filter(|(_, many)| *many > 0);
        Findings {
            broken: met
                .map(|(what, many)| format!("the sink met {many} times: {what}"))
                .collect(),
            ..Findings::default()
        }
    }

    /// What no log may contain, whatever was done to the gateway.
    fn complaints(&self) -> Findings {
        let log = self.gateway.log();
        let bad = |line: &&str| line.contains("panicked") || line.contains("the journal was damaged");
        Findings {
            broken: log.lines().filter(bad).map(str::to_owned).collect(),
            ..Findings::default()
        }
    }
}

/// The upstream, the second caller and what else every configuration here has.
fn upstream(url: &str) -> String {
    format!(
        "[[upstream]]\nname = \"erp\"\ndriver = \"webhook\"\nurl = \"{url}\"\nsend = [\"punch\"]\n\
         batch = {{ max = 50, every = \"20ms\" }}\ntimeout = \"2s\"\n[directory]\nunknown = \"forward\"\n\
         [[device]]\nname = \"{KIOSK}\"\ndriver = \"http_ingest\"\ntoken = {{ file = \"{KIOSK}\" }}\n\
         [log]\nlevel = \"warn\"\n"
    )
}

impl Drop for Site {
    fn drop(&mut self) {
        self.gate.tear_down();
        self.callers.iter().for_each(JoinHandle::abort);
    }
}
