use std::sync::Arc;

use super::*;
use crate::{DiskStorage, Options, Payload, Position};

fn payload(n: u64) -> Payload {
    Payload {
        version: 1,
        bytes: format!("punch {n} of E{:03}", n % 7).into_bytes(),
    }
}

fn open(dir: &Path) -> (Journal, Opening) {
    let options = Options {
        segment_bytes: 1000,
        ballast_bytes: 0,
        ..Options::new([7; 16])
    };
    Journal::open(Arc::new(DiskStorage), dir, options).expect("opens")
}

#[test]
fn what_was_appended_is_read_after_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut journal, opening) = open(dir.path());
    assert_eq!((opening.tail, opening.first, opening.segments), (0, 1, 0));
    for n in (1..=100).step_by(2) {
        let stretch = journal.append(&[payload(n), payload(n + 1)]).expect("stored");
        assert_eq!(stretch, Stretch { first: n, last: n + 1 });
    }
    let mut reader = journal.reader();
    let page = reader.after(0, 1000, 1 << 20).expect("read");
    assert_eq!(page.records.len(), 100);
    assert!(page.gaps.is_empty());
    drop(journal);
    let (journal, opening) = open(dir.path());
    assert!(opening.is_clean(), "{opening:?}");
    assert_eq!((opening.tail, opening.records, opening.cut.clone()), (100, 100, None));
    let mut reader = journal.reader();
    let again = reader.after(0, 1000, 1 << 20).expect("read");
    assert_eq!(again, page);
    assert!(reader.fits(page.through).expect("read"));
    assert!(
        !reader
            .fits(Position {
                seq: 100,
                link: [1; 16]
            })
            .expect("read")
    );
    assert!(
        !reader
            .fits(Position {
                seq: 101,
                link: [0; 16]
            })
            .expect("read")
    );
    let mut seq = 0;
    let mut count = 0;
    loop {
        let page = reader.after(seq, 7, 60).expect("read");
        if page.through.seq == seq {
            break;
        }
        assert!(reader.clone().fits(page.through).expect("read"));
        count += page.records.len();
        seq = page.through.seq;
    }
    assert_eq!(count, 100);
}

#[test]
fn a_second_daemon_on_one_directory_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let (_first, _) = open(dir.path());
    let second = Journal::open(Arc::new(DiskStorage), dir.path(), Options::new([7; 16])).map(|_| ());
    let error = second.expect_err("locked");
    assert!(matches!(error, OpenError::Locked { .. }));
    assert!(error.to_string().contains("stop the other punchgate"), "{error}");
}

#[test]
fn lazy_records_wait_for_the_next_sync_and_keep_their_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut journal, _) = open(dir.path());
    journal.append_lazy(&[payload(1)]).expect("written");
    assert_eq!(journal.tail(), 0);
    journal.append(&[payload(2)]).expect("stored");
    assert_eq!(journal.tail(), 2);
    journal.append_lazy(&[payload(3)]).expect("written");
    journal.close().expect("synced");
    let (journal, opening) = open(dir.path());
    assert_eq!(opening.tail, 3);
    let page = journal.reader().after(0, 10, 1000).expect("read");
    assert_eq!(
        page.records.iter().map(|r| r.payload.clone()).collect::<Vec<_>>(),
        [payload(1), payload(2), payload(3)]
    );
}

#[test]
fn retention_removes_whole_segments_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut journal, _) = open(dir.path());
    for n in 1..=100 {
        journal.append(&[payload(n)]).expect("stored");
    }
    assert!(journal.remove_before(50).expect("removed") > 0);
    let first = journal.reader().first();
    assert!(first > 30 && first <= 50, "{first}");
    let page = journal.reader().after(0, 1000, 1 << 20).expect("read");
    assert_eq!(page.records.first().map(|r| r.seq), Some(first));
    assert_eq!(page.records.last().map(|r| r.seq), Some(100));
    assert!(page.gaps.is_empty());
    drop(journal);
    let (journal, opening) = open(dir.path());
    assert!(opening.is_clean());
    assert_eq!((opening.first, journal.tail()), (first, 100));
}
