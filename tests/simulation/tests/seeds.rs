//! The floor: so many seeds in every run of the tests, every planted bug caught, every seed the same run twice.
//!
//! The long run is the program: `cargo run --release -p punchgate-simulation -- --crashes 100000`.

use punchgate_sabotage::{Bug, plant};
use punchgate_simulation::{regressions, run};

/// So many seeds must hold, and each bug must show within them.
const FLOOR: u64 = 96;

/// Fails with the command that repeats what failed.
fn must_hold(seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        let outcome = run(seed, false);
        let told: Vec<String> = outcome.violations.iter().take(5).map(ToString::to_string).collect();
        assert!(
            told.is_empty(),
            "again: cargo run -p punchgate-simulation -- --seed {seed}\n{}",
            told.join("\n")
        );
        assert!(
            outcome.punches.0 > 0 && outcome.simulated > 0,
            "seed {seed} simulates nothing"
        );
    }
}

/// The quarters of the floor, so that they can run beside one another.
fn quarter(number: u64) -> impl Iterator<Item = u64> {
    (1..=FLOOR).filter(move |seed| seed % 4 == number)
}

#[test]
fn the_whole_gateway_keeps_its_word_under_the_first_quarter_of_the_seeds() {
    must_hold(quarter(0));
}

#[test]
fn the_whole_gateway_keeps_its_word_under_the_second_quarter_of_the_seeds() {
    must_hold(quarter(1));
}

#[test]
fn the_whole_gateway_keeps_its_word_under_the_third_quarter_of_the_seeds() {
    must_hold(quarter(2));
}

#[test]
fn the_whole_gateway_keeps_its_word_under_the_last_quarter_of_the_seeds() {
    must_hold(quarter(3));
}

#[test]
fn seeds_that_failed_once_stay_mended() {
    must_hold(regressions::SEEDS.iter().copied().filter(|seed| *seed > FLOOR));
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    // Seed 7 has its buffer in a real sled.
    for seed in [1, 5, 7, 11, 19, 38, 53, 92] {
        assert_eq!(run(seed, false), run(seed, false), "seed {seed}");
    }
    assert_ne!(run(1, false).hash, run(2, false).hash);
}

/// Finds a planted bug among the floor's seeds, where without it nothing is found.
fn is_caught(bug: Bug) {
    plant(Some(bug));
    let caught = (1..=FLOOR).find(|seed| !run(*seed, false).violations.is_empty());
    plant(None);
    assert!(caught.is_some(), "{bug:?} passes all {FLOOR} seeds unseen");
}

#[test]
fn a_journal_that_answers_before_the_sync_is_caught() {
    is_caught(Bug::AnswerBeforeSync);
}

#[test]
fn a_failed_sync_that_is_believed_is_caught() {
    is_caught(Bug::BelieveTheSecondSync);
}

#[test]
fn a_directory_that_is_not_synced_is_caught() {
    is_caught(Bug::ForgetTheDirectory);
}

#[test]
fn a_tear_that_takes_too_much_with_it_is_caught() {
    is_caught(Bug::CutTooMuch);
}

#[test]
fn a_device_thanked_for_what_the_disk_refused_is_caught() {
    is_caught(Bug::ThankTheDeviceAnyway);
}

#[test]
fn an_id_made_of_the_arrival_is_caught() {
    is_caught(Bug::NameByArrival);
}

#[test]
fn a_punch_that_is_taken_twice_is_caught() {
    is_caught(Bug::ForgetWhatIsHeld);
}

#[test]
fn a_revision_without_a_number_of_its_own_is_caught() {
    is_caught(Bug::KeepTheRevision);
}

#[test]
fn a_rebuild_that_leaves_records_out_is_caught() {
    is_caught(Bug::SkipWhileRebuilding);
}

#[test]
fn verdicts_in_order_of_arrival_are_caught() {
    is_caught(Bug::DecideInOrderOfArrival);
}

#[test]
fn a_position_that_is_ahead_of_its_data_is_caught() {
    is_caught(Bug::PositionBeforeData);
}

#[test]
fn a_cursor_that_moves_before_the_answer_is_caught() {
    is_caught(Bug::CursorBeforeAnswer);
}

#[test]
fn a_page_taken_for_an_acknowledgement_is_caught() {
    is_caught(Bug::BelieveAnyPage);
}

#[test]
fn a_batch_altered_on_its_second_way_is_caught() {
    is_caught(Bug::AlterWhatIsSentAgain);
}

#[test]
fn events_buried_because_an_upstream_was_busy_are_caught() {
    is_caught(Bug::BuryWhenBusy);
}

#[test]
fn a_time_out_taken_for_a_delivery_is_caught() {
    is_caught(Bug::SettleWhatTimedOut);
}
