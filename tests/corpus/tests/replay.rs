//! Every file of the corpus and many mutations of each, through every target.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use punchgate_corpus::{Mutations, TARGETS, Target, folder};

/// How many mutations a target gets, if there is time.
const MUTATIONS: usize = 5_000;
/// How long a target may take.
const PATIENCE: Duration = Duration::from_secs(2);

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder(name)).unwrap_or_else(|why| panic!("the corpus of {name}: {why}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

fn feed(name: &str, target: Target, bytes: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
        panic!("{name} breaks a law, see above, on \"{}\"", bytes.escape_ascii());
    }
}

fn survives(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "the corpus of {name} is empty");
    corpus.iter().for_each(|bytes| feed(name, *target, bytes));
    let start = Instant::now();
    let mutations = Mutations::new(&corpus, 1).take(MUTATIONS);
    for bytes in mutations.take_while(|_| start.elapsed() < PATIENCE) {
        feed(name, *target, &bytes);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            survives(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            assert_eq!(TARGETS.map(|(name, _)| name).to_vec(), [$(stringify!($name)),*]);
        }
    };
}

targets! {
    answer buffer capture config directory http1 ingest journal_entry journal_segment replay serial_line zk_data zk_stream zk_talk
}

#[test]
fn the_corpus_stays_small() {
    let sizes = TARGETS
        .iter()
        .flat_map(|(name, _)| corpus(name))
        .map(|bytes| bytes.len());
    let total: usize = sizes.sum();
    assert!(total < 300 * 1024, "{total} bytes");
}
