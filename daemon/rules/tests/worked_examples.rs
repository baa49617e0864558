//! The table at the end of `semantics.md` section 4, and every row of the one before it.

mod common;

use common::{MINUTE, any_order, at, clock, judge, office_door, punch, story, timeline};
use punchgate_model::{Direction, Factor, Outcome};
use punchgate_rules::{Policy, Punch, VerdictOutcome};

fn verdicts(text: &str) -> Vec<String> {
    story(&judge(&timeline(text), &office_door(), None))
}

fn verdicts_any(text: &str) -> Vec<String> {
    story(&judge(&timeline(text), &any_order(), None))
}

#[test]
fn fifteen_minutes_are_verified() {
    let found = judge(&timeline("GPS 08:45:00, FP 09:00:00"), &office_door(), None);
    assert_eq!(story(&found), ["verified GPS 08:45:00 + FP 09:00:00"]);
    assert_eq!((found[0].gap_ms, found[0].certain), (Some(900_000), Some(true)));
}

#[test]
fn a_millisecond_more_is_late() {
    let found = judge(&timeline("GPS 08:45:00, FP 09:00:00.001"), &office_door(), None);
    assert_eq!(story(&found), ["late GPS 08:45:00 + FP 09:00:00.001"]);
    assert_eq!((found[0].gap_ms, found[0].certain), (Some(900_001), Some(true)));
}

#[test]
fn the_newer_gps_punch_counts() {
    let expected = ["verified GPS 08:44 + FP 08:58; superseded GPS 08:40"];
    assert_eq!(verdicts("GPS 08:40, GPS 08:44, FP 08:58"), expected);
}

#[test]
fn everything_superseded_on_the_way_is_listed() {
    let expected = ["verified WIFI 08:50 + FP 08:58; superseded GPS 08:40 and GPS 08:44"];
    assert_eq!(verdicts("GPS 08:40, GPS 08:44, WIFI 08:50, FP 08:58"), expected);
}

#[test]
fn one_gps_punch_covers_every_door_within_its_window() {
    let expected = ["verified GPS 08:44 + FP 08:46", "verified GPS 08:44 + FP 08:58"];
    assert_eq!(verdicts("GPS 08:44, FP 08:46, FP 08:58"), expected);
    assert_eq!(
        verdicts("GPS 08:44, FP 08:46, FP 08:59").len(),
        2,
        "the boundary is included"
    );
    let beyond = ["verified GPS 08:44 + FP 08:46", "missing_first FP 08:59:00.001"];
    assert_eq!(verdicts("GPS 08:44, FP 08:46, FP 08:59:00.001"), beyond);
}

#[test]
fn without_reuse_the_second_door_misses_its_first() {
    let policy = Policy {
        reuse_first: false,
        ..office_door()
    };
    let found = judge(&timeline("GPS 08:44, FP 08:46, FP 08:58"), &policy, None);
    assert_eq!(
        story(&found),
        ["verified GPS 08:44 + FP 08:46", "missing_first FP 08:58"]
    );
}

#[test]
fn a_repeat_of_what_was_judged_is_listed_there() {
    let expected = ["verified GPS 08:44 + FP 08:46; repeats FP 08:47"];
    assert_eq!(verdicts("GPS 08:44, FP 08:46, FP 08:47"), expected);
}

#[test]
fn repeats_are_counted_from_the_judged_punch_and_not_from_one_another() {
    let expected = [
        "late GPS 08:00 + FP 08:46; repeats FP 08:50 and FP 08:51",
        "missing_first FP 08:51:00.001",
    ];
    assert_eq!(
        verdicts("GPS 08:00, FP 08:46, FP 08:50, FP 08:51, FP 08:51:00.001"),
        expected
    );
}

