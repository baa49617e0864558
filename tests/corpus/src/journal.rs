//! The journal's bytes: segments, and the entries in them.

use std::{path::Path, sync::Arc};

use punchgate_journal::{Entry, Journal, Options, Payload, Storage, sim::SimDisk, verify};

const DIR: &str = "journal";
const SEGMENT: &str = "journal/00000000000000000001.pgj";
const RECORDS: u64 = 8;

/// One entry: it reads back equal, and what is not understood comes out as it went in.
///
/// # Panics
/// When a law is broken.
pub fn journal_entry(bytes: &[u8]) {
    for version in [Entry::VERSION, 2] {
        let payload = Payload {
            version,
            bytes: bytes.to_vec(),
        };
        let entry = Entry::from_payload(&payload);
        let written = entry.to_payload();
        if let Entry::Unknown(_) = entry {
            assert_eq!(written, payload, "an unknown entry was changed");
        }
        assert_eq!(Entry::from_payload(&written), entry, "of kind {}", entry.kind());
    }
}

/// A value of the buffer: a leaf, a marker, or what deciding keeps there. It is read or refused, and written again the same.
///
/// # Panics
/// When a law is broken.
pub fn buffer(bytes: &[u8]) {
    assert_eq!(punchgate_journal::read_any_buffer(bytes), Ok(()));
    assert_eq!(punchgate::decide::read_any(bytes), Ok(()));
}

/// A segment of eight records, as an undamaged journal holds it.
pub fn sample_segment() -> Vec<u8> {
    let disk = SimDisk::new(1);
    let (mut journal, _) =
        Journal::open(Arc::new(disk.clone()), Path::new(DIR), options()).expect("an empty disk opens");
    for n in 1..=RECORDS {
        journal
            .append(&[payload(n)])
            .expect("an empty disk takes eight records");
    }
    drop(journal);
    disk.content(Path::new(SEGMENT)).expect("the first segment")
}

fn payload(n: u64) -> Payload {
    Payload {
        version: 1,
        bytes: format!("punch {n} of E{:03}", n % 3).into_bytes(),
    }
}

fn options() -> Options {
    Options {
        segment_bytes: 4096,
        ballast_bytes: 0,
        ..Options::new([7; 16])
    }
}

/// A segment. When the first byte is even, the rest is the file; else the rest are wounds to [`sample_segment`], three bytes
/// each: where (u16, little-endian) and what to change there, the place beyond the end meaning a cut.
///
/// It opens or is refused, verifying survives it, every record that comes out is one that went in, what is appended
/// is read back, and opening again finds the same.
///
/// # Panics
/// When a law is broken.
pub fn journal_segment(bytes: &[u8]) {
    let Some((mode, rest)) = bytes.split_first() else {
        return;
    };
    let file = if mode % 2 == 0 { rest.to_vec() } else { wounded(rest) };
    let disk = SimDisk::new(1);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let open = || Journal::open(Arc::clone(&storage), Path::new(DIR), options());
    if disk.create(Path::new(SEGMENT)).is_err() {
        return;
    }
    disk.place(Path::new(SEGMENT), &file);
    // It may count fewer records than opening finds: it knows no identity but the one in the headers.
    drop(verify(&*storage, Path::new(DIR)));
    let Ok((mut journal, opening)) = open() else { return };
    let found = read(&journal);
    assert_eq!(journal.tail(), opening.tail);
    if mode % 2 == 1 {
        for (seq, read) in &found {
            assert_eq!(*read, payload(*seq), "a wrong record {seq}");
        }
    }
    // Every start writes something first: where records were lost, that keeps their numbers from being given again.
    let stored = journal
        .append(&[payload(99)])
        .expect("an opened journal takes a record");
    assert!(stored.first > opening.tail, "a number given twice");
    let all = read(&journal);
    assert_eq!(all.last(), Some(&(stored.first, payload(99))));
    assert_eq!(all.len(), found.len() + 1, "appending lost something");
    drop(journal);
    let (journal, again) = open().expect("what opened once opens again");
    assert_eq!(again.tail, stored.first, "another end at the second opening");
    assert_eq!(read(&journal), all, "other records at the second opening");
}

fn wounded(wounds: &[u8]) -> Vec<u8> {
    let mut file = sample_segment();
    for wound in wounds.chunks_exact(3) {
        let [low, high, change] = wound else { continue };
        let at = usize::from(u16::from_le_bytes([*low, *high]));
        match file.get_mut(at) {
            Some(byte) => *byte ^= change,
            None => file.truncate(at % (file.len() + 1)),
        }
    }
    file
}

fn read(journal: &Journal) -> Vec<(u64, Payload)> {
    let mut reader = journal.reader();
    let page = reader.after(0, 10_000, 1 << 26).expect("a simulated disk reads");
    let records: Vec<_> = page
        .records
        .into_iter()
        .map(|record| (record.seq, record.payload))
        .collect();
    assert!(records.is_sorted_by(|a, b| a.0 < b.0), "numbers out of order");
    records
}
