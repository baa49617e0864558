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
    assert!(
        opening.fresh && opening.why.is_none() && opening.memory_only.is_none(),
        "{opening:?}"
    );
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