#[test]
fn another_factor_or_direction_is_no_repeat() {
    assert_eq!(
        verdicts("FP 08:46, FACE 08:47"),
        ["missing_first FP 08:46", "missing_first FACE 08:47"]
    );
    let mut punches = timeline("FP 08:46, FP 08:47");
    punches[1].direction = Direction::Out;
    assert_eq!(judge(&punches, &office_door(), None).len(), 2);
    let mut punches = timeline("FP 08:46, FP 08:47");
    punches[1].zone = Some("lab".into());
    assert_eq!(judge(&punches, &office_door(), None).len(), 2);
    let mut punches = timeline("FP 08:46, FP 08:47");
    punches[1].source = "zk-2".into();
    assert_eq!(
        judge(&punches, &office_door(), None).len(),
        1,
        "the zone is what counts where there is one"
    );
}

#[test]
fn leaving_in_the_evening_has_no_first() {
    let expected = ["verified GPS 08:44 + FP 08:46", "missing_first FP 18:00"];
    assert_eq!(verdicts("GPS 08:44, FP 08:46, FP 18:00"), expected);
    let mut policy = office_door();
    policy.second.directions = vec![Direction::In];
    let mut punches = timeline("GPS 08:44, FP 08:46, FP 18:00");
    punches[1].direction = Direction::In;
    punches[2].direction = Direction::Out;
    assert_eq!(
        story(&judge(&punches, &policy, None)),
        ["verified GPS 08:44 + FP 08:46"]
    );
}

#[test]
fn a_repeat_of_a_late_punch_is_a_repeat() {
    assert_eq!(
        verdicts("GPS 08:30, FP 08:50, FP 08:52"),
        ["late GPS 08:30 + FP 08:50; repeats FP 08:52"]
    );
}

#[test]
fn the_door_before_the_app_is_the_wrong_order() {
    let found = judge(&timeline("FP 08:50, GPS 08:52"), &office_door(), None);
    assert_eq!(story(&found), ["wrong_order GPS 08:52 + FP 08:50"]);
    assert_eq!((found[0].gap_ms, found[0].at), (Some(2 * MINUTE), clock("08:50")));
    let found = judge(&timeline("FP 08:50, GPS 08:52"), &any_order(), None);
    assert_eq!(story(&found), ["verified GPS 08:52 + FP 08:50"]);
    assert_eq!(found[0].gap_ms, Some(2 * MINUTE));
}

#[test]
fn the_wrong_order_ends_with_the_window_and_keeps_all_lists() {
    assert_eq!(verdicts("FP 08:50, GPS 09:05"), ["wrong_order GPS 09:05 + FP 08:50"]);
    let apart = ["missing_first FP 08:50", "missing_second GPS 09:05:00.001"];
    assert_eq!(verdicts("FP 08:50, GPS 09:05:00.001"), apart);
    let expected = ["wrong_order GPS 08:53 + FP 08:50; superseded GPS 08:52; repeats FP 08:51"];
    assert_eq!(verdicts("FP 08:50, FP 08:51, GPS 08:52, GPS 08:53"), expected);
}

#[test]
fn of_two_doors_before_the_app_the_nearer_is_in_the_wrong_order() {
    let expected = ["missing_first FP 08:40", "wrong_order GPS 08:52 + FP 08:50"];
    assert_eq!(verdicts("FP 08:40, FP 08:50, GPS 08:52"), expected);
}

#[test]
fn the_door_again_after_the_app_is_verified() {
    assert_eq!(
        verdicts("FP 08:50, GPS 08:52, FP 08:56"),
        ["missing_first FP 08:50", "verified GPS 08:52 + FP 08:56"]
    );
    let expected = ["verified GPS 08:52 + FP 08:50", "verified GPS 08:52 + FP 08:56"];
    assert_eq!(verdicts_any("FP 08:50, GPS 08:52, FP 08:56"), expected);
}

#[test]
fn midnight_means_nothing() {
    assert_eq!(verdicts("GPS 23:58, FP +00:09"), ["verified GPS 23:58 + FP +00:09"]);
}

