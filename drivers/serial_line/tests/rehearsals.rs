//! Driver and simulated clock in one room, under one clock.

use std::time::Duration;

use bytes::Bytes;
use jiff::tz::TimeZone;
use punchgate_kit::{
    Carrier, Clock, Command, Delivery, Driver, Fault, Heard, Intake, NotStored, Receipt, Remark, Session, SimPunch,
    Simulator, StreamDriver, Wire, Wish,
    intake::Deliverable,
    rehearse::{Desk, opening_time, rehearse},
};
use punchgate_model::{Direction, Factor, Precision};
use punchgate_serial_line::{
    Acknowledge, Options, Record, SerialLine, Word,
    simulator::{Knobs, TextClock},
};
use punchgate_transports::{Orders, stream};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const LONG: Duration = Duration::from_secs(700);

fn options(toml: &str) -> Options {
    toml::from_str(toml).unwrap_or_else(|why| panic!("{why}"))
}

fn punch(credential: &str, minute: u64) -> SimPunch {
    SimPunch {
        credential: credential.to_owned(),
        factor: Factor::Card,
        direction: Direction::In,
        at: opening_time().plus(Duration::from_secs(8 * 3600 + minute * 60)),
    }
}

/// Lets both talk for a good while of virtual time.
async fn talk(clock: &TextClock, desk: &Desk, options: Options) {
    let (_orders, commands) = mpsc::channel(1);
    let talking = rehearse(clock, desk.intake("clock-1"), options, commands);
    let _ = timeout(LONG, talking).await;
}

fn numbers(desk: &Desk) -> Vec<String> {
    desk.look(|taken| {
        taken
            .readings
            .iter()
            .map(|r| r.credential.number().to_owned())
            .collect()
    })
}

fn events(desk: &Desk) -> Vec<String> {
    let name = |remark: &Remark| match remark {
        Remark::Event { name, .. } => Some(name.clone()),
        _ => None,
    };
    desk.look(|taken| taken.remarks.iter().filter_map(name).collect())
}

