use proptest::prelude::*;

use super::*;

const TREE: &str = "t";

fn at(seq: u64) -> Position {
    Position { seq, link: [3; 16] }
}

fn put(buffer: &Buffer, n: u64) {
    let mut changes = Changes::default();
    changes.insert(TREE, n.to_be_bytes(), format!("value {n}"));
    buffer.apply(changes, at(n)).expect("applied");
}

fn open(dir: &Path) -> (Buffer, BufferOpening) {
    Buffer::open(
        dir,
        BufferOptions {
            write_back_bytes: 500,
            ..BufferOptions::default()
        },
        |_| true,
    )
}

/// A closed store with 100 pairs.
fn closed(dir: &Path) {
    let (buffer, opening) = open(dir);
    assert!(opening.memory_only.is_none(), "{opening:?}");
    (1..=100).for_each(|n| put(&buffer, n));
    buffer.close().expect("closed");
}

#[test]
fn a_store_closed_in_order_goes_on_where_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    closed(&path);
    let (buffer, opening) = open(&path);
    assert_eq!((opening.fresh, opening.position), (false, at(100)));
    let value = buffer.get(TREE, &7u64.to_be_bytes()).expect("read");
    assert_eq!(value.as_deref(), Some(&b"value 7"[..]));
}

#[test]
fn a_store_that_was_not_closed_is_put_aside_and_only_one_is_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    closed(&path);
    for round in 1..=3 {
        let (buffer, opening) = open(&path);
        assert_eq!(opening.fresh, round > 1);
        put(&buffer, 5);
        drop(buffer);
    }
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .expect("listed")
        .flatten()
        .map(|e| e.file_name().into_string())
        .collect();
    names.sort();
    assert_eq!(names, [Ok("buffer".to_owned()), Ok("buffer.aside-2".to_owned())]);
}

#[test]
fn a_position_that_is_not_on_the_journal_leads_to_a_rebuild() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    closed(&path);
    let (_, opening) = Buffer::open(&path, BufferOptions::default(), |position| position.seq <= 99);
    assert!(opening.fresh);
    assert_eq!(
        opening.why.as_deref(),
        Some("it has applied record 100, which this journal does not have")
    );
}

#[test]
fn a_deleted_or_half_deleted_store_is_made_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    for victim in ["sled/db", "sled", "clean", ""] {
        closed(&path);
        let victim = path.join(victim);
        if victim.is_dir() {
            std::fs::remove_dir_all(&victim).expect("removed");
        } else {
            std::fs::remove_file(&victim).expect("removed");
        }
        let (buffer, opening) = open(&path);
        assert!(opening.fresh, "{victim:?} {opening:?}");
        assert_eq!(buffer.get(TREE, &7u64.to_be_bytes()).expect("read"), None);
        drop(buffer);
        std::fs::remove_dir_all(&path).expect("removed");
    }
}

#[test]
fn a_store_full_of_rubbish_never_stops_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    for (file, at_byte) in [("conf", 3), ("db", 10), ("db", 4000), ("db", 0)] {
        closed(&path);
        let victim = path.join("sled").join(file);
        let mut bytes = std::fs::read(&victim).expect("read");
        bytes.iter_mut().skip(at_byte).step_by(37).for_each(|b| *b ^= 0xFF);
        std::fs::write(&victim, bytes).expect("written");
        let (buffer, opening) = open(&path);
        // Either it noticed, or what it says is what was stored.
        for n in 1..=100u64 {
            if let Ok(Some(value)) = buffer.get(TREE, &n.to_be_bytes()) {
                assert_eq!(value, format!("value {n}").into_bytes(), "{file} {at_byte} {opening:?}");
            }
        }
        drop(buffer);
        std::fs::remove_dir_all(&path).expect("removed");
    }
}

/// Every file of a store, and every byte of those that are short; of sled's long ones, which are mostly zeros, every byte
/// that is none and the others a few steps apart.
fn wounds(path: &Path, step: usize) -> Vec<(PathBuf, usize)> {
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("read");
            let told = bytes
                .iter()
                .enumerate()
                .filter(|(at, byte)| **byte != 0 || at % step == 0 || bytes.len() < 4096);
            found.extend(told.map(|(at, _)| (path.clone(), at)));
        }
    }
    found
}

