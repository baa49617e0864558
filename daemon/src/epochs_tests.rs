use punchgate_model::{Credential, DeviceTime, Factor};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_772_409_600_000);

fn gate() -> DeviceName {
    DeviceName::from("gate")
}

/// The reading with this number of minutes after eight.
fn reading(minute: u8) -> Reading {
    Reading {
        device_time: Some(DeviceTime::from_numbers(2026, 3, 2, 8 + minute / 60, minute % 60, 0)),
        origin: Origin::Log,
        ..Reading::new(Credential::Enrol("0007".into()), Factor::Fingerprint)
    }
}

fn rows(minutes: impl IntoIterator<Item = u8>) -> Vec<u64> {
    minutes.into_iter().map(|minute| reading(minute).row_mark()).collect()
}

fn live(minute: u8) -> Reading {
    Reading {
        origin: Origin::Live,
        ..reading(minute)
    }
}

/// The epochs that the log is given when it is read with these rows, one after another.
fn epochs(logs: &[Vec<u64>]) -> Vec<u32> {
    let mut epochs = Epochs::default();
    let read = |rows: &Vec<u64>| {
        epochs.read(&gate(), rows, NOW);
        epochs.of(&gate(), &reading(0))
    };
    logs.iter().map(read).collect()
}

#[test]
fn a_log_that_grows_or_drops_its_oldest_rows_is_the_same_log() {
    let grown = [rows(0..3), rows(0..3), rows(0..100), rows(60..101)];
    assert_eq!(epochs(&grown), [0, 0, 0, 0]);
}

#[test]
fn a_log_without_any_row_that_was_known_is_a_new_one() {
    assert_eq!(epochs(&[rows(0..50), rows(60..62), rows(60..70)]), [0, 1, 1]);
    assert_eq!(epochs(&[rows(0..5), rows(60..90)]), [0, 1], "however long it is");
    assert_eq!(epochs(&[rows(0..5), rows(60..61), rows(70..71)]), [0, 1, 2]);
}

#[test]
fn a_terminal_in_trouble_that_shows_an_empty_log_begins_nothing() {
    assert_eq!(epochs(&[rows(0..5), Vec::new(), rows(0..6)]), [0, 0, 0]);
}

#[test]
fn a_terminal_that_comes_back_has_its_old_epoch_and_the_next_new_one_has_never_been_used() {
    let (own, lent) = (rows(0..5), rows(60..65));
    assert_eq!(epochs(&[own.clone(), lent, own, rows(100..101)]), [0, 1, 0, 2]);
}

#[test]
fn a_live_punch_after_the_reset_keeps_the_epoch_it_was_reported_under() {
    let mut epochs = Epochs::default();
    epochs.read(&gate(), &rows(0..5), NOW);
    // Reset; somebody punches before the log is looked at again.
    epochs.reported(&gate(), &live(70));
    let entries = epochs.read(&gate(), &rows([70, 71]), NOW);
    assert_eq!(epochs.of(&gate(), &reading(70)), 0);
    assert_eq!(epochs.of(&gate(), &reading(71)), 1);
    // The same after a restart.
    let mut again = Epochs::default();
    assert!(entries.iter().all(|entry| again.fold(entry)));
    assert_eq!(again.of(&gate(), &reading(70)), 0);
    assert_eq!(again.of(&gate(), &reading(71)), 1);
    assert!(again.read(&gate(), &rows([70, 71]), NOW).is_empty(), "it knows the log");
}

#[test]
fn live_punches_that_the_count_confirms_are_rows_of_the_log() {
    let mut epochs = Epochs::default();
    epochs.read(&gate(), &rows(0..20), NOW);
    for minute in 20..60 {
        epochs.reported(&gate(), &live(minute));
    }
    epochs.counted(&gate(), 60);
    // A ring buffer that dropped all that was read, but not all that came live.
    epochs.read(&gate(), &rows(50..61), NOW);
    assert_eq!(epochs.of(&gate(), &reading(0)), 0);
    // What is confirmed is not carried into another log.
    epochs.read(&gate(), &rows([100]), NOW);
    assert_eq!(epochs.of(&gate(), &reading(55)), 1);
}

