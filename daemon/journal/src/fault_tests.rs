//! What disks do: power cuts at every call, no room at every write, a sync that lies once, torn ends, flipped bits.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use proptest::prelude::*;

use crate::{
    Answer, AppendError, Export, Journal, OpenError, Opening, Options, Payload, Seq, Stranger,
    sim::{Loss, SimDisk},
    verify,
};

fn dir() -> &'static Path {
    Path::new("journal")
}

fn options() -> Options {
    Options {
        segment_bytes: 600,
        ballast_bytes: 0,
        ..Options::new([9; 16])
    }
}

fn open_with(disk: &SimDisk, options: Options) -> Result<(Journal, Opening), OpenError> {
    Journal::open(Arc::new(disk.clone()), dir(), options)
}

fn open(disk: &SimDisk) -> (Journal, Opening) {
    open_with(disk, options()).expect("a journal opens whatever happened to its disk")
}

fn payload(n: u64) -> Payload {
    Payload {
        version: 1,
        bytes: format!("punch {n} {}", "x".repeat((n * 37 % 90) as usize)).into_bytes(),
    }
}

/// Everything readable, by number; panics where the reader, the export and the check do not agree.
fn all(journal: &Journal, disk: &SimDisk) -> BTreeMap<Seq, Vec<u8>> {
    let mut reader = journal.reader();
    let (mut seq, mut found) = (0, BTreeMap::new());
    loop {
        let page = reader.after(seq, 3, 1 << 20).expect("read");
        for record in page.records {
            assert!(
                found.insert(record.seq, record.payload.bytes).is_none(),
                "record {} came twice",
                record.seq
            );
        }
        if page.through.seq <= seq {
            break;
        }
        seq = page.through.seq;
    }
    let exported = Export::open(Arc::new(disk.clone()), dir()).expect("exported");
    let exported: BTreeMap<_, _> = exported.flatten().map(|r| (r.seq, r.payload.bytes)).collect();
    // What is written and not synced yet is there for an export, not for a reader.
    assert!(
        found.iter().all(|(seq, bytes)| exported.get(seq) == Some(bytes)),
        "{exported:?} lacks some of {found:?}"
    );
    assert!(
        exported.len() == found.len()
            || exported
                .keys()
                .all(|seq| found.contains_key(seq) || *seq > journal.tail())
    );
    let report = verify(disk, dir()).expect("verified");
    assert_eq!(report.records, exported.len() as u64);
    found
}

/// What a run was promised.
#[derive(Default)]
struct Promises {
    acknowledged: BTreeMap<Seq, Vec<u8>>,
    /// Numbers that retention was told to give up.
    given_up: Seq,
    /// Everything ever handed to the journal, by content.
    issued: std::collections::BTreeSet<Vec<u8>>,
}

impl Promises {
    fn append(&mut self, journal: &mut Journal, from: u64, count: u64) -> Result<(), AppendError> {
        let batch: Vec<_> = (from..from + count).map(payload).collect();
        self.issued.extend(batch.iter().map(|p| p.bytes.clone()));
        let stretch = journal.append(&batch)?;
        self.acknowledged
            .extend(stretch.range().zip(batch.into_iter().map(|p| p.bytes)));
        Ok(())
    }

    fn check(&self, found: &BTreeMap<Seq, Vec<u8>>, what: &str) {
        for (seq, bytes) in self.acknowledged.range(self.given_up..) {
            assert_eq!(found.get(seq), Some(bytes), "acknowledged record {seq} is gone: {what}");
        }
        for (seq, bytes) in found {
            assert!(self.issued.contains(bytes), "record {seq} was never issued: {what}");
        }
    }
}

/// Appends, lazily too, over several segments, with retention and a restart: errors end it early.
fn story(disk: &SimDisk, options: Options, promises: &mut Promises) -> Result<(), Box<dyn std::error::Error>> {
    let mut n = 1;
    for _ in 0..2 {
        let (mut journal, _) = open_with(disk, options)?;
        for round in 0..6u64 {
            let count = 1 + round % 3;
            promises.append(&mut journal, n, count)?;
            n += count;
            if round % 2 == 0 {
                let lazy = Payload {
                    version: 1,
                    bytes: format!("delivered {n}").into_bytes(),
                };
                promises.issued.insert(lazy.bytes.clone());
                journal.append_lazy(&[lazy])?;
            }
            if round == 4 {
                promises.given_up = journal.tail() / 3;
                journal.remove_before(promises.given_up)?;
            }
        }
        journal.close()?;
    }
    Ok(())
}

