//! What happens to what was said when something else becomes known.

use punchgate::decide::settings::Settings;
use punchgate_journal::Entry;
use punchgate_model::{Credential, Factor, Outcome, Reading};
use punchgate_rules::Policy;
use punchgate_upstream::{EventKind, Outgoing};

use crate::world::*;

const LI_WEI: &str = "E001,gate,0007,enrol,Li Wei,\n";
const WANG_FANG: &str = "E002,gate,0007,enrol,Wang Fang,\n";

fn begin() -> Vec<Entry> {
    vec![configured(&settings_of(vec![office_door()])), directory(LI_WEI)]
}

fn finger_at(shown: &str) -> Entry {
    said("gate", evening(), finger(1, "0007", shown))
}

fn gps_at(time: &str) -> Entry {
    said("app", evening(), gps("a1", "E001", at(time)))
}

fn outcomes(entries: &[Entry]) -> Vec<(String, u32)> {
    fold(entries).outcomes()
}

fn one(outcome: &str, revision: u32) -> Vec<(String, u32)> {
    vec![(outcome.to_owned(), revision)]
}

#[test]
fn a_verdict_is_said_at_once_and_again_when_it_is_final() {
    let mut entries = begin();
    entries.extend([gps_at("08:40"), finger_at("08:50")]);
    assert_eq!(outcomes(&entries), one("verified", 1));
    assert_eq!(state(&entries), "provisional");
    entries.push(complete(evening()));
    assert_eq!(outcomes(&entries), one("verified", 2));
    assert_eq!(state(&entries), "final");
}

fn state(entries: &[Entry]) -> String {
    let verdicts = fold(entries).holds(EventKind::Verdict);
    let state = verdicts.values().next().and_then(|data| data["state"].as_str());
    state.expect("a verdict").to_owned()
}

#[test]
fn a_late_punch_revises_its_verdict_and_nobody_elses() {
    let mut entries = begin();
    entries.push(said("app", evening(), gps("b1", "E002", at("08:40"))));
    entries.extend([finger_at("08:50"), complete(evening())]);
    let before = fold(&entries);
    let (mut gateway, mut upstream) = (Gateway::new(), Upstream::default());
    entries.iter().for_each(|entry| upstream.take(gateway.step(entry)));
    let events = gateway.step(&gps_at("08:45"));
    assert!(events.iter().all(|event| event.subject == "E001"), "{events:?}");
    upstream.take(events);
    let words = |upstream: &crate::world::Upstream| {
        let mut words: Vec<String> = upstream.outcomes().into_iter().map(|(word, _)| word).collect();
        words.sort();
        words
    };
    assert_eq!(words(&before), ["missing_first", "missing_second"]);
    assert_eq!(words(&upstream), ["missing_second", "verified"]);
}

#[test]
fn an_approval_makes_a_pending_punch_count() {
    let pending = Reading {
        result: Outcome::Pending,
        ..gps("a1", "E001", at("08:40"))
    };
    let mut entries = begin();
    entries.extend([said("app", evening(), pending), finger_at("08:50"), complete(evening())]);
    assert_eq!(outcomes(&entries)[0].0, "missing_first");
    entries.push(gps_at("08:40"));
    let words: Vec<String> = outcomes(&entries).into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["verified"]);
    entries.swap(2, 5);
    let words: Vec<String> = outcomes(&entries).into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["verified"], "whichever report came first");
}

#[test]
fn a_learnt_credential_resolves_what_was_punched_before() {
    let mut entries = vec![configured(&settings_of(vec![office_door()]))];
    entries.extend([gps_at("08:40"), finger_at("08:50"), complete(evening())]);
    assert_eq!(outcomes(&entries)[0].0, "missing_second");
    entries.push(directory(LI_WEI));
    let words: Vec<String> = outcomes(&entries).into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["verified"]);
}

