//! What a person who asks is told, and what is told while much is being followed.

use punchgate::decide::{Far, asked::Asked};
use punchgate_journal::Entry;
use punchgate_model::Credential;
use punchgate_rules::{CardFormat, Cards};
use punchgate_upstream::EventKind;
use serde_json::Value;

use crate::world::*;

const LI_WEI: &str = "E001,gate,0007,enrol,Li Wei,\n";

fn heard(entries: &[Entry]) -> Gateway {
    let mut gateway = Gateway::new();
    entries.iter().for_each(|entry| drop(gateway.step(entry)));
    gateway
}

/// The worked example: printed 09:01:20 by a clock 95 s ahead, GPS twice before.
fn fast_clock() -> Vec<Entry> {
    vec![
        configured(&settings_of(vec![office_door()])),
        directory(LI_WEI),
        ahead(at("09:02"), 95_000),
        said("app", at("08:41"), gps("a1", "E001", at("08:40"))),
        said("app", at("08:46"), gps("a2", "E001", at("08:45"))),
        said("gate", at("09:05"), finger(1, "0007", "09:01:20")),
    ]
}

fn key_punch(entries: &[Entry]) -> (String, String) {
    let verdicts = fold(entries).holds(EventKind::Verdict);
    let (_, data) = verdicts.into_iter().next().expect("a verdict");
    let text = |key: &str| data[key].as_str().expect("text").to_owned();
    (text("second"), text("id"))
}

