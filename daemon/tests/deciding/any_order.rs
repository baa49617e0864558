//! Any order, duplicates, restarts and rebuilds in between: the same state in the end, and the reference's.

use proptest::prelude::*;
use punchgate_journal::Entry;
use punchgate_model::{Credential, Factor, Origin, Outcome, Reading};
use punchgate_rules::{Pairing, Policy};

use crate::world::*;

/// Minutes after eight around every boundary of the policy, in milliseconds.
const MOMENTS: &[i64] = &[
    0,
    1,
    5 * MINUTE,
    5 * MINUTE + 1,
    15 * MINUTE,
    15 * MINUTE + 1,
    20 * MINUTE,
    30 * MINUTE,
    240 * MINUTE,
    240 * MINUTE + 1,
    500 * MINUTE,
];

fn moment() -> impl Strategy<Value = i64> {
    prop::sample::select(MOMENTS)
}

fn app_reading() -> impl Strategy<Value = Entry> {
    let result = prop::sample::select(vec![Outcome::Granted, Outcome::Granted, Outcome::Pending]);
    (0..12_u8, 1..3_u8, moment(), result).prop_map(|(id, person, moment, result)| {
        let reading = Reading {
            result,
            ..gps(
                &format!("a{id}"),
                &format!("E00{person}"),
                at("08:00").plus_millis(moment),
            )
        };
        said("app", evening(), reading)
    })
}

fn gate_reading() -> impl Strategy<Value = Entry> {
    let factor = prop::sample::select(vec![Factor::Fingerprint, Factor::Fingerprint, Factor::Card]);
    let times = prop::sample::select(vec![0, 0, 0, 0, 1]);
    (0..12_u64, 1..4_u8, moment(), factor, times, any::<bool>()).prop_map(
        |(sequence, number, moment, factor, wrong, live)| {
            let shown = at("08:00").plus_millis(moment).to_jiff();
            let shown = jiff::tz::TimeZone::get("Asia/Shanghai")
                .expect("a zone")
                .to_datetime(shown);
            let year = if wrong == 1 { "2099" } else { "2026" };
            let text = shown.strftime(&format!("{year}-%m-%dT%H:%M:%S")).to_string();
            let reading = Reading {
                sequence: Some(sequence),
                device_time: Some(printed(&text, None)),
                origin: if live { Origin::Live } else { Origin::Log },
                ..Reading::new(Credential::Enrol(format!("000{number}")), factor)
            };
            said("gate", evening(), reading)
        },
    )
}

fn measurement() -> impl Strategy<Value = Entry> {
    let offsets = prop::sample::select(vec![0, 95_000, -60_000, 3_600_000]);
    (moment(), offsets).prop_map(|(moment, offset)| ahead(at("08:00").plus_millis(moment + 7), offset))
}

/// What the directory says from some point on.
fn people() -> impl Strategy<Value = Entry> {
    prop::collection::vec((1..4_u8, 1..3_u8), 0..4).prop_map(|rows| {
        let rows = rows
            .into_iter()
            .map(|(number, person)| format!("E00{person},gate,000{number},enrol,,\n"));
        directory(&rows.collect::<String>())
    })
}

pub fn facts() -> impl Strategy<Value = Vec<Entry>> {
    let fact = prop_oneof![
        5 => app_reading(),
        6 => gate_reading(),
        2 => measurement(),
        1 => (0..600_i64).prop_map(|minutes| complete(at("08:00").plus_millis(minutes * MINUTE))),
    ];
    prop::collection::vec(fact, 1..30)
}

/// Directories keep their order, because the last one counts; everything else may come in any.
pub fn mix(facts: &[Entry], directories: &[Entry], places: &[prop::sample::Index]) -> Vec<Entry> {
    let mut mixed = facts.to_vec();
    let mut at: Vec<usize> = places.iter().map(|place| place.index(mixed.len() + 1)).collect();
    at.sort_unstable();
    for (place, directory) in at.into_iter().zip(directories).rev() {
        mixed.insert(place, directory.clone());
    }
    mixed
}

#[derive(Debug, Clone, Copy)]
enum Mishap {
    Restart,
    Rebuild,
    SeenAgain,
}

fn policies() -> impl Strategy<Value = Policy> {
    (any::<bool>(), any::<bool>()).prop_map(|(any_order, reuse_first)| Policy {
        order: if any_order {
            Pairing::Any
        } else {
            Pairing::FirstThenSecond
        },
        reuse_first,
        ..office_door()
    })
}

pub fn cases(normal: u32) -> ProptestConfig {
    // PROPTEST_CASES asks for a longer run.
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(normal))
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn what_holds_depends_on_the_facts_and_not_on_how_they_came(
        policy in policies(),
        (facts, shuffled) in facts().prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
        directories in prop::collection::vec(people(), 3),
        places in prop::collection::vec(any::<prop::sample::Index>(), 6),
        mishaps in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(vec![Mishap::Restart, Mishap::Rebuild, Mishap::SeenAgain])),
            0..6,
        ),
    ) {
        let settings = settings_of(vec![policy]);
        let last = [complete(at("16:25"))];
        let begin = [configured(&settings)];
        let first = [&begin[..], &mix(&facts, &directories, &places[..3]), &last].concat();
        let second = [&begin[..], &mix(&shuffled, &directories, &places[3..]), &last].concat();
        let until = first.iter().filter_map(|entry| match entry {
            Entry::Watermark { complete_until, .. } => Some(*complete_until),
            _ => None,
        }).max().expect("one at least");

        let straight = fold(&first);
        agree(&straight, &first, &settings, until);

        let (mut gateway, mut upstream, mut told) = (Gateway::new(), Upstream::default(), Vec::new());
        for (index, entry) in second.iter().enumerate() {
            let events = gateway.step(entry);
            told.extend(events.clone());
            upstream.take(events);
            for (_, mishap) in mishaps.iter().filter(|(place, _)| place.index(second.len()) == index) {
                match mishap {
                    Mishap::Restart => gateway.restart(),
                    Mishap::Rebuild => {
                        let again = gateway.rebuild();
                        let bytes = |events: &[punchgate_upstream::Outgoing]| -> Vec<Vec<u8>> {
                            events.iter().map(|event| event.to_bytes().expect("JSON")).collect()
                        };
                        prop_assert_eq!(bytes(&again), bytes(&told), "a rebuild says the same, with the same numbers");
                    }
                    Mishap::SeenAgain if !matches!(entry, Entry::Directory { .. }) => {
                        prop_assert!(gateway.step(entry).is_empty(), "{:?} seen twice", entry);
                    }
                    Mishap::SeenAgain => {}
                }
            }
        }
        prop_assert_eq!(upstream.everything(), straight.everything());
    }
}
