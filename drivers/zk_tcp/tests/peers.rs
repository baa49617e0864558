//! The simulated terminal on real sockets, with programs that are not ours as clients: pyzk and zkteco-js, each a process of
//! its own. Not part of the normal run: `tests/peers/install` first, then `cargo nextest run --run-ignored only`.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use punchgate_kit::{Clock, SimPunch, Simulator};
use punchgate_model::{Direction, Factor};
use punchgate_transports::{tcp, udp};
use punchgate_zk_tcp::{
    Knobs, Options, ZkSim,
    codec::{Code, Layout, UserLayout},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, UdpSocket},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal that listens on TCP and UDP, and a client that speaks with it.
struct Lab {
    sim: Arc<ZkSim>,
    port: u16,
    closing: CancellationToken,
    told: Option<tokio::io::Lines<BufReader<ChildStdout>>>,
    client: Option<Child>,
}

impl Lab {
    async fn new(knobs: Knobs, punches: usize) -> Self {
        let sim = Arc::new(ZkSim::new(knobs));
        for n in 0..punches {
            punch(&sim, &(n % 40 + 1).to_string());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let socket = UdpSocket::bind(("127.0.0.1", port)).await.expect("the same port");
        let closing = CancellationToken::new();
        let clock = Clock::system();
        tokio::spawn(tcp::simulate(
            listener,
            sim.clone(),
            Options::default(),
            clock.clone(),
            closing.clone(),
        ));
        tokio::spawn(udp::simulate(socket, sim.clone(), clock, closing.clone()));
        Self {
            sim,
            port,
            closing,
            told: None,
            client: None,
        }
    }

    fn start(&mut self, mut client: Command) {
        let mut client = client
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the peers are installed");
        let stdout = client.stdout.take().expect("piped");
        self.told = Some(BufReader::new(stdout).lines());
        self.client = Some(client);
    }

    fn pyzk(&mut self, carrier: &str, key: u32) {
        let mut client = Command::new(peers().join("venv/bin/python"));
        client
            .arg(script("pyzk_client.py"))
            .args([&self.port.to_string(), carrier, &key.to_string()]);
        self.start(client);
    }

    fn zkteco_js(&mut self) {
        let mut client = Command::new("node");
        client.env("NODE_PATH", peers().join("node_modules"));
        client.arg(script("zkteco_js_client.js")).arg(self.port.to_string());
        self.start(client);
    }

    /// What the client tells next, which must be about `what`.
    async fn told(&mut self, what: &str) -> Value {
        let told = self.told.as_mut().expect("a client");
        let line = timeout(PATIENCE, told.next_line())
            .await
            .expect("in time")
            .expect("readable");
        let line = line.unwrap_or_else(|| panic!("the client ended before it told its {what}"));
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        told.get(what)
            .cloned()
            .unwrap_or_else(|| panic!("wanted {what}, got {line}"))
    }

    /// Somebody punches as soon as the client asked for events.
    async fn punch_when_it_listens(&mut self, who: &str) {
        let listening = async {
            while self.sim.commands().last() != Some(&Code::REG_EVENT) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, listening).await.expect("the client asks for events");
        punch(&self.sim, who);
    }

    async fn ends_well(mut self) {
        self.told("bye").await;
        let mut client = self.client.take().expect("a client");
        let ended = timeout(PATIENCE, client.wait())
            .await
            .expect("in time")
            .expect("an end");
        assert!(ended.success(), "{ended}");
        self.closing.cancel();
    }
}

fn punch(sim: &ZkSim, who: &str) {
    sim.punch(SimPunch {
        credential: who.to_owned(),
        factor: Factor::Fingerprint,
        direction: Direction::In,
        at: Clock::system().now(),
    });
}

fn peers() -> PathBuf {
    let installed = std::env::var_os("PUNCHGATE_PEERS").map(PathBuf::from);
    installed.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers")))
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers")).join(name)
}

/// The punches that the terminal holds, as pyzk tells them.
fn held(sim: &ZkSim) -> Vec<String> {
    let mut held: Vec<String> = sim
        .ledger()
        .issued
        .iter()
        .filter_map(|p| p.rsplit_once('|').map(|(p, _)| p.to_owned()))
        .collect();
    held.sort();
    held
}

async fn pyzk_reads(carrier: &str, knobs: Knobs, punches: usize) {
    let key = knobs.comm_key;
    let mut lab = Lab::new(knobs, punches).await;
    let held = held(&lab.sim);
    lab.pyzk(carrier, key);
    assert_eq!(lab.told("serial").await, "PGSIM00000042");
    assert_eq!(lab.told("platform").await, "ZMM220_TFT");
    assert!(lab.told("time").await.is_string());
    assert_eq!(lab.told("users").await.as_array().map(Vec::len), Some(punches.min(40)));
    assert_eq!(lab.told("punches").await, serde_json::json!(held));
    lab.punch_when_it_listens("7").await;
    assert_eq!(lab.told("live").await, "7");
    lab.ends_well().await;
}

#[tokio::test]
#[ignore = "needs tests/peers/install"]
async fn pyzk_reads_every_layout_it_knows_over_tcp_and_udp() {
    let layouts = [
        (Layout::Forty, 32),
        (Layout::Forty, 36),
        (Layout::Sixteen, 12),
        (Layout::EightA, 12),
    ];
    for (record, event) in layouts {
        for carrier in ["tcp", "udp"] {
            let knobs = Knobs {
                comm_key: 2468,
                record,
                event,
                user: if record == Layout::Forty {
                    UserLayout::Long
                } else {
                    UserLayout::Short
                },
                frame: if carrier == "udp" { 1024 } else { 65536 },
                ..Knobs::default()
            };
            pyzk_reads(carrier, knobs, 12).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs tests/peers/install"]
async fn pyzk_reads_five_thousand_punches() {
    for carrier in ["tcp", "udp"] {
        let frame = if carrier == "udp" { 1024 } else { 65536 };
        pyzk_reads(
            carrier,
            Knobs {
                comm_key: 2468,
                frame,
                ..Knobs::default()
            },
            5000,
        )
        .await;
    }
}

#[tokio::test]
#[ignore = "needs tests/peers/install"]
async fn pyzk_is_refused_with_a_wrong_key() {
    let mut lab = Lab::new(
        Knobs {
            comm_key: 2468,
            ..Knobs::default()
        },
        1,
    )
    .await;
    lab.pyzk("tcp", 1);
    let mut client = lab.client.take().expect("a client");
    let ended = timeout(PATIENCE, client.wait())
        .await
        .expect("in time")
        .expect("an end");
    assert!(!ended.success());
    assert!(lab.sim.ledger().acknowledged.is_empty());
}

#[tokio::test]
#[ignore = "needs tests/peers/install"]
async fn zkteco_js_reads_users_punches_and_a_live_event() {
    for punches in [12, 500] {
        // It takes one frame out of each read, so the frames must not come together.
        let pause = Duration::from_millis(20);
        let mut lab = Lab::new(
            Knobs {
                pause,
                ..Knobs::default()
            },
            punches,
        )
        .await;
        lab.zkteco_js();
        assert_eq!(lab.told("serial").await, "PGSIM00000042");
        assert_eq!(lab.told("sizes").await.get("logCounts"), Some(&punches.into()));
        assert_eq!(lab.told("users").await.as_array().map(Vec::len), Some(punches.min(40)));
        assert_eq!(lab.told("punches").await, punches);
        lab.told("first").await;
        lab.punch_when_it_listens("7").await;
        assert_eq!(lab.told("live").await, "7");
        lab.ends_well().await;
    }
}