/// Cuts the power at every changing call of the story, with every loss; then again at every call of the recovery.
fn cut_everywhere(options: Options, seeds: u64) -> u64 {
    let whole = SimDisk::new(1);
    story(&whole, options, &mut Promises::default()).expect("without faults nothing fails");
    let mut cuts = 0;
    for at in 0..whole.changes() {
        for (seed, loss) in (0..seeds).flat_map(|seed| Loss::ALL.map(|loss| (seed, loss))) {
            if seed > 0 && loss != Loss::AtRandom {
                continue;
            }
            let disk = SimDisk::new(at * 1000 + seed + 1);
            disk.power_off_at(at);
            let mut promises = Promises::default();
            assert!(story(&disk, options, &mut promises).is_err());
            disk.power_cut(loss);
            cuts += 1 + cut_during_recovery(
                &disk,
                options,
                loss,
                &promises,
                &format!("call {at}, {loss:?}, seed {seed}"),
            );
            let (mut journal, _) = open_with(&disk, options).expect("opens after a power cut");
            promises.check(&all(&journal, &disk), &format!("call {at}, {loss:?}, seed {seed}"));
            promises.append(&mut journal, 1000, 2).expect("goes on");
            promises.check(&all(&journal, &disk), "after going on");
        }
    }
    cuts
}

fn cut_during_recovery(disk: &SimDisk, options: Options, loss: Loss, promises: &Promises, what: &str) -> u64 {
    let probe = disk.fork(5);
    drop(open_with(&probe, options).expect("opens"));
    let calls = probe.changes();
    for at in 0..calls {
        let chained = disk.fork(at + 7);
        chained.power_off_at(at);
        // Whether it opens with failing calls or not, it must open afterwards.
        drop(open_with(&chained, options));
        chained.power_cut(loss);
        let (journal, _) = open_with(&chained, options).expect("opens after a cut during recovery");
        promises.check(
            &all(&journal, &chained),
            &format!("{what}, again at call {at} of recovery"),
        );
    }
    calls
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes_at_any_call_of_anything() {
    let cuts = cut_everywhere(options(), 6);
    assert!(cuts > 1000, "{cuts}");
}

#[test]
fn a_kill_at_any_call_and_a_power_cut_after_the_next_start_lose_nothing() {
    let whole = SimDisk::new(1);
    story(&whole, options(), &mut Promises::default()).expect("without faults nothing fails");
    for (at, loss) in (0..whole.changes()).flat_map(|at| Loss::ALL.map(|loss| (at, loss))) {
        let disk = SimDisk::new(at + 1);
        disk.power_off_at(at);
        let mut promises = Promises::default();
        assert!(story(&disk, options(), &mut promises).is_err());
        disk.kill();
        let (mut journal, _) = open(&disk);
        promises.append(&mut journal, 1000, 2).expect("stored after the kill");
        drop(journal);
        disk.power_cut(loss);
        let (journal, _) = open(&disk);
        promises.check(&all(&journal, &disk), &format!("killed at call {at}, then {loss:?}"));
    }
}

#[test]
fn the_harness_catches_a_journal_that_answers_before_the_sync() {
    let planted = Options {
        answer: Answer::BeforeSync,
        ..options()
    };
    let caught = std::panic::catch_unwind(|| cut_everywhere(planted, 1)).expect_err("the planted fault goes unseen");
    let text = caught.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("is gone"), "{text}");
}

#[test]
fn a_full_disk_at_any_write_stops_acknowledgements_and_loses_nothing() {
    let whole = SimDisk::new(1);
    story(&whole, options(), &mut Promises::default()).expect("without faults nothing fails");
    for (at, count) in (0..whole.writes()).flat_map(|at| [(at, 1), (at, 5), (at, 1000)]) {
        let disk = SimDisk::new(at + 1);
        let (mut journal, _) = open(&disk);
        disk.full_at_writes(at, count);
        let mut promises = Promises::default();
        let mut refused = 0;
        for n in 1..60 {
            if let Err(error) = promises.append(&mut journal, n, 1) {
                assert!(error.is_full() && error.may_pass(), "{error}");
                refused += 1;
            }
        }
        assert!(refused > 0 && refused <= count, "{refused} refused of {count}");
        promises.check(&all(&journal, &disk), "while running");
        drop(journal);
        for loss in Loss::ALL {
            let after = disk.fork(at);
            after.power_cut(loss);
            let (journal, opening) = open(&after);
            assert!(opening.gaps.is_empty(), "{opening:?}");
            promises.check(&all(&journal, &after), &format!("full at write {at}, {loss:?}"));
        }
    }
}