#[test]
fn a_count_that_does_not_add_up_confirms_nothing() {
    let mut epochs = Epochs::default();
    epochs.read(&gate(), &rows(0..20), NOW);
    epochs.reported(&gate(), &live(70));
    epochs.counted(&gate(), 1);
    epochs.read(&gate(), &rows([70]), NOW);
    assert_eq!(
        (epochs.of(&gate(), &reading(70)), epochs.of(&gate(), &reading(71))),
        (0, 1)
    );
}

#[test]
fn nothing_is_written_where_nothing_is_new() {
    let mut epochs = Epochs::default();
    assert_eq!(epochs.read(&gate(), &rows(0..20), NOW).len(), 1, "its landmarks");
    assert!(epochs.read(&gate(), &rows(0..20), NOW).is_empty());
    assert_eq!(
        epochs.read(&gate(), &rows(90..91), NOW).len(),
        2,
        "an epoch and landmarks"
    );
}

#[test]
fn a_damaged_log_without_its_last_rows_is_the_same_log() {
    assert_eq!(epochs(&[rows(0..40), rows(20..30), rows(0..40)]), [0, 0, 0]);
}

#[test]
fn a_terminal_whose_clock_stands_and_that_was_cleared_has_a_new_log_though_its_rows_look_like_old_ones() {
    let row = |occurrence: u32| {
        Reading {
            occurrence,
            ..reading(0)
        }
        .row_mark()
    };
    let mut epochs = Epochs::default();
    epochs.read(&gate(), &[row(0), row(1), row(2)], NOW);
    epochs.read(&gate(), &[row(0)], NOW);
    assert_eq!(epochs.of(&gate(), &reading(0)), 1);
}

#[test]
fn what_came_live_while_the_new_log_was_read_keeps_its_epoch_too() {
    let mut epochs = Epochs::default();
    epochs.read(&gate(), &rows(0..5), NOW);
    epochs.reported(&gate(), &live(5));
    // Cleared. Two punch before it is read; the second of them is not in what is read.
    epochs.reported(&gate(), &live(70));
    epochs.reported(&gate(), &live(71));
    epochs.read(&gate(), &rows([70]), NOW);
    epochs.counted(&gate(), 3);
    let entries = epochs.read(&gate(), &rows([70, 71, 72]), NOW);
    let epochs_of: Vec<u32> = [70, 71, 72].map(|minute| epochs.of(&gate(), &reading(minute))).into();
    assert_eq!(epochs_of, [0, 0, 1], "{entries:?}");
}

#[test]
fn what_is_known_outlives_the_records_that_said_it() {
    let mut epochs = Epochs::default();
    epochs.read(&gate(), &rows(0..5), NOW);
    epochs.reported(&gate(), &live(70));
    epochs.read(&gate(), &rows([70, 71]), NOW);
    epochs.read(&gate(), &rows(0..6), NOW);
    assert_eq!(epochs.of(&gate(), &reading(9)), 0, "the log of before is back");
    let mut again = Epochs::default();
    again.fold(&Entry::Retired {
        at: NOW,
        before: 9,
        link: String::new(),
        bytes: 0,
        carried: epochs.again(NOW),
    });
    for epochs in [&mut epochs, &mut again] {
        assert_eq!(epochs.of(&gate(), &reading(9)), 0);
        epochs.read(&gate(), &rows([100]), NOW);
        assert_eq!(epochs.of(&gate(), &reading(9)), 2, "1 was used before");
        epochs.read(&gate(), &rows([71, 72]), NOW);
        assert_eq!(epochs.of(&gate(), &reading(9)), 1);
    }
}