#[test]
fn a_credential_given_to_somebody_else_takes_its_punches_along() {
    let mut entries = begin();
    entries.extend([gps_at("08:40"), finger_at("08:50"), complete(evening())]);
    for (rows, person, verdict) in [
        (WANG_FANG, Some("E002"), vec!["missing_first", "missing_second"]),
        ("", None, vec!["missing_second"]),
        (LI_WEI, Some("E001"), vec!["verified"]),
    ] {
        entries.push(directory(rows));
        let upstream = fold(&entries);
        let records = upstream.holds(EventKind::Record);
        let fingers = records.values().filter(|record| record["factor"] == "fingerprint");
        let people: Vec<_> = fingers.map(|record| record["person"].as_str()).collect();
        assert_eq!(people, Vec::from_iter(person.map(Some)));
        let mut words: Vec<String> = upstream.outcomes().into_iter().map(|(word, _)| word).collect();
        words.sort();
        assert_eq!(words, verdict);
    }
}

#[test]
fn a_directory_that_changes_nothing_for_a_credential_says_nothing_about_it() {
    let mut gateway = Gateway::new();
    let mut entries = begin();
    entries.push(finger_at("08:50"));
    entries.iter().for_each(|entry| drop(gateway.step(entry)));
    let more = format!("{LI_WEI}E003,gate,0009,enrol,Zhang Min,\n");
    assert!(gateway.step(&directory(&more)).is_empty());
}

#[test]
fn a_clock_measured_after_the_readings_moves_them_as_if_it_had_been_before() {
    let (measured, punched) = (ahead(at("09:02"), 95_000), finger_at("09:01:20"));
    let mut before = begin();
    before.extend([gps_at("08:45"), measured.clone(), punched.clone(), complete(evening())]);
    let mut after = begin();
    after.extend([gps_at("08:45"), punched, complete(evening()), measured]);
    assert_eq!(outcomes(&before)[0].0, "verified");
    assert_eq!(fold(&before).everything(), fold(&after).everything());
}

#[test]
fn only_punches_nearest_to_a_new_measurement_are_said_again() {
    let mut gateway = Gateway::new();
    let mut entries = begin();
    entries.extend([ahead(at("08:00"), 0), ahead(at("12:00"), 0)]);
    entries.push(said("gate", evening(), finger(1, "0007", "08:10")));
    entries.push(said("gate", evening(), finger(2, "0007", "11:00")));
    entries.push(said("gate", evening(), finger(3, "0007", "18:00")));
    entries.iter().for_each(|entry| drop(gateway.step(entry)));
    let events = gateway.step(&ahead(at("17:00"), 30_000));
    let punches = events.iter().filter(|event| event.kind == EventKind::Punch);
    assert_eq!(punches.count(), 1, "{events:?}");
}

#[test]
fn of_two_accounts_of_one_punch_the_same_one_counts_whichever_came_first() {
    let card = Reading {
        factor: Factor::Card,
        ..finger(1, "0007", "08:49")
    };
    let both = [finger_at("08:50"), said("gate", evening(), card)];
    let mut one_way = begin();
    one_way.extend(both.clone());
    let mut other_way = begin();
    other_way.extend(both.into_iter().rev());
    assert_eq!(fold(&one_way).everything(), fold(&other_way).everything());
    assert_eq!(fold(&one_way).holds(EventKind::Punch).len(), 1);
}

#[test]
fn verdicts_of_a_policy_that_is_gone_stand_and_late_punches_are_judged_as_it_asked() {
    let mut entries = begin();
    entries.extend([gps_at("08:40"), finger_at("08:50"), complete(evening())]);
    let stood = outcomes(&entries);
    let other = Policy {
        name: "other".into(),
        ..office_door()
    };
    entries.push(configured_at(at("12:00"), &settings_of(vec![other])));
    assert_eq!(outcomes(&entries), stood);
    entries.push(said("gate", evening(), finger(2, "0007", "08:51")));
    entries.push(said("gate", evening(), finger(3, "0007", "13:00")));
    let words = fold(&entries).holds(EventKind::Verdict);
    let of = |name: &str| -> Vec<_> { words.values().filter(|data| data["policy"] == name).collect() };
    assert_eq!(of("office-door").len(), 1);
    assert_eq!(of("office-door")[0]["repeats"].as_array().map(Vec::len), Some(1));
    assert_eq!(of("other").len(), 1, "it judges from when it was new");
    assert_eq!(of("other")[0]["outcome"], "missing_first");
}

