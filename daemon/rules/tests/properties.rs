//! The final records and verdicts depend only on the set of punches (`semantics.md`, first paragraph).

mod common;

use common::{MINUTE, WITHIN, agree, any_order, clock, office_door, punch};
use proptest::{collection::vec, prelude::*, sample::select};
use punchgate_model::{Direction, Factor, Outcome, Timestamp};
use punchgate_rules::{Findings, NoGroups, Policy, Punch, Rules, Stretch, evaluate, evaluate_stretch, stretch_around};

/// `PROPTEST_CASES` for a long run.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1500)
}

fn rules() -> Rules {
    let quick = Policy {
        name: "quick".into(),
        window: WITHIN,
        unrelated_after: WITHIN * 4,
        ..any_order()
    };
    let once = Policy {
        name: "once".into(),
        reuse_first: false,
        ..office_door()
    };
    // a window longer than the time after which punches are unrelated: allowed, and odd
    let odd = Policy {
        name: "odd".into(),
        unrelated_after: WITHIN / 2,
        ..office_door()
    };
    let any = Policy {
        name: "any".into(),
        ..any_order()
    };
    // a window shorter than the repeats
    let short = Policy {
        name: "short".into(),
        window: WITHIN / 5,
        unrelated_after: WITHIN * 3,
        ..office_door()
    };
    Rules {
        repeats_within: WITHIN,
        policies: vec![office_door(), any, quick, once, odd, short],
    }
}

/// Each policy alone, for it is alone that it allows the most cuts, and all of them together.
fn some_rules() -> impl Strategy<Value = Rules> {
    let alone = |policy: &Policy| Rules {
        policies: vec![policy.clone()],
        ..rules()
    };
    let mut each: Vec<Rules> = rules().policies.iter().map(alone).collect();
    each.push(rules());
    select(each)
}

prop_compose! {
    fn some_punch()(
        gap in select(vec![0, 1, MINUTE, 4 * MINUTE, 5 * MINUTE, 5 * MINUTE + 1, 6 * MINUTE, 14 * MINUTE, 15 * MINUTE,
            15 * MINUTE + 1, 20 * MINUTE, 30 * MINUTE, 239 * MINUTE, 240 * MINUTE, 240 * MINUTE + 1, 600 * MINUTE]),
        factor in select(vec![Factor::Gps, Factor::Gps, Factor::Wifi, Factor::Fingerprint, Factor::Fingerprint,
            Factor::Face, Factor::Card]),
        direction in select(vec![Direction::Unknown, Direction::Unknown, Direction::In, Direction::Out]),
        zoned in prop::bool::weighted(0.8),
        result in select(vec![Outcome::Granted, Outcome::Granted, Outcome::Granted, Outcome::Granted,
            Outcome::Pending, Outcome::Denied]),
        doubt in select(vec![0, 0, 1, 2000]),
        held_out in prop::bool::weighted(0.05),
        tie in any::<u8>(),
    ) -> (i64, Punch) {
        let mut punch = Punch { direction, result, uncertainty_ms: doubt, held_out, ..punch("", factor, clock("08:00")) };
        if !zoned {
            punch.zone = None;
        }
        punch.id = format!("{tie:02x}").as_str().into();
        (gap, punch)
    }
}

/// A history of one person, in order of time, ids unique and not in order.
fn history(longest: usize) -> impl Strategy<Value = Vec<Punch>> {
    vec(some_punch(), 0..longest).prop_map(|steps| {
        let mut now = clock("08:00");
        let place = |(index, (gap, punch)): (usize, (i64, Punch))| {
            now = now.plus_millis(gap);
            Punch {
                id: format!("{}-{index}", punch.id).as_str().into(),
                at: now,
                ..punch
            }
        };
        let mut punches: Vec<Punch> = steps.into_iter().enumerate().map(place).collect();
        punches.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        punches
    })
}

fn until() -> impl Strategy<Value = Option<Timestamp>> {
    let minute = (0..6000_i64).prop_map(|minute| Some(clock("08:00").plus_millis(minute * MINUTE)));
    prop_oneof![2 => Just(None), 1 => minute]
}

fn all(punches: &[Punch], until: Option<Timestamp>) -> Findings {
    by(&rules(), punches, until)
}

fn by(rules: &Rules, punches: &[Punch], until: Option<Timestamp>) -> Findings {
    evaluate(punches, &NoGroups, rules, until)
}

fn outside(found: &Findings, stretch: &Stretch) -> Findings {
    Findings {
        records: found
            .records
            .iter()
            .filter(|r| !stretch.contains(r.first_at))
            .cloned()
            .collect(),
        verdicts: found
            .verdicts
            .iter()
            .filter(|v| !stretch.contains(v.at))
            .cloned()
            .collect(),
    }
}

fn inside(found: &Findings, stretch: &Stretch) -> Findings {
    Findings {
        records: found
            .records
            .iter()
            .filter(|r| stretch.contains(r.first_at))
            .cloned()
            .collect(),
        verdicts: found
            .verdicts
            .iter()
            .filter(|v| stretch.contains(v.at))
            .cloned()
            .collect(),
    }
}