#[test]
fn two_people_are_two_stories() {
    let mut punches = timeline("GPS 08:50, FP 08:52");
    punches[0].person = Some("E1".into());
    punches[1].person = Some("E2".into());
    let found = judge(&punches, &office_door(), None);
    assert_eq!(story(&found), ["missing_second GPS 08:50", "missing_first FP 08:52"]);
    assert_eq!((found[0].person.as_str(), found[1].person.as_str()), ("E1", "E2"));
}

#[test]
fn a_punch_that_awaits_approval_is_no_factor_until_approved() {
    let mut punches = timeline("GPS 08:50, FP 08:52");
    for refused in [Outcome::Pending, Outcome::Denied] {
        punches[0].result = refused;
        assert_eq!(
            story(&judge(&punches, &office_door(), None)),
            ["missing_first FP 08:52"]
        );
    }
    punches[0].result = Outcome::Granted;
    assert_eq!(
        story(&judge(&punches, &office_door(), None)),
        ["verified GPS 08:50 + FP 08:52"]
    );
}

#[test]
fn a_punch_without_a_person_or_a_believable_time_is_no_factor() {
    let mut punches = timeline("GPS 08:50, FP 08:52");
    punches[0].held_out = true;
    assert_eq!(
        story(&judge(&punches, &office_door(), None)),
        ["missing_first FP 08:52"]
    );
    punches[1].person = None;
    assert!(judge(&punches, &office_door(), None).is_empty());
}

#[test]
fn four_hours_are_late_and_a_millisecond_more_is_unrelated() {
    assert_eq!(verdicts("GPS 08:00, FP 12:00"), ["late GPS 08:00 + FP 12:00"]);
    assert_eq!(
        verdicts("GPS 08:00, FP 12:00:00.001"),
        ["missing_second GPS 08:00", "missing_first FP 12:00:00.001"]
    );
    assert_eq!(
        verdicts_any("FP 08:00, GPS 12:00:00.001, FP 12:01"),
        ["missing_first FP 08:00", "verified GPS 12:00:00.001 + FP 12:01"]
    );
}

#[test]
fn an_older_open_punch_out_of_the_window_ends_alone() {
    assert_eq!(
        verdicts("GPS 08:00, GPS 08:15:00.001, FP 08:16"),
        ["missing_second GPS 08:00", "verified GPS 08:15:00.001 + FP 08:16"]
    );
    let joined = ["verified GPS 08:15 + FP 08:16; superseded GPS 08:00"];
    assert_eq!(verdicts("GPS 08:00, GPS 08:15, FP 08:16"), joined);
}

#[test]
fn a_late_pair_lends_its_first_to_nobody() {
    let expected = ["late GPS 08:30 + FP 08:50", "missing_first FP 08:56"];
    assert_eq!(verdicts("GPS 08:30, FP 08:50, FP 08:56"), expected);
}

#[test]
fn in_any_order_a_lone_second_waits_and_is_superseded_like_a_first() {
    assert_eq!(
        verdicts_any("FP 08:40, FP 08:44, GPS 08:58"),
        ["verified GPS 08:58 + FP 08:44; superseded FP 08:40"]
    );
    assert_eq!(verdicts_any("FP 08:40"), ["missing_first FP 08:40"]);
    assert_eq!(verdicts_any("FP 08:40, GPS 09:40"), ["late GPS 09:40 + FP 08:40"]);
}

#[test]
fn in_any_order_the_closing_gps_punch_is_what_repeats() {
    let expected = [
        "verified GPS 08:52 + FP 08:50; repeats GPS 08:53",
        "verified GPS 08:52 + FP 08:56",
    ];
    assert_eq!(verdicts_any("FP 08:50, GPS 08:52, GPS 08:53, FP 08:56"), expected);
}