/// Unknown credentials wait for the directory.
fn held_back() -> Entry {
    configured(&Settings {
        hold_unknown: true,
        ..settings_of(vec![office_door()])
    })
}

fn punches_said(events: &[Outgoing]) -> Vec<(Option<String>, u32)> {
    let punches = events.iter().filter(|event| event.kind == EventKind::Punch);
    let data = punches.map(|event| (serde_json::from_str(event.data.get()).expect("JSON"), event.revision));
    data.map(|(data, revision): (serde_json::Value, u32)| (data["person"].as_str().map(str::to_owned), revision))
        .collect()
}

#[test]
fn a_punch_of_an_unknown_credential_is_held_back_until_the_directory_knows_it() {
    let mut gateway = Gateway::new();
    gateway.step(&held_back());
    assert_eq!(punches_said(&gateway.step(&finger_at("08:50"))), []);
    assert_eq!(gateway.quarantined(), 1);
    gateway.restart();
    assert_eq!(gateway.quarantined(), 1);
    assert_eq!(
        punches_said(&gateway.step(&ahead(at("08:51"), 30_000))),
        [],
        "another time, still nobody"
    );
    let learnt = gateway.step(&directory(LI_WEI));
    assert_eq!(punches_said(&learnt), [(Some("E001".to_owned()), 1)]);
    assert_eq!(gateway.quarantined(), 0);
    let again = gateway.rebuild();
    assert_eq!(punches_said(&again), [(Some("E001".to_owned()), 1)]);
}

#[test]
fn without_quarantine_a_punch_of_an_unknown_credential_is_sent_at_once_and_again_when_it_is_known() {
    let mut gateway = Gateway::new();
    gateway.step(&configured(&settings_of(vec![office_door()])));
    assert_eq!(punches_said(&gateway.step(&finger_at("08:50"))), [(None, 1)]);
    assert_eq!(gateway.quarantined(), 1);
    let learnt = gateway.step(&directory(LI_WEI));
    assert_eq!(punches_said(&learnt), [(Some("E001".to_owned()), 2)]);
}

#[test]
fn what_was_said_once_is_not_held_back_when_its_credential_is_taken_away() {
    let mut gateway = Gateway::new();
    gateway.step(&held_back());
    gateway.step(&directory(LI_WEI));
    assert_eq!(
        punches_said(&gateway.step(&finger_at("08:50"))),
        [(Some("E001".to_owned()), 1)]
    );
    assert_eq!(punches_said(&gateway.step(&directory(""))), [(None, 2)]);
}

#[test]
fn what_was_held_back_is_sent_when_nothing_is_held_back_any_more() {
    let (mut gateway, mut upstream) = (Gateway::new(), Upstream::default());
    gateway.step(&held_back());
    gateway.step(&finger_at("08:50"));
    gateway.step(&said("gate", evening(), finger(2, "0008", "08:55")));
    let released = gateway.step(&configured(&settings_of(vec![office_door()])));
    assert_eq!(punches_said(&released), [(None, 1), (None, 1)]);
    upstream.take(released);
    assert_eq!(punches_said(&gateway.step(&held_back())), [], "nothing is taken back");
    let learnt = gateway.step(&directory(LI_WEI));
    assert_eq!(punches_said(&learnt), [(Some("E001".to_owned()), 2)]);
    upstream.take(learnt);
    assert_eq!(
        punches_said(&gateway.step(&configured(&settings_of(vec![office_door()])))),
        []
    );
}

#[test]
fn an_opened_door_without_a_credential_is_nobodys_and_never_held_back() {
    let mut gateway = Gateway::new();
    gateway.step(&held_back());
    let nobody = Reading {
        credential: Credential::Nobody,
        ..finger(7, "", "08:50")
    };
    assert_eq!(
        punches_said(&gateway.step(&said("gate", evening(), nobody))),
        [(None, 1)]
    );
    assert_eq!(gateway.quarantined(), 0);
}