#[test]
fn a_disk_with_nothing_free_at_the_start_is_opened_and_read() {
    let disk = SimDisk::new(3);
    let (mut journal, _) = open(&disk);
    let mut promises = Promises::default();
    promises.append(&mut journal, 1, 5).expect("stored");
    journal.append_lazy(&[payload(6)]).expect("written");
    disk.kill();
    disk.set_capacity(Some(0));
    let (mut journal, _) = open(&disk);
    promises.issued.insert(payload(6).bytes);
    promises.check(&all(&journal, &disk), "with nothing free");
    assert!(promises.append(&mut journal, 7, 1).expect_err("full").is_full());
    disk.set_capacity(None);
    promises.append(&mut journal, 7, 1).expect("there is room again");
    promises.check(&all(&journal, &disk), "with room again");
}

#[test]
fn ballast_makes_room_once_and_comes_back() {
    let disk = SimDisk::new(3);
    let (mut journal, opening) = open_with(
        &disk,
        Options {
            ballast_bytes: 4096,
            ..options()
        },
    )
    .expect("opens");
    assert!(opening.ballast);
    disk.set_capacity(Some(4096));
    assert!(journal.append(&[payload(1)]).expect_err("full").is_full());
    assert!(journal.release_ballast().expect("released"));
    assert!(!journal.release_ballast().expect("none left"));
    journal.append(&[payload(1)]).expect("stored in the ballast's room");
    assert!(!journal.restore_ballast().expect("asked"));
    disk.set_capacity(Some(1 << 20));
    assert!(journal.restore_ballast().expect("restored"));
}

#[test]
fn a_sync_that_fails_once_is_never_believed_afterwards() {
    let whole = SimDisk::new(1);
    story(&whole, options(), &mut Promises::default()).expect("without faults nothing fails");
    for (at, batch) in (0..whole.syncs() + 8).flat_map(|at| [(at, 1), (at, 3)]) {
        let disk = SimDisk::new(at + 1);
        let (mut journal, _) = open(&disk);
        disk.fail_sync_at(at);
        let mut promises = Promises::default();
        for n in 0..30 {
            let lazy = Payload {
                version: 1,
                bytes: format!("delivered {n}").into_bytes(),
            };
            promises.issued.insert(lazy.bytes.clone());
            let kept = journal.append_lazy(std::slice::from_ref(&lazy));
            if promises.append(&mut journal, n * batch + 1, batch).is_err() {
                promises
                    .append(&mut journal, n * batch + 1, batch)
                    .expect("the second try goes to a new file");
            }
            if let Ok(stretch) = kept {
                promises.acknowledged.insert(stretch.first, lazy.bytes);
            }
        }
        promises.check(&all(&journal, &disk), "while running");
        drop(journal);
        for loss in Loss::ALL {
            let after = disk.fork(at);
            after.power_cut(loss);
            let (journal, opening) = open(&after);
            assert!(
                opening.gaps.is_empty() && opening.broken_links.is_empty(),
                "sync {at}, {loss:?}: {opening:?}"
            );
            promises.check(&all(&journal, &after), &format!("sync {at}, {loss:?}"));
        }
    }
}

/// A journal of three segments, closed, and what is in it.
fn small() -> (SimDisk, BTreeMap<Seq, Vec<u8>>, Vec<PathBuf>) {
    let disk = SimDisk::new(1);
    let mut journal = open(&disk).0;
    for n in 1..=12 {
        journal.append(&[payload(n)]).expect("stored");
    }
    let found = all(&journal, &disk);
    drop(journal);
    let names = verify(&disk, dir())
        .expect("verified")
        .segments
        .into_iter()
        .map(|s| dir().join(s.name))
        .collect();
    (disk, found, names)
}

