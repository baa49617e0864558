//! One bit of the journal is wrong, and the daemon's own reading of it: what comes out is what went in, or is told as lost.
//!
//! The long run: `FLIPS=20000 cargo nextest run -p punchgate --test damage --release --no-capture`.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use punchgate::decide::{Decider, ids::Ids};
use punchgate_journal::{Buffer, Entry, Gap, Journal, Options, Seq, sim::SimDisk};
use punchgate_model::{Credential, Factor, Reading, Timestamp};
use punchgate_upstream::EventKind;

const DIR: &str = "journal";
const PUNCHES: u64 = 30;

fn options() -> Options {
    Options {
        segment_bytes: 4096,
        ballast_bytes: 0,
        ..Options::new([7; 16])
    }
}

fn punch(n: u64) -> Entry {
    let at = Timestamp::from_millis(1_772_409_600_000 + i64::try_from(n).expect("small") * 3_600_000);
    let person = Credential::Person(format!("E{:03}", n % 7));
    Entry::Reading {
        device: "app".into(),
        epoch: 0,
        received_at: at,
        reading: Reading {
            external_id: Some(format!("punch-{n}")),
            ..Reading::new(person, Factor::Gps)
        },
    }
}

/// A closed journal, its files, and how long each is.
fn sound() -> (SimDisk, Vec<(std::path::PathBuf, usize)>) {
    let disk = SimDisk::new(1);
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), Path::new(DIR), options()).expect("opens");
    for n in 0..PUNCHES {
        journal.append(&[punch(n).to_payload()]).expect("stored");
    }
    let first = |kept: punchgate_journal::Kept| Path::new(DIR).join(format!("{:020}.pgj", kept.first));
    let paths: Vec<_> = journal.kept().into_iter().map(first).collect();
    drop(journal);
    let files = paths.into_iter().map(|path| {
        let length = disk.content(&path).expect("a file").len();
        (path, length)
    });
    (disk.clone(), files.collect())
}

/// What is told of each punch, by id; the gaps; and the last number.
fn told(disk: &SimDisk) -> (BTreeMap<String, String>, Vec<Gap>, Seq) {
    let (journal, opening) =
        Journal::open(Arc::new(disk.clone()), Path::new(DIR), options()).expect("it opens whatever the bytes");
    let buffer = Buffer::in_memory();
    let ids = Ids::open(buffer.clone()).expect("empty");
    let mut decider = Decider::new(buffer, ids).expect("empty");
    let page = journal.reader().after(0, 10_000, 1 << 26).expect("read");
    assert_eq!(page.gaps, opening.gaps, "reading and opening tell the same");
    for gap in &page.gaps {
        decider.cross(gap).expect("crossed");
    }
    assert_eq!(decider.epoch(), u32::try_from(page.gaps.len()).expect("few"));
    let mut punches = BTreeMap::new();
    for record in &page.records {
        let step = decider
            .step(record.seq, &Entry::from_payload(&record.payload))
            .expect("decided");
        for event in step.events.into_iter().filter(|event| event.kind == EventKind::Punch) {
            // The revision is a matter of the epoch.
            let mut data: serde_json::Value = serde_json::from_str(event.data.get()).expect("JSON");
            data.as_object_mut().expect("an object").remove("revision");
            assert!(punches.insert(event.id, data.to_string()).is_none(), "told twice");
        }
    }
    (punches, page.gaps, opening.tail)
}

#[test]
fn one_flipped_bit_costs_one_record_at_most_is_told_exactly_and_no_wrong_punch_is_sent() {
    let (disk, files) = sound();
    let (truth, gaps, tail) = told(&disk);
    assert_eq!((truth.len(), gaps.len(), tail), (PUNCHES as usize, 0, PUNCHES));
    assert!(files.len() >= 3, "several segments: {files:?}");
    let bytes: usize = files.iter().map(|(_, length)| length).sum();
    let flips: usize = std::env::var("FLIPS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(800);
    let mut lost = 0;
    for flip in 0..flips {
        // Every byte when there are as many flips, every bit with eight times as many; evenly spread otherwise.
        let place = if flips < bytes {
            flip * bytes / flips
        } else {
            flip % bytes
        };
        let bit = (place + flip / bytes) % 8;
        let mut at = place;
        let (path, _) = files
            .iter()
            .find(|(_, length)| {
                let here = at < *length;
                at -= if here { 0 } else { *length };
                here
            })
            .expect("a file");
        let wounded = disk.fork(1);
        wounded.meddle(path, |bytes| bytes[at] ^= 1 << bit);
        let (punches, gaps, tail) = told(&wounded);
        for (id, data) in &punches {
            assert_eq!(truth.get(id), Some(data), "a wrong punch: {path:?} byte {at} bit {bit}");
        }
        let missing: u64 = gaps.iter().filter_map(Gap::records).sum::<u64>() + (PUNCHES - tail);
        assert_eq!(
            punches.len() as u64 + missing,
            PUNCHES,
            "{path:?} byte {at} bit {bit}: {gaps:?}, tail {tail}"
        );
        assert!(missing <= 1, "one bit costs one record: {gaps:?}");
        lost += missing;
    }
    println!("{flips} bits flipped in {bytes} bytes: {lost} records lost and told, 0 wrong, 0 unopenable");
}