#[tokio::test(start_paused = true)]
async fn every_preset_prints_what_it_reads() {
    for (preset, credential, read) in [
        ("giga-tms-tr320", "0001234567", "0001234567"),
        ("tna2000", "0042", "42"),
        ("zk-punch-file", "8065", "8065"),
        ("opticon-opl97xx", "4006381333931", "4006381333931"),
        ("care-roster", "004517", "004517"),
        ("wiegand-hex6", "09E256", "09E256"),
        ("wiegand-dec10", "0000648790", "0000648790"),
        ("idteck-sr10", "0001234567", "0001234567"),
        ("twn3-hid", "1A808001C0", "1A808001C0"),
        ("twn3-inditag", "1122334455", "1122334455"),
        ("ibm-7525", "E001", "E001"),
    ] {
        let clock = TextClock::new(Knobs {
            preset: preset.to_owned(),
            ..Knobs::default()
        });
        let desk = Desk::default();
        let punches = async {
            // Later than the moment in which a first record could be the end of another.
            tokio::time::sleep(Duration::from_secs(10)).await;
            clock.punch(punch(credential, 0));
            clock.punch(punch(credential, 1));
        };
        let talking = talk(&clock, &desk, Options::preset(preset).expect("a preset"));
        tokio::join!(talking, punches);
        assert_eq!(numbers(&desk), [read, read], "{preset}");
        let issued = clock.ledger().issued;
        let printed: Vec<String> = desk.look(|taken| {
            let printed =
                |r: &punchgate_model::Reading| r.device_time.as_ref().map_or(String::new(), |t| t.printed.clone());
            taken
                .readings
                .iter()
                .map(|r| format!("{credential}|{}|card", printed(r)))
                .collect()
        });
        assert_eq!(issued, printed, "{preset}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_waits_hears_ack_only_when_the_disk_has_its_record() {
    for how in [Acknowledge::Ack, Acknowledge::ACr] {
        let clock = TextClock::new(Knobs {
            acknowledge: Some(how),
            ..Knobs::default()
        });
        let desk = Desk::default();
        desk.fail_with(Some(NotStored::DiskFull));
        clock.punch(punch("E001", 0));
        clock.punch(punch("E002", 1));
        let word = if how == Acknowledge::Ack { "ack" } else { "a-cr" };
        let options = options(&format!("acknowledge = \"{word}\""));
        talk(&clock, &desk, options.clone()).await;
        assert_eq!(clock.ledger().acknowledged, Vec::<String>::new());
        assert!(desk.look(|taken| taken.refused) > 100, "it repeats");
        desk.fail_with(None);
        talk(&clock, &desk, options).await;
        assert_eq!(clock.ledger().acknowledged, clock.ledger().issued);
        let mut numbers = numbers(&desk);
        numbers.dedup();
        assert_eq!(numbers, ["E001", "E002"]);
    }
}

/// An ACK names no record. Said late, once for each time the clock has repeated the first, it would be taken for an
/// answer to the second, which nobody has stored.
#[tokio::test(start_paused = true)]
async fn a_slow_disk_does_not_make_a_clock_forget_what_nobody_stored() {
    let clock = TextClock::new(Knobs {
        acknowledge: Some(Acknowledge::Ack),
        ..Knobs::default()
    });
    let (deliveries, mut arriving) = mpsc::channel::<Delivery>(64);
    let slow = tokio::spawn(async move {
        let mut stored: Vec<String> = Vec::new();
        while let Some(delivery) = arriving.recv().await {
            if let Deliverable::Readings { readings, answer, .. } = delivery.what {
                let number = readings
                    .first()
                    .map(|r| r.credential.number().to_owned())
                    .unwrap_or_default();
                // The second record finds the disk full, for ever.
                if number == "0002" {
                    answer.not_stored(NotStored::DiskFull);
                    continue;
                }
                tokio::time::sleep(Duration::from_secs(9_u64.saturating_sub(4 * stored.len() as u64))).await;
                stored.push(number);
                let receipt = Receipt {
                    id: "p".to_owned(),
                    duplicate: stored.len() > 1,
                };
                answer.stored(vec![receipt]);
            }
        }
    });
    let (_commanding, commands) = mpsc::channel(1);
    let intake = Intake::new("clock-1".into(), deliveries);
    let options = options("preset = \"giga-tms-tr320\"\nacknowledge = \"ack\"");
    let punches = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        clock.punch(punch("0001", 0));
        clock.punch(punch("0002", 1));
    };
    let talking = timeout(Duration::from_secs(120), rehearse(&clock, intake, options, commands));
    let (_, _) = tokio::join!(talking, punches);
    slow.abort();
    let acknowledged = clock.ledger().acknowledged;
    assert_eq!(acknowledged.len(), 1, "{acknowledged:?}");
    assert!(
        acknowledged.iter().all(|name| name.starts_with("0001|")),
        "{acknowledged:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_again_after_a_lost_ack_is_the_same_punch() {
    let clock = TextClock::new(Knobs {
        acknowledge: Some(Acknowledge::Ack),
        lose_ack_every: 2,
        ..Knobs::default()
    });
    let desk = Desk::default();
    for minute in 0..6 {
        clock.punch(punch("E001", minute));
    }
    talk(&clock, &desk, options("acknowledge = \"ack\"")).await;
    let ledger = clock.ledger();
    assert_eq!((ledger.issued.len(), &ledger.acknowledged), (6, &ledger.issued));
    let mut once: Vec<_> = desk.look(|taken| taken.readings.clone());
    assert!(once.len() > 6, "some came twice");
    once.dedup_by(|a, b| a == b);
    assert_eq!(once.len(), 6);
    assert!(once.iter().all(|reading| reading.occurrence == 0));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_record_is_asked_for_again() {
    let knobs = Knobs {
        preset: "idteck-sr10".to_owned(),
        acknowledge: Some(Acknowledge::Ack),
        damage_every: 2,
        ..Knobs::default()
    };
    let clock = TextClock::new(knobs);
    let desk = Desk::default();
    for minute in 0..6 {
        clock.punch(punch(&format!("000000000{minute}"), minute));
    }
    talk(
        &clock,
        &desk,
        options("preset = \"idteck-sr10\"\nacknowledge = \"ack\"\nnak = true"),
    )
    .await;
    assert_eq!(numbers(&desk).len(), 6);
    assert_eq!(clock.ledger().acknowledged, clock.ledger().issued);
    let garbled = desk.look(|t| t.remarks.iter().filter(|r| matches!(r, Remark::Garbled(_))).count());
    assert!(garbled >= 3);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_else_holds_is_offered_until_it_is_stored() {
    let clock = TextClock::new(Knobs::default());
    let desk = Desk::default();
    desk.fail_with(Some(NotStored::Busy));
    clock.punch(punch("E001", 0));
    let relief = async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(desk.look(|taken| taken.refused) >= 599);
        desk.fail_with(None);
    };
    tokio::join!(talk(&clock, &desk, Options::default()), relief);
    assert_eq!(numbers(&desk), ["E001"]);
    assert_eq!(
        clock.ledger().acknowledged,
        Vec::<String>::new(),
        "nobody told the clock anything"
    );
}

#[tokio::test(start_paused = true)]
async fn an_ibm_terminal_is_polled_and_drops_its_record_after_ack() {
    let clock = TextClock::new(Knobs {
        preset: "ibm-7525".to_owned(),
        ..Knobs::default()
    });
    let desk = Desk::default();
    for minute in 0..5 {
        clock.punch(punch(&format!("E00{minute}"), minute));
    }
    talk(&clock, &desk, Options::preset("ibm-7525").expect("a preset")).await;
    assert_eq!(numbers(&desk), ["E000", "E001", "E002", "E003", "E004"]);
    assert_eq!(clock.ledger().acknowledged, clock.ledger().issued);
}

#[tokio::test(start_paused = true)]
async fn times_without_year_are_resolved_where_the_clock_stands() {
    let clock = TextClock::new(Knobs {
        preset: "care-roster".to_owned(),
        ..Knobs::default()
    });
    let desk = Desk::default();
    let punches = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        clock.punch(punch("004517", 0));
    };
    tokio::join!(
        talk(&clock, &desk, Options::preset("care-roster").expect("a preset")),
        punches
    );
    let time = desk
        .look(|taken| taken.readings[0].device_time.clone())
        .expect("a time");
    assert_eq!(
        (time.printed.as_str(), time.precision),
        ("2026-03-02T08:00:00", Precision::Minute)
    );
}

#[tokio::test(start_paused = true)]
async fn odd_clocks_are_taken_at_their_word() {
    for (knobs, printed, real) in [
        (
            Knobs {
                year: Some(2000),
                ..Knobs::default()
            },
            "2000-03-02T08:00:00",
            true,
        ),
        (
            Knobs {
                year: Some(2099),
                ..Knobs::default()
            },
            "2099-03-02T08:00:00",
            true,
        ),
        (
            Knobs {
                clock_offset: -3600,
                ..Knobs::default()
            },
            "2026-03-02T07:00:00",
            true,
        ),
        (
            Knobs {
                timezone: "Asia/Shanghai".to_owned(),
                ..Knobs::default()
            },
            "2026-03-02T16:00:00",
            true,
        ),
        (
            Knobs {
                impossible_date: true,
                ..Knobs::default()
            },
            "2026-02-30T08:00:00",
            false,
        ),
    ] {
        let clock = TextClock::new(knobs);
        let desk = Desk::default();
        clock.punch(punch("E001", 0));
        talk(&clock, &desk, Options::default()).await;
        let time = desk
            .look(|taken| taken.readings[0].device_time.clone())
            .expect("a time");
        assert_eq!((time.printed.as_str(), time.civil.is_some()), (printed, real));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_takes_no_orders() {
    let clock = TextClock::new(Knobs::default());
    let desk = Desk::default();
    let (orders, commands) = mpsc::channel(1);
    let (answer, answered) = oneshot::channel();
    let asking = async move {
        orders
            .send(Command {
                wish: Wish::Pull,
                answer,
            })
            .await
            .expect("asked");
        answered.await.expect("answered")
    };
    let talking = rehearse(&clock, desk.intake("clock-1"), Options::default(), commands);
    tokio::select! {
        ended = talking => panic!("{ended:?}"),
        answer = asking => assert!(answer.is_err()),
    }
}

/// A driver on a link whose other end the test holds.
struct Wired {
    desk: Desk,
    device: DuplexStream,
    talking: tokio::task::JoinHandle<Result<(), Fault>>,
    closing: CancellationToken,
}

fn wired(options: Options) -> Wired {
    let (ours, device) = duplex(4096);
    let desk = Desk::default();
    let closing = CancellationToken::new();
    let intake: Intake = desk.intake("clock-1");
    let orders = Orders::closing(closing.clone());
    let (session, ends): (Session<Record, Word>, Heard<Record, Word>) =
        Session::with("a clock", Clock::starting_at(opening_time()));
    let talk = (session.in_zone(TimeZone::UTC), ends);
    let framer = SerialLine::framer(&options, Carrier::Serial);
    let talking =
        tokio::spawn(async move { stream::converse::<SerialLine>(ours, framer, talk, intake, options, orders).await });
    Wired {
        desk,
        device,
        talking,
        closing,
    }
}

impl Wired {
    async fn says(&mut self, bytes: &[u8]) {
        self.device.write_all(bytes).await.expect("written");
        // Virtual: lets the driver run until it waits.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const GIGA: &[u8] = b"1\t02-03-2026\t08:00:00\t'0001234567\t01\t0001\r\n";

#[tokio::test(start_paused = true)]
async fn a_line_captured_mid_record_at_open_is_no_punch_and_no_alarm() {
    for cut in 1..GIGA.len() - 2 {
        let mut wired = wired(Options::preset("giga-tms-tr320").expect("a preset"));
        wired.says(&[&GIGA[cut..], GIGA].concat()).await;
        assert_eq!(numbers(&wired.desk), ["0001234567"], "cut at {cut}");
        let alarms = wired
            .desk
            .look(|t| t.remarks.iter().filter(|r| matches!(r, Remark::Garbled(_))).count());
        assert_eq!(alarms, 0, "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_speaks_first_after_opening_loses_nothing() {
    let mut wired = wired(Options::default());
    wired.says(GIGA).await;
    assert_eq!(numbers(&wired.desk), ["0001234567"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_end_of_a_record_could_pass_for_a_whole_one_the_first_at_open_is_left_out() {
    let row = b"00451703020800\r\n";
    let mut wired = wired(Options::preset("care-roster").expect("a preset"));
    wired.says(&row[2..]).await;
    wired.says(row).await;
    assert_eq!(numbers(&wired.desk), ["004517"]);
    let mut later = self::wired(Options::preset("care-roster").expect("a preset"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    later.says(row).await;
    assert_eq!(numbers(&later.desk), ["004517"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_cut_anywhere_and_left_is_no_punch_and_the_next_is_read() {
    for cut in 1..GIGA.len() - 2 {
        let mut wired = wired(Options::preset("giga-tms-tr320").expect("a preset"));
        wired.says(&GIGA[..cut]).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(numbers(&wired.desk), Vec::<String>::new(), "cut at {cut}");
        wired.says(GIGA).await;
        assert_eq!(numbers(&wired.desk), ["0001234567"], "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_noisy_line_is_told_from_a_bad_record() {
    let mut wired = wired(Options::default());
    wired.says(GIGA).await;
    wired.says(b"READY\r\n").await;
    assert_eq!(events(&wired.desk), Vec::<String>::new());
    let garbage: Vec<u8> = (0..20_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for piece in garbage.chunks(512) {
        wired.says(piece).await;
    }
    assert_eq!(events(&wired.desk), ["line-noise"]);
    assert!(
        wired.desk.look(|t| t.remarks.len()) < 16,
        "noise must not flood whoever reads remarks"
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    wired.says(GIGA).await;
    assert_eq!(numbers(&wired.desk).last().map(String::as_str), Some("0001234567"));
}

#[tokio::test(start_paused = true)]
async fn a_hang_up_ends_the_conversation_with_a_fault_that_is_tried_again() {
    let mut wired = wired(Options::default());
    wired.says(GIGA).await;
    wired.says(&GIGA[..20]).await;
    drop(wired.device);
    let fault = wired.talking.await.expect("no panic").expect_err("a fault");
    assert_eq!(fault.recovery(), punchgate_kit::Recovery::Again);
    assert_eq!(numbers(&wired.desk), ["0001234567"]);
}

#[tokio::test(start_paused = true)]
async fn a_closing_gateway_ends_the_conversation_in_peace() {
    let wired = wired(Options::default());
    wired.closing.cancel();
    assert_eq!(wired.talking.await.expect("no panic"), Ok(()));
    drop(wired.device);
}

#[tokio::test(start_paused = true)]
async fn a_record_nobody_understands_is_not_acknowledged_and_said_to_be_stuck() {
    let mut wired = wired(options("preset = \"giga-tms-tr320\"\nacknowledge = \"ack\""));
    wired.says(GIGA).await;
    for _ in 0..5 {
        wired.says(b"1\tno date\t08:00:00\t'E001\t01\t0001\r\n").await;
    }
    assert_eq!(events(&wired.desk), ["record-stuck"]);
    let mut heard = [0; 16];
    let count = tokio::io::AsyncReadExt::read(&mut wired.device, &mut heard)
        .await
        .expect("read");
    assert_eq!(&heard[..count], b"\x06", "one for the good record");
}

#[tokio::test(start_paused = true)]
async fn an_ignored_record_is_no_punch_but_the_clock_may_go_on() {
    let mut wired = wired(options(
        "preset = \"giga-tms-tr320\"\nacknowledge = \"ack\"\nclean = { ignore = ['^READY'] }",
    ));
    wired.says(b"READY.\r\n").await;
    let mut heard = [0; 16];
    let count = tokio::io::AsyncReadExt::read(&mut wired.device, &mut heard)
        .await
        .expect("read");
    assert_eq!((&heard[..count], numbers(&wired.desk).len()), (&b"\x06"[..], 0));
}

#[tokio::test(start_paused = true)]
async fn an_echo_of_our_own_words_is_no_record() {
    let mut wired = wired(options(
        "preset = \"giga-tms-tr320\"\npoll = { say = \"GET\\r\", every = \"5s\", after_record = true }",
    ));
    wired.says(b"GET\r").await;
    wired.says(b"\x06\x15A\r").await;
    wired.says(GIGA).await;
    assert_eq!(numbers(&wired.desk), ["0001234567"]);
    assert_eq!(
        wired
            .desk
            .look(|t| t.remarks.iter().filter(|r| matches!(r, Remark::Garbled(_))).count()),
        0
    );
    let mut heard = [0; 64];
    let count = tokio::io::AsyncReadExt::read(&mut wired.device, &mut heard)
        .await
        .expect("read");
    assert_eq!(&heard[..count], b"GET\rGET\r", "at once, and again after the record");
}

#[tokio::test(start_paused = true)]
async fn split_noisy_and_truncating_clocks_are_understood_over_a_link() {
    let noisy = Knobs {
        noise: 12,
        split: 1,
        truncate_every: 3,
        ..Knobs::default()
    };
    let parity = Knobs {
        parity: true,
        split: 7,
        ..Knobs::default()
    };
    for (knobs, toml) in [(noisy, ""), (parity, "clean = { strip_parity = true }")] {
        let options = options(toml);
        let (ours, theirs) = duplex(256);
        let clock = TextClock::new(knobs);
        let desk = Desk::default();
        for minute in 0..9 {
            clock.punch(punch("0001234567", minute));
        }
        let time = Clock::starting_at(opening_time());
        let talk = Session::with("a clock", time.clone());
        let ours = stream::converse::<SerialLine>(
            ours,
            SerialLine::framer(&options, Carrier::Serial),
            talk,
            desk.intake("clock-1"),
            options.clone(),
            Orders::closing(CancellationToken::new()),
        );
        let orders = Orders::closing(CancellationToken::new());
        let framer = SerialLine::framer(&options, Carrier::Serial);
        let theirs = stream::behave(theirs, framer, &clock, "the gateway", time, orders);
        let _ = timeout(LONG, async { tokio::join!(ours, theirs) }).await;
        assert_eq!(numbers(&desk).len(), 9, "{toml}");
    }
}

#[test]
fn a_word_is_what_it_was_when_it_arrives() {
    for bytes in [&b"\x06"[..], b"A\r", b"\x15", b"\x02aa\x03"] {
        let word = Word::parse(&Bytes::copy_from_slice(bytes)).expect("a word");
        assert_eq!(word.render(), bytes);
    }
    assert_eq!(SerialLine::ABOUT.name, "serial_line");
}