/// Opens a damaged disk: no wrong record, the losses told with their bounds, and appending goes on.
fn survives(disk: &SimDisk, truth: &BTreeMap<Seq, Vec<u8>>, what: &str) -> Opening {
    let checked = verify(disk, dir()).expect("verified");
    let (mut journal, opening) = open(disk);
    let found = all(&journal, disk);
    for (seq, bytes) in &found {
        assert_eq!(truth.get(seq), Some(bytes), "a wrong record {seq} came out: {what}");
    }
    let lost = |seq: Seq| {
        let in_gap = |gap: &crate::Gap| gap.after_seq < seq && gap.before_seq.is_none_or(|before| seq < before);
        opening.gaps.iter().any(in_gap) || opening.cut.as_ref().is_some_and(|cut| cut.after_seq < seq)
    };
    for seq in truth.keys() {
        assert_eq!(
            found.contains_key(seq),
            !lost(*seq),
            "record {seq}, {what}: {opening:?}"
        );
    }
    for gap in &opening.gaps {
        assert!(checked.gaps.contains(gap), "{what}: {gap:?} is not in {checked:?}");
        assert!(gap.from_byte <= gap.to_byte);
    }
    let stretch = journal.append(&[payload(99)]).expect("goes on");
    assert_eq!(
        journal
            .reader()
            .after(stretch.first - 1, 1, 1)
            .expect("read")
            .records
            .len(),
        1,
        "{what}"
    );
    opening
}

#[test]
fn one_flipped_bit_anywhere_never_yields_a_wrong_record() {
    let (disk, truth, names) = small();
    assert!(names.len() >= 3);
    for name in &names {
        let len = disk.content(name).expect("there").len();
        for at in 0..len {
            let damaged = disk.fork(1);
            damaged.meddle(name, |bytes| bytes[at] ^= 1 << (at % 8));
            let opening = survives(&damaged, &truth, &format!("{name:?} byte {at}"));
            let told = !opening.gaps.is_empty() || opening.cut.is_some() || !opening.damaged_headers.is_empty();
            assert!(told, "{name:?} byte {at}: {opening:?}");
            if at < 128 {
                assert_eq!(opening.records, truth.len() as u64, "a header's bit costs no record");
            } else {
                assert_eq!(opening.records, truth.len() as u64 - 1, "one bit costs one record");
            }
        }
    }
}

#[test]
fn a_torn_end_of_any_length_is_cut_at_the_last_true_record() {
    let (disk, truth, names) = small();
    let last = names.last().expect("a segment");
    let len = disk.content(last).expect("there").len();
    for keep in 0..len {
        for filler in [0, keep.min(700), 40] {
            let torn = disk.fork(1);
            torn.meddle(last, |bytes| {
                bytes.truncate(keep);
                bytes.resize(keep + filler, 0);
            });
            let (journal, opening) = open(&torn);
            for (seq, bytes) in all(&journal, &torn) {
                assert_eq!(truth.get(&seq), Some(&bytes), "{keep}");
            }
            assert!(opening.gaps.is_empty(), "{keep} {opening:?}");
            drop(journal);
            let again = open(&torn).1;
            assert_eq!(
                (again.cut.clone(), again.tail),
                (None, opening.tail),
                "mended once: {keep}"
            );
        }
    }
}

#[test]
fn a_missing_segment_is_a_gap_with_exact_numbers() {
    let (disk, truth, names) = small();
    disk.lose(&names[1]);
    let opening = survives(&disk, &truth, "the second segment is missing");
    assert_eq!(opening.gaps.len(), 1);
    assert_eq!(opening.gaps[0].from_byte, opening.gaps[0].to_byte);
}

#[test]
fn an_empty_segment_is_put_aside_and_told() {
    for index in 0..3 {
        let (disk, truth, names) = small();
        disk.place(&names[index], b"");
        let (journal, opening) = open(&disk);
        assert_eq!(
            opening.set_aside.first().map(|s| s.why),
            Some(Stranger::Empty),
            "{opening:?}"
        );
        assert!(disk.content(&dir().join(&opening.set_aside[0].renamed_to)).is_some());
        for (seq, bytes) in all(&journal, &disk) {
            assert_eq!(truth.get(&seq), Some(&bytes));
        }
    }
}

#[test]
fn a_segment_of_another_box_is_put_aside_unread() {
    let (disk, truth, _) = small();
    let other = SimDisk::new(2);
    let mut foreign = open_with(
        &other,
        Options {
            identity: [1; 16],
            ..options()
        },
    )
    .expect("opens")
    .0;
    foreign.append(&[payload(500)]).expect("stored");
    let bytes = other.content(&dir().join(crate::segment::name(1))).expect("there");
    disk.place(&dir().join(crate::segment::name(13)), &bytes);
    disk.place(&dir().join(crate::segment::name(700)), b"holiday pictures");
    let opening = survives(&disk, &truth, "foreign segments");
    let whys: Vec<_> = opening.set_aside.iter().map(|s| s.why).collect();
    assert_eq!(whys, [Stranger::Foreign, Stranger::Unreadable]);
    assert_eq!(opening.tail, 12);
}