#[test]
fn an_explanation_tells_both_clocks_what_was_measured_the_gap_the_terms_and_what_was_superseded() {
    let entries = fast_clock();
    let (second, verdict) = key_punch(&entries);
    let told = heard(&entries)
        .tell(&Asked::Explain(second.as_str().into()))
        .expect("held");
    let account = &told["punch"]["accounts"][0];
    assert_eq!(account["device_time"], "2026-03-02T09:01:20");
    assert_eq!(account["zone"], "Asia/Shanghai");
    assert_eq!(account["device_clock"], at("09:01:20").to_string());
    assert_eq!(account["received_at"], at("09:05").to_string());
    assert_eq!(account["measured"]["offset_ms"], 95_000);
    assert_eq!(told["punch"]["at"], at("08:59:45").to_string());
    let judged = &told["verdicts"][0];
    assert_eq!(judged["id"], verdict);
    assert_eq!(
        (&judged["outcome"], &judged["gap_ms"]),
        (&"verified".into(), &885_000.into())
    );
    assert_eq!(judged["within_window_by_ms"], 15_000);
    assert_eq!((&judged["certain"], &judged["final"]), (&true.into(), &false.into()));
    assert_eq!(judged["terms"]["window_ms"], 900_000);
    let roles: Vec<&str> = judged["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .filter_map(|part| part["as"].as_str())
        .collect();
    assert_eq!(roles, ["first", "second", "superseded"]);
    assert_eq!(told["punch"]["credential"]["number"], "**07", "numbers are masked");
}

#[test]
fn a_punch_that_was_superseded_is_explained_by_the_verdict_it_is_part_of() {
    let entries = fast_clock();
    let punches = fold(&entries).holds(EventKind::Punch);
    let older = punches.values().find(|data| data["external_id"] == "a1").expect("held");
    let id = older["id"].as_str().expect("an id");
    let told = heard(&entries).tell(&Asked::Explain(id.into())).expect("held");
    assert_eq!(told["verdicts"][0]["outcome"], "verified");
    assert_eq!(told["verdicts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_not_held_is_not_explained() {
    assert_eq!(heard(&fast_clock()).tell(&Asked::Explain("nothing".into())), None);
}

#[test]
fn verdicts_that_wait_say_for_which_device_and_final_ones_for_none() {
    let entries = fast_clock();
    let (second, _) = key_punch(&entries);
    let mut told = heard(&entries)
        .tell(&Asked::Explain(second.as_str().into()))
        .expect("held");
    let through = [
        ("gate".to_owned(), Some(at("08:50"))),
        ("yard".to_owned(), None),
        ("mill".to_owned(), Some(evening())),
    ];
    punchgate::decide::asked::add_awaited(&mut told, &through.into());
    let awaited = told["verdicts"][0]["awaited"].as_array().expect("a list").clone();
    let devices: Vec<&str> = awaited
        .iter()
        .filter_map(|awaited| awaited["device"].as_str())
        .collect();
    assert_eq!(devices, ["gate", "yard"]);
}

#[test]
fn the_quarantine_lists_each_unknown_credential_once_masked_and_counted() {
    let mut entries = vec![configured(&settings_of(vec![office_door()])), directory(LI_WEI)];
    for (sequence, number, shown) in [
        (1, "0007", "08:00"),
        (2, "0008", "08:01"),
        (3, "0008", "08:02"),
        (4, "4711", "09:00"),
    ] {
        entries.push(said("gate", evening(), finger(sequence, number, shown)));
    }
    let mut gateway = heard(&entries);
    let list = |gateway: &Gateway, in_full| gateway.tell(&Asked::Quarantine { most: 10, in_full }).expect("a list");
    let told = list(&gateway, false);
    assert_eq!((&told["credentials"], &told["punches"]), (&2.into(), &3.into()));
    let row = |told: &Value, row: usize| {
        let row = &told["list"][row];
        (
            row["credential"].as_str().expect("text").to_owned(),
            row["punches"].as_u64(),
        )
    };
    assert_eq!(
        (row(&told, 0), row(&told, 1)),
        (("**11".to_owned(), Some(1)), ("**08".to_owned(), Some(2)))
    );
    assert_eq!(row(&list(&gateway, true), 0).0, "4711");
    gateway.step(&directory(&format!(
        "{LI_WEI}E002,gate,0008,enrol,Otto,\nE003,gate,4711,enrol,,\nE004,gate,4711,enrol,,\n"
    )));
    let told = list(&gateway, false);
    assert_eq!(told["credentials"], 1, "a number of two people is still nobody's");
    assert_eq!(told["list"][0]["why"], "two-people");
}

#[test]
fn ten_thousand_punches_that_find_their_person_are_said_in_pieces_with_progress() {
    let settings = punchgate::decide::settings::Settings {
        hold_unknown: true,
        ..settings_of(vec![office_door()])
    };
    let mut gateway = Gateway::new();
    gateway.take_room();
    gateway.step(&configured(&settings));
    let mut rows = String::new();
    for number in 0..20_u64 {
        rows.push_str(&format!("E{number:03},gate,{number},enrol,,\n"));
        let readings = (0..500_u64).map(|index| {
            let shown = format!("{:02}:{:02}:{:02}", index / 60, index % 60, number);
            finger(number * 1000 + index, &number.to_string(), &shown)
        });
        let events = gateway.step(&Entry::Readings {
            device: "gate".into(),
            epoch: 0,
            received_at: evening(),
            readings: readings.collect(),
        });
        assert!(events.is_empty(), "all of it is held back");
    }
    assert_eq!(gateway.quarantined(), 10_000);
    let (mut pieces, mut far) = (Vec::new(), Vec::new());
    let last = gateway.step_by_step(&directory(&rows), &mut |relief| {
        pieces.push(relief.events);
        far.push(relief.far);
        Ok(())
    });
    pieces.push(last);
    assert_eq!(gateway.quarantined(), 0);
    assert!(
        pieces.len() > 2 && pieces.iter().all(|piece| piece.len() < 3 * 4096),
        "{} pieces",
        pieces.len()
    );
    assert!(far.windows(2).all(|two| two[0].punches < two[1].punches), "{far:?}");
    assert!(matches!(far.last(), Some(Far { of: 20, .. })));
    let mut upstream = Upstream::default();
    pieces.into_iter().for_each(|piece| upstream.take(piece));
    let punches = upstream.holds(EventKind::Punch);
    assert_eq!(punches.len(), 10_000);
    assert!(punches.values().all(|punch| punch["person"].is_string()));
    assert!(!upstream.holds(EventKind::Record).is_empty() && !upstream.holds(EventKind::Verdict).is_empty());
}

#[test]
fn a_card_format_that_is_stated_later_resolves_what_was_punched_before() {
    let mut reading = finger(1, "", "08:50");
    reading.credential = Credential::Card("161,45763".to_owned());
    let mut gateway = heard(&[
        configured(&settings_of(vec![office_door()])),
        directory("E001,*,04A1B2C3,card,Li Wei,\n"),
        said("gate", evening(), reading),
    ]);
    assert_eq!(gateway.quarantined(), 1);
    let mut settings = settings_of(vec![office_door()]);
    settings.cards = Cards {
        devices: [("gate".to_owned(), CardFormat::Wiegand26)].into(),
        shared: CardFormat::UidHex,
        last_bits: Some(24),
    };
    let events = gateway.step(&configured_at(at("10:00"), &settings));
    assert!(
        events.iter().all(|event| event.subject == "E001") && !events.is_empty(),
        "{events:?}"
    );
    assert_eq!(gateway.quarantined(), 0);
    gateway.restart();
    let mut again = finger(2, "", "12:50");
    again.credential = Credential::Card("161,45763".to_owned());
    let events = gateway.step(&said("gate", evening(), again));
    assert!(events.iter().all(|event| event.subject == "E001"), "{events:?}");
}
