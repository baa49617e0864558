//! What a device reports together is one journal entry and is decided in one piece, with the same end as one by one.

use std::collections::BTreeMap;

use punchgate::decide::{Decider, ids::Ids};
use punchgate_journal::{Buffer, Entry};
use punchgate_model::{Credential, DeviceTime, Factor, Reading, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_772_412_300_000);

fn reading(n: u32) -> Reading {
    let mut reading = Reading::new(Credential::Person(format!("E00{}", n % 3)), Factor::Gps);
    let printed = format!("2026-03-02T08:{:02}:00+08:00", n % 60);
    reading.device_time = Some(DeviceTime::from_rfc3339(&printed).expect("an instant"));
    reading.external_id = Some(format!("x{n}"));
    reading
}

fn entry(readings: Vec<Reading>) -> Entry {
    Entry::Readings {
        device: "app".into(),
        epoch: 0,
        received_at: NOW,
        readings,
    }
}

/// The last word on each event, revisions aside, and how many words there were.
fn told(entries: &[Entry]) -> (BTreeMap<String, serde_json::Value>, usize) {
    let buffer = Buffer::in_memory();
    let ids = Ids::open(buffer.clone()).expect("an empty buffer");
    let mut decider = Decider::new(buffer, ids).expect("an empty buffer");
    let (mut last, mut words) = (BTreeMap::new(), 0);
    for (seq, entry) in (1..).zip(entries) {
        for event in decider.step(seq, entry).expect("decided").events {
            let mut data: serde_json::Value = serde_json::from_str(event.data.get()).expect("JSON");
            data.as_object_mut().expect("an object").remove("revision");
            last.insert(event.id.clone(), data);
            words += 1;
        }
    }
    // On the way one by one, records begin that later ones take over.
    last.retain(|_, data: &mut serde_json::Value| data["withdrawn"] != true);
    (last, words)
}

#[test]
fn a_batch_ends_as_its_readings_one_by_one_and_says_less_on_the_way() {
    let all: Vec<Reading> = (0..120).map(reading).collect();
    let (together, few) = told(&[entry(all.clone())]);
    let one_by_one: Vec<Entry> = all.into_iter().map(|reading| entry(vec![reading])).collect();
    let (apart, many) = told(&one_by_one);
    assert!(together == apart, "they differ");
    assert!(few < many, "{few} events together, {many} apart");
}

#[test]
fn a_punch_twice_in_a_batch_is_one() {
    let (last, words) = told(&[entry(vec![reading(1), reading(1), reading(1)])]);
    assert_eq!((last.len(), words), (2, 2), "a punch and its record: {last:?}");
}