#[test]
fn a_segment_of_a_newer_program_is_refused_and_nothing_is_touched() {
    let (disk, _, names) = small();
    disk.meddle(&names[2], |bytes| (bytes[8], bytes[72]) = (2, 2));
    disk.meddle(&names[0], |bytes| bytes.truncate(bytes.len() - 3));
    let (before, changes) = (disk.content(&names[0]), disk.changes());
    let error = open_with(&disk, options()).map(|_| ()).expect_err("refused");
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("run the newer punchgate again"), "{error}");
    assert_eq!((disk.content(&names[0]), disk.changes()), (before, changes));
}

#[test]
fn an_unreadable_end_is_left_alone_and_numbers_go_on_beyond_it() {
    let (disk, truth, names) = small();
    let last = names.last().expect("a segment").clone();
    disk.set_unreadable(&last, true);
    let (mut journal, opening) = open(&disk);
    assert!(opening.suspect || !opening.set_aside.is_empty(), "{opening:?}");
    let stretch = journal.append(&[payload(99)]).expect("goes on");
    drop(journal);
    disk.set_unreadable(&last, false);
    let (journal, _) = open(&disk);
    let found = all(&journal, &disk);
    for (seq, bytes) in &found {
        assert!(truth.get(seq) == Some(bytes) || *seq == stretch.first, "{seq}");
    }
}

#[test]
fn readers_see_only_whole_batches_while_the_writer_goes_on() {
    let disk = SimDisk::new(1);
    let mut journal = open(&disk).0;
    let reader = journal.reader();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let mut reader = reader.clone();
                scope.spawn(move || {
                    let mut seq = 0;
                    while seq < 900 {
                        let page = reader.after(seq, 10, 1000).expect("read");
                        for record in &page.records {
                            assert_eq!(record.seq, seq + 1);
                            assert_eq!(record.payload, payload(record.seq));
                            seq = record.seq;
                        }
                        assert!(page.gaps.is_empty());
                    }
                })
            })
            .collect();
        for n in (1..=900).step_by(3) {
            journal
                .append(&[payload(n), payload(n + 1), payload(n + 2)])
                .expect("stored");
        }
        readers
            .into_iter()
            .for_each(|handle| handle.join().expect("a reader met something wrong"));
    });
}

#[derive(Debug, Clone)]
enum Act {
    Append(u64),
    Lazy,
    Retire(u64),
    Restart(u8),
    Full(u64),
    FailSync(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0u64..5).prop_map(Act::Append),
        2 => Just(Act::Lazy),
        1 => (0u64..100).prop_map(Act::Retire),
        2 => (0u8..7).prop_map(Act::Restart),
        1 => (0u64..3).prop_map(Act::Full),
        1 => (0u64..3).prop_map(Act::FailSync),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_is_done_in_any_order_what_was_acknowledged_stays(acts in proptest::collection::vec(act(), 1..60), seed in 1u64..) {
        let disk = SimDisk::new(seed);
        let mut journal = open(&disk).0;
        let mut promises = Promises::default();
        let mut n = 1;
        for act in acts {
            match act {
                Act::Append(count) => {
                    let _ = promises.append(&mut journal, n, count);
                    n += count;
                }
                Act::Lazy => {
                    promises.issued.insert(payload(n).bytes);
                    let _ = journal.append_lazy(&[payload(n)]);
                    n += 1;
                }
                Act::Retire(percent) => {
                    let seq = journal.tail() * percent / 100;
                    promises.given_up = promises.given_up.max(seq);
                    let _ = journal.remove_before(seq);
                }
                Act::Restart(how) => {
                    drop(journal);
                    match Loss::ALL.get(usize::from(how)) {
                        Some(loss) => disk.power_cut(*loss),
                        None => disk.kill(),
                    }
                    journal = open(&disk).0;
                }
                Act::Full(after) => disk.full_at_writes(disk.writes() + after, 2),
                Act::FailSync(after) => disk.fail_sync_at(disk.syncs() + after),
            }
            promises.check(&all(&journal, &disk), "in between");
        }
    }
}
