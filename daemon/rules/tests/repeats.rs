//! `semantics.md` section 3 as timelines.

mod common;

use common::{WITHIN, clock, timeline};
use punchgate_model::{Direction, Outcome};
use punchgate_rules::{Punch, merge_repeats};

fn records(punches: &[Punch]) -> Vec<String> {
    let ids = |list: &[punchgate_rules::PunchId]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
    merge_repeats(punches, WITHIN)
        .iter()
        .map(|r| format!("{} [{}]", r.id, ids(&r.repeats)))
        .collect()
}

#[test]
fn five_minutes_are_a_repeat_and_a_millisecond_more_is_not() {
    assert_eq!(records(&timeline("FP 08:40, FP 08:45")), ["FP 08:40 [FP 08:45]"]);
    assert_eq!(
        records(&timeline("FP 08:40, FP 08:45:00.001")),
        ["FP 08:40 []", "FP 08:45:00.001 []"]
    );
}

#[test]
fn the_first_one_beyond_is_the_next_anchor() {
    let expected = ["FP 08:40 [FP 08:44]", "FP 08:46 [FP 08:50]"];
    assert_eq!(records(&timeline("FP 08:40, FP 08:44, FP 08:46, FP 08:50")), expected);
}

#[test]
fn factors_people_places_and_directions_are_never_merged_with_one_another() {
    assert_eq!(records(&timeline("FP 08:40, FACE 08:41")).len(), 2);
    let changes: [fn(&mut Punch); 3] = [
        |p| p.person = Some("E002".into()),
        |p| p.zone = None,
        |p| p.direction = Direction::Out,
    ];
    for change in changes {
        let mut punches = timeline("FP 08:40, FP 08:41");
        change(&mut punches[1]);
        assert_eq!(records(&punches).len(), 2);
    }
}

#[test]
fn a_zone_joins_its_devices_and_without_one_the_device_counts() {
    let mut punches = timeline("FP 08:40, FP 08:41");
    punches[1].source = "zk-2".into();
    assert_eq!(records(&punches).len(), 1);
    punches.iter_mut().for_each(|p| p.zone = None);
    assert_eq!(records(&punches).len(), 2);
}

#[test]
fn only_granted_punches_of_known_people_are_merged() {
    let mut punches = timeline("FP 08:40, FP 08:41, FP 08:42, FP 08:43");
    punches[0].result = Outcome::Denied;
    punches[1].result = Outcome::Pending;
    punches[2].person = None;
    assert_eq!(records(&punches), ["FP 08:43 []"]);
}

#[test]
fn attendance_counts_leaving_at_the_last_punch_and_all_else_at_the_first() {
    let mut punches = timeline("FP 18:00, FP 18:03");
    let counted = |punches: &[Punch]| merge_repeats(punches, WITHIN)[0].attendance_at();
    assert_eq!(counted(&punches), clock("18:00"));
    punches.iter_mut().for_each(|p| p.direction = Direction::Out);
    assert_eq!(counted(&punches), clock("18:03"));
    punches.iter_mut().for_each(|p| p.direction = Direction::In);
    assert_eq!(counted(&punches), clock("18:00"));
}