fn flip(path: &Path, at: usize, bit: usize) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("opened");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).expect("read");
    file.write_all_at(&[byte[0] ^ (1 << bit)], at as u64).expect("written");
}

/// Flips a bit in every byte of a closed store, one at a time: none of them is trusted.
fn none_is_trusted(step: usize) -> usize {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    closed(&path);
    assert!(place::check(&path, BufferOptions::default()).is_ok());
    let wounds = wounds(&path, step);
    for (file, at) in &wounds {
        flip(file, *at, at % 8);
        let why = place::check(&path, BufferOptions::default()).expect_err("a flipped bit is trusted");
        assert!(
            why.contains("is not as it was") || why.contains("marker"),
            "{file:?} {at}: {why}"
        );
        flip(file, *at, at % 8);
    }
    assert!(
        place::check(&path, BufferOptions::default()).is_ok(),
        "all is as it was"
    );
    wounds.len()
}

#[test]
fn one_flipped_bit_anywhere_in_the_store_and_it_is_put_aside() {
    let flips = none_is_trusted(997);
    assert!(flips > 1_000, "{flips}");
}

/// The long run: `FLIPS=20000 cargo nextest run -p punchgate-journal --run-ignored only in_every_byte_of_the_store`.
#[test]
#[ignore = "slow: minutes"]
fn one_flipped_bit_in_every_byte_of_the_store_and_it_is_put_aside() {
    let flips: usize = std::env::var("FLIPS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let tried = none_is_trusted((524_288 / flips).max(1));
    println!("{tried} bits flipped in the store, 0 trusted");
}

#[test]
fn a_store_that_is_damaged_while_it_is_open_gives_an_error_and_never_a_wrong_value() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    let (buffer, _) = open(&path);
    (1..=100).for_each(|n| put(&buffer, n));
    buffer.write_back().expect("written");
    let inner = buffer.inner.read().expect("a lock");
    let Shelf::Sled(shelf) = &inner.shelf else {
        panic!("on the disk")
    };
    let spoilt = shelf.spoil(TREE);
    assert!(spoilt > 0);
    drop(inner);
    let wrong = (1..=100u64).filter_map(|n| buffer.get(TREE, &n.to_be_bytes()).err());
    assert!(
        wrong
            .inspect(|error| assert!(error.to_string().contains("wrong checksum")))
            .count()
            > 0
    );
    assert!(buffer.range(TREE, Bound::Unbounded, Bound::Unbounded, 200).is_err());
}

#[test]
fn a_store_that_is_given_up_goes_on_empty_in_memory_and_is_not_trusted_afterwards() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    let (buffer, _) = open(&path);
    put(&buffer, 1);
    let other = buffer.clone();
    buffer.retreat();
    assert!(!other.is_on_disk());
    assert_eq!(
        (other.position(), other.get(TREE, &1u64.to_be_bytes()).expect("read")),
        (Position::START, None)
    );
    put(&other, 2);
    other.close().expect("nothing to close");
    assert!(open(&path).1.fresh);
}

#[test]
fn a_half_written_snapshot_left_behind_and_a_panic_in_opening_lead_to_a_fresh_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    closed(&path);
    std::fs::write(path.join("sled/snap.0000000000000F00.generating"), b"half").expect("written");
    let (buffer, opening) = open(&path);
    assert!(opening.fresh, "{opening:?}");
    assert_eq!(
        opening.why.as_deref(),
        Some("its file snap.0000000000000F00.generating is not as it was when the store was closed")
    );
    buffer.close().expect("closed");
    *shelf::PANIC.lock().expect("a lock") = Some(path.join("sled"));
    let (buffer, opening) = open(&path);
    assert!(opening.fresh && opening.memory_only.is_none(), "{opening:?}");
    assert!(
        opening
            .why
            .as_deref()
            .is_some_and(|why| why.contains("sled panicked: planted in open")),
        "{opening:?}"
    );
    put(&buffer, 1);
}