#[test]
fn an_open_window_is_pending_until_the_data_are_complete_past_it() {
    let punches = timeline("GPS 08:40");
    let told = |until| story(&judge(&punches, &office_door(), Some(clock(until))));
    assert_eq!(told("08:41"), ["pending GPS 08:40"]);
    assert_eq!(told("08:55"), ["pending GPS 08:40"]);
    assert_eq!(told("08:55:00.001"), ["missing_second GPS 08:40"]);
    let pending = judge(&timeline("FP 08:38, GPS 08:40"), &office_door(), Some(clock("08:41")));
    assert_eq!(story(&pending), ["missing_first FP 08:38", "pending GPS 08:40"]);
}

#[test]
fn a_verdict_settles_when_nothing_can_change_it_any_more() {
    let settles = |text: &str| judge(&timeline(text), &office_door(), None)[0].settles_at;
    assert_eq!(settles("GPS 08:40, FP 08:45"), clock("08:45"));
    assert_eq!(settles("GPS 08:40"), clock("08:55"));
    assert_eq!(settles("FP 08:40, GPS 08:42"), clock("08:57"));
    let verdict = &judge(&timeline("GPS 08:40, FP 08:45"), &office_door(), None)[0];
    assert!(!verdict.is_final(Some(clock("08:45"))) && verdict.is_final(Some(clock("08:45:00.001"))));
    assert!(verdict.is_final(None));
}

#[test]
fn uncertainty_that_reaches_the_edge_of_the_window_is_said() {
    let certain = |text: &str, a: u32, b: u32| {
        let mut punches = timeline(text);
        (punches[0].uncertainty_ms, punches[1].uncertainty_ms) = (a, b);
        judge(&punches, &office_door(), None)[0].certain
    };
    assert_eq!(certain("GPS 08:45, FP 08:59:59", 500, 499), Some(true));
    assert_eq!(certain("GPS 08:45, FP 08:59:59", 500, 500), Some(false));
    assert_eq!(certain("GPS 08:45, FP 09:00:01", 0, 1000), Some(false));
    assert_eq!(certain("GPS 08:45, FP 09:00", 0, 0), Some(true));
    assert_eq!(certain("GPS 08:45, FP 09:00", 0, 1), Some(false));
    assert_eq!(
        certain("FP 08:45, GPS 09:00", 1, 0),
        Some(false),
        "also in the wrong order"
    );
    let alone = &judge(&timeline("GPS 08:45"), &office_door(), None)[0];
    assert_eq!((alone.gap_ms, alone.certain), (None, None));
}

#[test]
fn both_factors_at_one_instant_go_by_id() {
    let now = clock("08:45");
    let both = |gps: &str, fp: &str| [punch(gps, Factor::Gps, now), punch(fp, Factor::Fingerprint, now)];
    assert_eq!(story(&judge(&both("a", "b"), &office_door(), None)), ["verified a + b"]);
    assert_eq!(
        story(&judge(&both("b", "a"), &office_door(), None)),
        ["wrong_order b + a"]
    );
}

#[test]
fn a_punch_that_both_selectors_match_is_a_first() {
    let mut policy = office_door();
    policy.second.factors.push(Factor::Gps);
    assert!(policy.overlaps());
    assert!(!office_door().overlaps());
    let found = judge(&timeline("GPS 08:40, GPS 08:41"), &policy, None);
    assert_eq!(story(&found), ["missing_second GPS 08:41; superseded GPS 08:40"]);
}

#[test]
fn arrival_order_and_duplicates_do_not_matter() {
    let punches = timeline("GPS 08:30, FP 08:50, FP 08:52, GPS 09:10, FP 09:12, FP 18:00");
    let expected = judge(&punches, &office_door(), None);
    let backwards: Vec<Punch> = punches.iter().rev().chain(&punches).cloned().collect();
    assert_eq!(judge(&backwards, &office_door(), None), expected);
    assert_eq!(expected.last().map(|v| v.outcome), Some(VerdictOutcome::MissingFirst));
    assert!(expected.iter().all(|v| v.at >= at("2026-03-02T08:30:00Z")));
}
