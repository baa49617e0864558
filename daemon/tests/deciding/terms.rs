//! Policies and zones that change: what was asked, and how a clock was read, belongs to a time, not to an order of arrival.

use std::time::Duration;

use proptest::prelude::*;
use punchgate::decide::settings::Settings;
use punchgate_journal::Entry;
use punchgate_model::Timestamp;
use punchgate_rules::{ClockMode, Policy, Selector};
use punchgate_upstream::EventKind;

use crate::{
    any_order::{cases, facts, mix},
    world::*,
};

const LI_WEI: &str = "E001,gate,0007,enrol,Li Wei,office\n";

fn within(minutes: u64) -> Policy {
    Policy {
        window: Duration::from_secs(minutes * 60),
        ..office_door()
    }
}

fn from(minutes: u64, from: &str) -> Policy {
    Policy {
        from: Some(at(from)),
        ..within(minutes)
    }
}

fn finger_at(sequence: u64, shown: &str) -> Entry {
    said("gate", evening(), finger(sequence, "0007", shown))
}

fn gps_at(id: &str, time: &str) -> Entry {
    said("app", evening(), gps(id, "E001", at(time)))
}

/// Outcome, and since when the terms that judged are in force, in order of time.
fn judged(entries: &[Entry]) -> Vec<(String, Option<Timestamp>)> {
    let upstream = fold(entries);
    let mut verdicts: Vec<_> = upstream.holds(EventKind::Verdict).into_values().collect();
    verdicts.sort_by_key(|data| data["time"].as_i64());
    let row = |data: &serde_json::Value| {
        let from = data["policy_from"]
            .as_str()
            .map(|from| from.parse().expect("an instant"));
        (data["outcome"].as_str().expect("a word").to_owned(), from)
    };
    verdicts.iter().map(row).collect()
}

/// 12 minutes apart in the morning, and again in the afternoon.
fn twice_twelve_minutes() -> Vec<Entry> {
    vec![
        directory(LI_WEI),
        gps_at("a1", "08:40"),
        finger_at(1, "08:52"),
        gps_at("a2", "14:00"),
        finger_at(2, "14:12"),
    ]
}

#[test]
fn a_changed_window_judges_from_the_change_on_and_older_verdicts_keep_theirs() {
    let mut entries = vec![configured(&settings_of(vec![within(15)]))];
    entries.extend(twice_twelve_minutes());
    entries.insert(4, configured_at(at("12:00"), &settings_of(vec![within(10)])));
    let expected = [("verified".to_owned(), None), ("late".to_owned(), Some(at("12:00")))];
    assert_eq!(judged(&entries), expected);
    // A late punch of the morning is judged as was asked in the morning.
    entries.push(gps_at("a3", "08:41"));
    assert_eq!(judged(&entries), expected);
}

#[test]
fn a_window_stated_from_an_earlier_instant_judges_again_what_lies_behind_it_and_nothing_before() {
    let mut entries = vec![configured(&settings_of(vec![within(15)]))];
    entries.extend(twice_twelve_minutes());
    let mut gateway = Gateway::new();
    entries.iter().for_each(|entry| drop(gateway.step(entry)));
    let change = configured_at(at("20:00"), &settings_of(vec![from(10, "12:00")]));
    let events = gateway.step(&change);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].kind, events[0].revision), (EventKind::Verdict, 2));
    entries.push(change);
    assert_eq!(
        judged(&entries),
        [("verified".to_owned(), None), ("late".to_owned(), Some(at("12:00")))]
    );
}

#[test]
fn a_pair_over_the_change_is_judged_by_what_is_asked_when_it_closes() {
    for (change, outcome) in [("08:45", "late"), ("08:52", "late"), ("08:53", "verified")] {
        let settings = settings_of(vec![from(10, change)]);
        let mut entries = vec![configured(&settings_of(vec![within(15)]))];
        entries.extend([directory(LI_WEI), gps_at("a1", "08:40"), finger_at(1, "08:52")]);
        entries.push(configured_at(at("20:00"), &settings));
        assert_eq!(judged(&entries)[0].0, outcome, "{change}");
        assert_eq!(judged(&entries).len(), 1, "{change}");
    }
}

