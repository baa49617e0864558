//! Driver and simulated terminal over real sockets on the loopback, as the daemon and the lab connect them.

use std::{sync::Arc, time::Duration};

use punchgate_kit::{Carrier, Clock, Driver, Fault, Session, SimPunch, Simulator, StreamDriver, rehearse::Desk};
use punchgate_model::{Direction, Factor, Origin};
use punchgate_transports::{Orders, stream, tcp, udp};
use punchgate_zk_tcp::{Knobs, Options, ZkSim, ZkTcp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::{TcpListener, UdpSocket},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(8);

fn terminal(punches: usize) -> Arc<ZkSim> {
    let knobs = Knobs {
        comm_key: 2468,
        frame: 1008,
        ..Knobs::default()
    };
    let sim = Arc::new(ZkSim::new(knobs));
    (0..punches).for_each(|n| punch(&sim, n));
    sim
}

fn punch(sim: &ZkSim, n: usize) {
    sim.punch(SimPunch {
        credential: format!("{n:04}"),
        factor: Factor::Fingerprint,
        direction: Direction::In,
        at: Clock::system().now(),
    });
}

fn options() -> Options {
    serde_json::from_value(serde_json::json!({"comm_key": "2468"})).expect("options")
}

/// Waits until the log is on the desk, punches once more, waits for that, and closes.
async fn story(sim: &ZkSim, desk: &Desk, closing: &CancellationToken) {
    while desk.look(|taken| taken.readings.len()) < 300 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    punch(sim, 9999);
    while sim.ledger().acknowledged.len() < 301 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    closing.cancel();
    let live = desk.look(|taken| {
        taken
            .readings
            .iter()
            .filter(|reading| reading.origin == Origin::Live)
            .count()
    });
    assert_eq!(live, 1);
}

async fn meet(
    sim: Arc<ZkSim>,
    talking: impl Future<Output = Result<(), Fault>>,
    desk: Desk,
    closing: CancellationToken,
) {
    let both = async { tokio::join!(talking, story(&sim, &desk, &closing)).0 };
    timeout(PATIENCE, both).await.expect("in time").expect("a clean end");
}

#[tokio::test]
async fn over_tcp_log_and_events_arrive_and_are_acknowledged() {
    let (sim, desk, closing) = (terminal(300), Desk::default(), CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let clock = Clock::system();
    tokio::spawn(tcp::simulate(
        listener,
        sim.clone(),
        options(),
        clock.clone(),
        CancellationToken::new(),
    ));
    let link = tcp::dial(&address).await.expect("reached");
    let talk = Session::with(address, clock);
    let framer = ZkTcp::framer(&options(), Carrier::Tcp);
    let orders = Orders::closing(closing.clone());
    let talking = stream::converse::<ZkTcp>(link, framer, talk, desk.intake("gate-1"), options(), orders);
    meet(sim, talking, desk.clone(), closing).await;
}

#[tokio::test]
async fn over_udp_log_and_events_arrive_and_are_acknowledged() {
    let (sim, desk, closing) = (terminal(300), Desk::default(), CancellationToken::new());
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    let clock = Clock::system();
    tokio::spawn(udp::simulate(
        socket,
        sim.clone(),
        clock.clone(),
        CancellationToken::new(),
    ));
    let link = udp::dial(&address).await.expect("a socket");
    let talk = Session::with(address, clock);
    let orders = Orders::closing(closing.clone());
    let talking = udp::converse::<ZkTcp>(&link, talk, desk.intake("gate-1"), options(), orders);
    meet(sim, talking, desk.clone(), closing).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_arrive_one_by_one_make_the_same_conversation() {
    let (sim, desk, closing) = (terminal(300), Desk::default(), CancellationToken::new());
    let clock = Clock::system();
    let ((ours, mut near), (mut far, theirs)) = (duplex(1), duplex(1));
    tokio::spawn(async move { tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, 1, 1).await });
    let device = sim.clone();
    let framer = ZkTcp::framer(&options(), Carrier::Tcp);
    let simulated_clock = clock.clone();
    tokio::spawn(async move {
        let orders = Orders::closing(CancellationToken::new());
        stream::behave(theirs, framer, &*device, "the gateway", simulated_clock, orders).await;
    });
    let talk = Session::with("the terminal", clock);
    let orders = Orders::closing(closing.clone());
    let talking = stream::converse::<ZkTcp>(ours, framer, talk, desk.intake("gate-1"), options(), orders);
    meet(sim, talking, desk.clone(), closing).await;
}

#[tokio::test(start_paused = true)]
async fn something_else_that_listens_there_is_named_and_not_spoken_to() {
    let (ours, mut other) = duplex(1024);
    tokio::spawn(async move {
        let mut request = [0; 16];
        let _ = other.read_exact(&mut request).await;
        let _ = other.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    let desk = Desk::default();
    let talk = Session::with("the terminal", Clock::system());
    let framer = ZkTcp::framer(&options(), Carrier::Tcp);
    let orders = Orders::closing(CancellationToken::new());
    let ended = stream::converse::<ZkTcp>(ours, framer, talk, desk.intake("gate-1"), options(), orders).await;
    let fault = ended.expect_err("no terminal");
    assert!(matches!(fault, Fault::Confused(_)), "{fault}");
    assert!(fault.to_string().contains("5050827d"), "{fault}");
    assert_eq!(ZkTcp::ABOUT.name, "zk_tcp");
}
