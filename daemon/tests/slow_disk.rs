//! A disk that is slow or fails once: what was heard keeps its time, and what a start writes is in force.

use std::{path::Path, sync::Arc, time::Duration};

use punchgate::{
    board::Board,
    contact::Contacts,
    decide::{
        ids::Ids,
        settings::{DeviceSettings, Settings},
    },
    deciding::Progress,
    epochs::Epochs,
    held::Held,
    intake::{Desk, Tray},
    notebook::Notebook,
    our_clock::OurClock,
    run::note_opening,
    store::keeper::Keeper,
};
use punchgate_journal::{Buffer, Entry, Journal, Options, sim::SimDisk};
use punchgate_kit::{Clock, Intake, Remark, rehearse::opening_time};
use punchgate_model::{Credential, DeviceTime, Factor, Reading, Timestamp};
use punchgate_rules::ClockMode;
use tokio::sync::{mpsc, watch};

fn journal(disk: &SimDisk) -> Journal {
    let opened = Journal::open(Arc::new(disk.clone()), Path::new("state"), Options::new([7; 16]));
    opened.expect("a journal").0
}

fn entries(journal: &Journal) -> Vec<Entry> {
    let page = journal.reader().after(0, 100, 1 << 20).expect("read");
    page.records
        .iter()
        .map(|record| Entry::from_payload(&record.payload))
        .collect()
}

fn a_terminal_in_utc() -> Settings {
    let device = DeviceSettings {
        timezone: Some("UTC".to_owned()),
        zone: None,
        clock: ClockMode::Correct,
        not_before: Timestamp::MIN,
        max_future_ms: 120_000,
        keeps_log: true,
    };
    Settings {
        devices: [("gate".to_owned(), device)].into(),
        ..Settings::default()
    }
}

/// The intake of one terminal on a disk.
fn intake(disk: &SimDisk) -> (Desk, Tray, Intake) {
    let clock = Clock::starting_at(opening_time());
    let (deliveries, arriving) = mpsc::channel(16);
    let (_, notes) = Notebook::new();
    let (_, settings) = watch::channel(a_terminal_in_utc());
    let buffer = Buffer::in_memory();
    let ids = Ids::open(buffer.clone()).expect("empty");
    let desk = Desk {
        keeper: Keeper::of(buffer.clone(), ids.clone()),
        journal: journal(disk),
        held: Arc::new(Held::new(buffer, ids)),
        board: Arc::new(Board::new(clock.clone())),
        clock,
        tail: watch::channel(0).0,
        contacts: Contacts::new(settings),
        epochs: Epochs::default(),
        ours: OurClock::default(),
        progress: watch::channel(Progress::default()).1,
        begun_at: 0,
        owed: Vec::new(),
    };
    (desk, Tray::new(arriving, notes), Intake::new("gate".into(), deliveries))
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_slow_disk_keeps_the_time_at_which_it_was_heard() {
    let (mut desk, mut tray, intake) = intake(&SimDisk::new(1));
    let said = async {
        // Its clock is right: what it shows is what ours shows.
        let (shows, round_trip) = (DeviceTime::from_numbers(2026, 3, 2, 0, 0, 0), Duration::from_millis(40));
        intake.remark(Remark::Clock { shows, round_trip }).await;
        let reading = Reading::new(Credential::Enrol("1001".to_owned()), Factor::Card);
        let stored = intake.report(vec![reading]).await.expect("stored");
        assert_eq!(stored.fresh(), 1);
    };
    let stored = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(tray.fill().await);
        desk.clear(&mut tray);
    };
    tokio::join!(said, stored);
    let (mut measured, mut heard) = (None, None);
    for entry in entries(&desk.journal) {
        match entry {
            Entry::Contact { clock: Some(clock), .. } => measured = Some(clock.offset_ms),
            Entry::Reading { received_at, .. } => heard = Some(received_at),
            _ => {}
        }
    }
    assert_eq!((measured, heard), (Some(0), Some(opening_time())));
}

#[test]
fn what_a_start_writes_survives_a_sync_that_fails_once() {
    let disk = SimDisk::new(1);
    let mut journal = journal(&disk);
    let started = Entry::Started {
        at: opening_time(),
        version: "test".to_owned(),
    };
    disk.fail_sync_at(disk.syncs());
    note_opening(&mut journal, std::slice::from_ref(&started)).expect("the second attempt");
    assert_eq!(entries(&journal), [started]);
}

#[tokio::test(start_paused = true)]
async fn what_a_full_disk_did_not_take_at_the_start_goes_before_the_first_punch() {
    let disk = SimDisk::new(1);
    let (mut desk, mut tray, intake) = intake(&disk);
    let started = Entry::Started {
        at: opening_time(),
        version: "test".to_owned(),
    };
    disk.full_at_writes(disk.writes(), 1);
    let owed = note_opening(&mut desk.journal, std::slice::from_ref(&started)).expect_err("no room");
    desk.owed = owed.payloads;
    let reported = async {
        let reading = Reading::new(Credential::Enrol("1001".to_owned()), Factor::Card);
        assert_eq!(intake.report(vec![reading]).await.expect("stored").fresh(), 1);
    };
    let stored = async {
        assert!(tray.fill().await);
        desk.clear(&mut tray);
    };
    tokio::join!(reported, stored);
    let kinds: Vec<_> = entries(&desk.journal).iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["started", "reading"]);
}