#[test]
fn what_was_asked_and_how_clocks_were_read_outlive_the_records_that_said_so() {
    let (tokyo, mut shanghai) = (
        zoned("Asia/Tokyo", ClockMode::Trust),
        zoned("Asia/Shanghai", ClockMode::Trust),
    );
    shanghai.policies = vec![within(10)];
    let mut gateway = Gateway::new();
    let last = configured_at(at("12:00"), &shanghai);
    for entry in [configured(&tokyo), last.clone()] {
        gateway.step(&entry);
    }
    let rest = [
        finger_heard(1, "09:52", "10:00"),
        gps_at("a1", "08:40"),
        gps_at("a2", "14:00"),
        finger_heard(2, "14:12", "14:20"),
    ];
    let begin = [configured(&tokyo), last.clone(), directory(LI_WEI)];
    let carried = [gateway.history(), last, directory(LI_WEI)];
    let (whole, rebuilt) = ([&begin[..], &rest].concat(), [&carried[..], &rest].concat());
    assert_eq!(times(&rebuilt), [at("08:52"), at("14:12")]);
    assert_eq!(
        judged(&rebuilt),
        [("verified".to_owned(), None), ("late".to_owned(), Some(at("12:00")))]
    );
    assert_eq!(fold(&rebuilt).everything(), fold(&whole).everything());
}

#[test]
fn a_department_that_changes_decides_again_for_those_who_moved_and_for_nobody_else() {
    let only_office = Policy {
        second: Selector {
            groups: vec!["office".into()],
            ..office_door().second
        },
        ..office_door()
    };
    const OTTO: &str = "E002,gate,0008,enrol,Otto,office\n";
    let mut gateway = Gateway::new();
    let mut upstream = Upstream::default();
    for entry in [
        configured(&settings_of(vec![only_office])),
        directory(&format!("{LI_WEI}{OTTO}")),
        finger_at(1, "08:52"),
        said("gate", evening(), finger(2, "0008", "08:52")),
        complete(evening()),
    ] {
        upstream.take(gateway.step(&entry));
    }
    assert_eq!(upstream.outcomes().len(), 2);
    let moved = directory(&format!("{LI_WEI}{}", OTTO.replace("office", "store")));
    let events = gateway.step(&moved);
    assert!(
        !events.is_empty() && events.iter().all(|event| event.subject == "E002"),
        "{events:?}"
    );
    upstream.take(events);
    assert_eq!(
        upstream.outcomes().len(),
        1,
        "a policy for the office asks nothing of the store"
    );
    assert!(
        gateway
            .step(&directory(&format!("{LI_WEI}{}", OTTO.replace("office", "yard"))))
            .is_empty()
    );
}

/// The gate in this zone, with a clock of this worth.
fn zoned(zone: &str, clock: ClockMode) -> Settings {
    let mut settings = settings_of(vec![office_door()]);
    let gate = settings.devices.get_mut("gate").expect("a gate");
    gate.timezone = Some(zone.to_owned());
    gate.clock = clock;
    settings
}

fn reinterpreted(zone: &str, from: &str, to: Option<&str>) -> Entry {
    Entry::Reinterpreted {
        device: "gate".into(),
        zone: zone.to_owned(),
        from: at(from),
        to: to.map(at),
        actor: "otto".to_owned(),
        at: evening(),
    }
}

/// When the punches of the gate were, by their numbers.
fn times(entries: &[Entry]) -> Vec<Timestamp> {
    let held = fold(entries).holds(EventKind::Punch);
    let mut punches: Vec<_> = held.values().filter(|data| data["source"] == "gate").collect();
    punches.sort_by_key(|data| data["sequence"].as_u64());
    let time = |data: &&serde_json::Value| Timestamp::from_millis(data["time"].as_i64().expect("a time"));
    punches.iter().map(time).collect()
}

fn finger_heard(sequence: u64, shown: &str, received_at: &str) -> Entry {
    said("gate", at(received_at), finger(sequence, "0007", shown))
}