#[test]
fn a_store_of_another_format_is_put_aside_and_says_which() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    closed(&path);
    let newer = BufferOptions {
        contents: 7,
        ..BufferOptions::default()
    };
    let (_, opening) = Buffer::open(&path, newer, |_| true);
    assert_eq!(
        opening.why.as_deref(),
        Some("it has format 2.0, this program keeps 2.7")
    );
    assert!(opening.fresh && opening.set_aside.is_some());
    // The first format had no name: a position and its checksum.
    closed(&path);
    let mut old = shelf::encode(at(100));
    old.extend_from_slice(&crc32c::crc32c(&old).to_le_bytes());
    std::fs::write(path.join("clean"), old).expect("written");
    let (_, opening) = open(&path);
    assert_eq!(
        opening.why.as_deref(),
        Some("it is of an older format, this program keeps 2.0")
    );
}

#[test]
fn a_file_in_the_stores_place_is_put_aside() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("buffer");
    std::fs::write(&path, b"not a store").expect("written");
    let (buffer, opening) = open(&path);
    assert!(opening.fresh && opening.memory_only.is_none(), "{opening:?}");
    put(&buffer, 1);
}

#[test]
fn where_no_store_can_be_made_memory_serves() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("file"), b"").expect("written");
    let (buffer, opening) = open(&dir.path().join("file/buffer"));
    assert!(opening.fresh && opening.memory_only.is_some(), "{opening:?}");
    put(&buffer, 1);
    assert_eq!(
        buffer.get(TREE, &1u64.to_be_bytes()).expect("read").as_deref(),
        Some(&b"value 1"[..])
    );
    buffer.close().expect("closed");
}

#[derive(Debug, Clone)]
enum Act {
    Insert(u8, u8),
    Remove(u8),
    WriteBack,
    Range(u8, u8, usize, bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0u8..40, any::<u8>()).prop_map(|(k, v)| Act::Insert(k, v)),
        2 => (0u8..40).prop_map(Act::Remove),
        1 => Just(Act::WriteBack),
        3 => (0u8..40, 0u8..40, 0usize..8, any::<bool>()).prop_map(|(a, b, n, back)| Act::Range(a, b, n, back)),
    ]
}

fn check(buffer: &Buffer, acts: &[Act]) -> Result<(), TestCaseError> {
    let mut model = std::collections::BTreeMap::new();
    for act in acts {
        match *act {
            Act::Insert(key, value) => {
                buffer.insert(TREE, &[key], &[value]).expect("inserted");
                model.insert(vec![key], vec![value]);
            }
            Act::Remove(key) => {
                buffer.remove(TREE, &[key]).expect("removed");
                model.remove(&vec![key]);
            }
            Act::WriteBack => buffer.write_back().expect("written"),
            Act::Range(from, to, limit, back) => {
                let bounds = (Bound::Included(&[from][..]), Bound::Excluded(&[to][..]));
                let within = model
                    .iter()
                    .filter(|(k, _)| k[0] >= from && k[0] < to)
                    .map(|(k, v)| (k.clone(), v.clone()));
                let (found, wanted): (_, Vec<_>) = if back {
                    (
                        buffer.range_back(TREE, bounds.0, bounds.1, limit),
                        within.rev().take(limit).collect(),
                    )
                } else {
                    (
                        buffer.range(TREE, bounds.0, bounds.1, limit),
                        within.take(limit).collect(),
                    )
                };
                prop_assert_eq!(found.expect("read"), wanted);
            }
        }
    }
    for key in 0..40u8 {
        prop_assert_eq!(buffer.get(TREE, &[key]).expect("read"), model.get(&vec![key]).cloned());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn in_memory_it_is_an_ordered_map(acts in proptest::collection::vec(act(), 0..80)) {
        check(&Buffer::in_memory(), &acts)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn on_the_disk_it_is_an_ordered_map(acts in proptest::collection::vec(act(), 0..80)) {
        let dir = tempfile::tempdir().expect("a directory");
        check(&open(&dir.path().join("buffer")).0, &acts)?;
    }
}