fn part(punches: &[Punch], stretch: &Stretch) -> Vec<Punch> {
    punches.iter().filter(|p| stretch.contains(p.at)).cloned().collect()
}

fn stretch_by(rules: &Rules, history: &[Punch], stretch: Stretch, until: Option<Timestamp>) -> Findings {
    evaluate_stretch(&part(history, &stretch), stretch, &NoGroups, rules, until)
}

fn around(rules: &Rules, punches: &[Punch], at: Timestamp, until: Option<Timestamp>) -> Stretch {
    match stretch_around(punches, at, &NoGroups, rules, until) {
        Ok(stretch) => stretch,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_rules_say_what_the_oracle_says(punches in history(24), until in until()) {
        agree(&punches, &rules().policies, WITHIN, until);
    }

    #[test]
    fn order_and_duplicates_do_not_matter(
        (punches, shuffled) in history(16).prop_flat_map(|p| {
            let twice: Vec<Punch> = p.iter().chain(p.iter().take(5)).cloned().collect();
            (Just(p), Just(twice).prop_shuffle())
        }),
        until in until(),
    ) {
        prop_assert_eq!(all(&shuffled, until), all(&punches, until));
    }

    #[test]
    fn people_do_not_touch_one_another(a in history(10), b in history(10)) {
        let of = |punches: &[Punch], person: &str| -> Vec<Punch> {
            let renamed = |p: &Punch| Punch { id: format!("{person}{}", p.id).as_str().into(), person: Some(person.into()), ..p.clone() };
            punches.iter().map(renamed).collect()
        };
        let (a, b) = (of(&a, "E1"), of(&b, "E2"));
        let mut together = all(&[b.clone(), a.clone()].concat(), None);
        together.verdicts.sort_by(|x, y| x.person.cmp(&y.person));
        let (mut apart, second) = (all(&a, None), all(&b, None));
        apart.records.extend(second.records);
        apart.verdicts.extend(second.verdicts);
        prop_assert_eq!(together, apart);
    }

    #[test]
    fn a_late_punch_touches_its_stretch_and_nothing_else(
        (punches, index) in history(40).prop_filter("something to take away", |p| !p.is_empty())
            .prop_flat_map(|p| { let n = p.len(); (Just(p), 0..n) }),
        until in until(),
        rules in some_rules(),
    ) {
        let mut without = punches.clone();
        let late = without.remove(index);
        let (before, after) = (by(&rules, &without, until), by(&rules, &punches, until));
        let stretch = around(&rules, &punches, late.at, until);
        prop_assert_eq!(stretch, around(&rules, &without, late.at, until), "the change does not move its own bounds");
        prop_assert_eq!(outside(&before, &stretch), outside(&after, &stretch));
        for (history, found) in [(&without, &before), (&punches, &after)] {
            prop_assert_eq!(&stretch_by(&rules, history, stretch, until), &inside(found, &stretch));
        }
    }

    #[test]
    fn a_history_fed_punch_by_punch_ends_as_if_known_at_once(
        (punches, order) in history(30).prop_flat_map(|p| (Just(p.clone()), Just(p).prop_shuffle())),
        until in until(),
        rules in some_rules(),
    ) {
        let mut known: Vec<Punch> = Vec::new();
        let mut found = Findings::default();
        for punch in order {
            let at = punch.at;
            known.push(punch);
            known.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
            let stretch = around(&rules, &known, at, until);
            let anew = stretch_by(&rules, &known, stretch, until);
            found = outside(&found, &stretch);
            found.records.extend(anew.records);
            found.verdicts.extend(anew.verdicts);
        }
        let mut expected = by(&rules, &punches, until);
        for found in [&mut found, &mut expected] {
            found.records.sort_by(|a, b| a.id.cmp(&b.id));
            found.verdicts.sort_by(|a, b| a.id.cmp(&b.id));
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_punch_is_accounted_for(punches in history(30)) {
        let found = all(&punches, None);
        let mut told: Vec<&str> = found.records.iter()
            .flat_map(|r| std::iter::once(&r.id).chain(&r.repeats)).map(|id| id.as_str()).collect();
        let mut counted: Vec<&str> = punches.iter().filter(|p| p.counts()).map(|p| p.id.as_str()).collect();
        told.sort_unstable();
        counted.sort_unstable();
        prop_assert_eq!(told, counted);
    }
}

#[test]
fn verdict_ids_are_unique() {
    let punches = common::timeline("FP 08:38, GPS 08:40, GPS 08:44, FP 08:58, FP 08:58:30, GPS 09:13, FP 13:00");
    let found = all(&punches, None);
    let ids: std::collections::BTreeSet<_> = found.verdicts.iter().map(|v| &v.id).collect();
    assert_eq!(ids.len(), found.verdicts.len());
}