#[test]
fn a_mended_zone_counts_for_what_arrives_from_then_on_and_older_punches_move_only_when_told_so() {
    let (tokyo, shanghai) = (
        zoned("Asia/Tokyo", ClockMode::Trust),
        zoned("Asia/Shanghai", ClockMode::Trust),
    );
    let mut entries = vec![
        configured(&tokyo),
        finger_heard(1, "08:00", "09:00"),
        finger_heard(2, "10:00", "10:30"),
        configured_at(at("11:00"), &shanghai),
        finger_heard(3, "12:00", "12:30"),
    ];
    assert_eq!(times(&entries), [at("07:00"), at("09:00"), at("12:00")]);
    // Whatever else becomes known makes no difference to the zone.
    entries.push(directory(LI_WEI));
    entries.push(ahead(at("12:00"), 0));
    assert_eq!(times(&entries), [at("07:00"), at("09:00"), at("12:00")]);
    entries.push(reinterpreted("Asia/Shanghai", "09:30", Some("11:00")));
    assert_eq!(
        times(&entries),
        [at("07:00"), at("10:00"), at("12:00")],
        "only the span that was named"
    );
    entries.push(reinterpreted("Asia/Shanghai", "00:00", None));
    assert_eq!(times(&entries), [at("08:00"), at("10:00"), at("12:00")]);
    // Read again from its log, the first is what it was told to be; one never heard of is as well.
    entries.push(finger_heard(1, "08:00", "13:00"));
    entries.push(finger_heard(4, "08:05", "13:00"));
    assert_eq!(times(&entries), [at("08:00"), at("10:00"), at("12:00"), at("08:05")]);
}

#[test]
fn a_measured_clock_says_the_same_in_whatever_zone_it_was_read() {
    let (tokyo, shanghai) = (
        zoned("Asia/Tokyo", ClockMode::Correct),
        zoned("Asia/Shanghai", ClockMode::Correct),
    );
    // It shows 08:30 in Shanghai; read as Tokyo it is an hour behind.
    let mut entries = vec![
        configured(&tokyo),
        ahead(at("08:30"), -3_600_000),
        finger_heard(1, "08:40", "08:41"),
        configured_at(at("09:00"), &shanghai),
        ahead(at("09:10"), 0),
        finger_heard(2, "09:20", "09:21"),
    ];
    assert_eq!(times(&entries), [at("08:40"), at("09:20")]);
    entries.push(reinterpreted("Asia/Shanghai", "00:00", None));
    assert_eq!(
        times(&entries),
        [at("08:40"), at("09:20")],
        "what was right stays right"
    );
    let (mut gateway, mut restarted) = (Gateway::new(), Upstream::default());
    for entry in &entries {
        restarted.take(gateway.step(entry));
        gateway.restart();
    }
    assert_eq!(restarted.everything(), fold(&entries).everything());
}

