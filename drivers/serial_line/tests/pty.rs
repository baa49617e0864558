//! The driver on a real port (a pseudo terminal), the simulated clock at the other end.

use std::{path::Path, sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use punchgate_kit::{Carrier, Clock, Fault, Session, SimPunch, Simulator, StreamDriver, rehearse::Desk};
use punchgate_model::{Direction, Factor};
use punchgate_serial_line::{
    Acknowledge, Options, SerialLine,
    simulator::{Knobs, TextClock},
};
use punchgate_transports::{
    Orders,
    pty::Pty,
    serial::{self, Line},
    stream,
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(8);

async fn converse(port: &Path, desk: &Desk, options: &Options) -> Result<(), Fault> {
    let link = serial::open(&port.to_string_lossy(), &Line::default())?;
    let (session, ends) = Session::with("clock-1", Clock::system());
    let framer = SerialLine::framer(options, Carrier::Serial);
    let orders = Orders::closing(CancellationToken::new());
    let talk = (session.in_zone(TimeZone::UTC), ends);
    stream::converse::<SerialLine>(link, framer, talk, desk.intake("clock-1"), options.clone(), orders).await
}

fn punch(clock: &TextClock, number: u32) {
    clock.punch(SimPunch {
        credential: format!("{number:010}"),
        factor: Factor::Card,
        direction: Direction::In,
        at: Clock::system().now(),
    });
}

async fn until(what: &str, met: impl Fn() -> bool) {
    let waiting = async {
        while !met() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

#[tokio::test]
async fn a_gateway_is_stopped_and_started_and_every_record_is_acknowledged() {
    let room = tempfile::tempdir().expect("a directory");
    let port = room.path().join("clock");
    let options: Options = toml::from_str("acknowledge = \"ack\"").expect("options");
    let repeat_after = Duration::from_millis(200);
    let clock = Arc::new(TextClock::new(Knobs {
        acknowledge: Some(Acknowledge::Ack),
        repeat_after,
        ..Knobs::default()
    }));
    let closing = CancellationToken::new();
    let pty = Pty::open(&port).expect("a terminal");
    let simulating = tokio::spawn(serial::simulate(
        pty,
        clock.clone(),
        options.clone(),
        Clock::system(),
        closing.clone(),
    ));
    let desk = Desk::default();
    for round in 1..=3_u32 {
        punch(&clock, round);
        let met = || clock.ledger().acknowledged.len() == round as usize;
        tokio::select! {
            ended = converse(&port, &desk, &options) => panic!("{ended:?}"),
            () = until("the record is acknowledged", met) => {}
        }
        // The gateway is gone; what is punched now waits in the clock.
    }
    assert_eq!(clock.ledger().acknowledged, clock.ledger().issued);
    let mut numbers: Vec<String> = desk.look(|taken| {
        taken
            .readings
            .iter()
            .map(|r| r.credential.number().to_owned())
            .collect()
    });
    numbers.dedup();
    assert_eq!(numbers, ["0000000001", "0000000002", "0000000003"]);
    closing.cancel();
    simulating.await.expect("no panic").expect("no error");
    assert!(!port.exists());
}

#[tokio::test]
async fn a_clock_that_is_unplugged_ends_the_conversation_at_once() {
    let room = tempfile::tempdir().expect("a directory");
    let port = room.path().join("clock");
    let pty = Pty::open(&port).expect("a terminal");
    let (desk, options) = (Desk::default(), Options::default());
    let unplugging = async {
        sleep(Duration::from_millis(50)).await;
        drop(pty);
    };
    let (ended, ()) = timeout(Duration::from_secs(1), async {
        tokio::join!(converse(&port, &desk, &options), unplugging)
    })
    .await
    .expect("within a second");
    assert!(matches!(ended, Err(Fault::Unheard(_))), "{ended:?}");
    assert!(matches!(
        converse(&port, &desk, &options).await,
        Err(Fault::Unreachable { .. })
    ));
}