/// Changes of the window: told at an instant, and from when on, if that is stated.
fn changes() -> impl Strategy<Value = Vec<(i64, Option<i64>)>> {
    prop::collection::vec((0..500_i64, prop::option::of(0..500_i64)), 0..4)
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn policies_that_change_judge_by_the_time_of_the_punches_in_whatever_order_they_come(
        changes in changes(),
        (facts, shuffled) in facts().prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
        places in prop::collection::vec(any::<prop::sample::Index>(), 8),
        restarts in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let minute = |minute: i64| at("08:00").plus_millis(minute * MINUTE);
        let begin = [configured(&settings_of(vec![within(15)])), directory("E001,gate,0001,enrol,,\nE002,gate,0002,enrol,,\n")];
        let mut terms = vec![(Timestamp::MIN, within(15))];
        let mut told = Vec::new();
        // Settings are written in order of the gateway's clock; each asks for something else.
        let mut changes = changes;
        changes.sort_unstable();
        for (index, (now, stated)) in changes.into_iter().enumerate() {
            let policy = Policy { from: stated.map(minute), ..within(3 + 9 * index as u64) };
            told.push(configured_at(minute(now), &settings_of(vec![policy.clone()])));
            terms.push((minute(stated.unwrap_or(now)), policy));
        }
        let last = [complete(at("16:25"))];
        let first = [&begin[..], &mix(&facts, &told, &places[..4]), &last].concat();
        let second = [&begin[..], &mix(&shuffled, &told, &places[4..]), &last].concat();
        let until = first.iter().filter_map(|entry| match entry {
            Entry::Watermark { complete_until, .. } => Some(*complete_until),
            _ => None,
        }).max().expect("one at least");

        let straight = fold(&first);
        let punches = punches(&first, &settings_of(vec![office_door()]));
        let mut holds: Vec<_> = straight.holds(EventKind::Verdict).values().map(verdict).collect();
        holds.sort();
        prop_assert_eq!(holds, verdicts_by(&punches, &terms, until));

        let (mut gateway, mut upstream) = (Gateway::new(), Upstream::default());
        for (index, entry) in second.iter().enumerate() {
            upstream.take(gateway.step(entry));
            if restarts.iter().any(|place| place.index(second.len()) == index) {
                gateway.restart();
            }
        }
        prop_assert_eq!(upstream.everything(), straight.everything());
    }

    // Zones that are configured one after another, readings that arrive under each in any order, and words on the clock
    // afterwards, between them or not: each reading has the zone of the last word on it, or else of when it arrived.
    #[test]
    fn a_clock_is_read_as_configured_when_its_punches_came_unless_a_person_says_otherwise(
        arrivals in prop::collection::vec((0..3_usize, prop::collection::vec(0..1200_i64, 0..5)), 1..4),
        words in prop::collection::vec((0..3_usize, 0..1200_i64, prop::option::of(0..1200_i64)), 0..3),
        turned in any::<bool>(),
        restart in any::<bool>(),
    ) {
        const ZONES: [(&str, i64); 3] = [("Asia/Shanghai", 8), ("Asia/Tokyo", 9), ("UTC", 0)];
        let local = |minute: i64| at("00:00").plus_millis(minute * MINUTE);
        let (mut entries, mut expected) = (Vec::new(), Vec::new());
        for (index, (zone, minutes)) in arrivals.iter().enumerate() {
            let now = at("01:00").plus_millis(index as i64 * 60 * MINUTE);
            entries.push(configured_at(now, &zoned(ZONES[*zone].0, ClockMode::Trust)));
            let mut arrive: Vec<Entry> = Vec::new();
            for (place, minute) in minutes.iter().enumerate() {
                let sequence = (index * 100 + place) as u64;
                let shown = format!("{:02}:{:02}", minute / 60, minute % 60);
                // Long after, so that nothing is in the future.
                arrive.push(said("gate", now.plus_millis(1), finger(sequence, "0007", &shown)));
                expected.push((sequence, *minute, *zone));
            }
            if turned {
                arrive.reverse();
            }
            entries.extend(arrive);
        }
        for (zone, from, to) in &words {
            entries.push(Entry::Reinterpreted {
                device: "gate".into(),
                zone: ZONES[*zone].0.to_owned(),
                from: local(*from),
                to: to.map(local),
                actor: "otto".to_owned(),
                at: evening(),
            });
        }
        let (mut gateway, mut upstream) = (Gateway::new(), Upstream::default());
        for entry in &entries {
            upstream.take(gateway.step(entry));
            if restart {
                gateway.restart();
            }
        }
        let held = upstream.holds(EventKind::Punch);
        prop_assert_eq!(held.len(), expected.len());
        for (sequence, minute, configured) in expected {
            // What a clock shows in Shanghai is that many hours later or earlier elsewhere.
            let in_zone = |zone: usize| local(minute).plus_millis((8 - ZONES[zone].1) * 60 * MINUTE);
            let said = words.iter().rev().find(|(zone, from, to)| {
                local(*from) <= in_zone(*zone) && to.is_none_or(|to| in_zone(*zone) < local(to))
            });
            let zone = said.map_or(configured, |(zone, _, _)| *zone);
            let punch = held.values().find(|data| data["sequence"] == sequence).expect("held");
            prop_assert_eq!(punch["time"].as_i64(), Some(in_zone(zone).as_millis()), "number {}", sequence);
        }
    }
}
