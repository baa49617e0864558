//! The cost of one new punch does not grow with the history (`semantics.md` section 5).

mod common;

use common::{MINUTE, any_order, clock, office_door, punch};
use punchgate_model::{Factor, Timestamp};
use punchgate_rules::{NoGroups, Policy, Punch, Rules, Stretch, stretch_around};

fn rules(policies: &[Policy]) -> Rules {
    Rules {
        policies: policies.to_vec(),
        ..Rules::default()
    }
}

fn around(punches: &[Punch], at: Timestamp, rules: &Rules, until: Option<Timestamp>) -> (Stretch, usize) {
    let Ok(stretch) = stretch_around(punches, at, &NoGroups, rules, until);
    (stretch, punches.iter().filter(|p| stretch.contains(p.at)).count())
}

/// GPS and fingerprint by turns, for as long as asked.
fn by_turns(count: i64, every: i64) -> Vec<Punch> {
    let factor = |n| if n % 2 == 0 { Factor::Gps } else { Factor::Fingerprint };
    (0..count)
        .map(|n| punch(&format!("{n:08}"), factor(n), clock("08:00").plus_millis(n * every)))
        .collect()
}

#[test]
fn a_working_day_is_a_stretch() {
    let day = |n: i64| {
        let at = |hour: i64, minute: i64| clock("00:00").plus_millis((n * 1440 + hour * 60 + minute) * MINUTE);
        [
            punch(&format!("{n}a"), Factor::Gps, at(8, 40)),
            punch(&format!("{n}b"), Factor::Fingerprint, at(8, 50)),
            punch(&format!("{n}c"), Factor::Fingerprint, at(12, 0)),
            punch(&format!("{n}d"), Factor::Fingerprint, at(18, 0)),
        ]
    };
    let year: Vec<Punch> = (0..365).flat_map(day).collect();
    let noon = clock("12:00").plus_millis(180 * 1440 * MINUTE);
    for policy in [office_door(), any_order()] {
        let (_, touched) = around(&year, noon, &rules(&[policy]), None);
        assert!(touched <= 5, "{touched} punches for one");
    }
}

#[test]
fn a_history_without_a_pause_is_cut_where_pairs_close() {
    let punches = by_turns(20_000, 10 * MINUTE);
    let (_, touched) = around(&punches, punches[10_000].at, &rules(&[office_door()]), None);
    assert!(touched <= 4, "{touched} punches for one");
}

#[test]
fn seconds_alone_are_cut_where_they_are_forgotten() {
    let fingers = |n: i64| {
        punch(
            &format!("{n:08}"),
            Factor::Fingerprint,
            clock("08:00").plus_millis(n * 30 * MINUTE),
        )
    };
    let punches: Vec<Punch> = (0..20_000).map(fingers).collect();
    for policy in [office_door(), any_order()] {
        let (_, touched) = around(&punches, punches[10_000].at, &rules(&[policy]), None);
        assert!(touched <= 3, "{touched} punches for one");
    }
}

#[test]
fn only_what_the_change_can_reach_is_read() {
    struct Counted<'a>(&'a [Punch], std::cell::Cell<usize>);
    impl punchgate_rules::Timeline for Counted<'_> {
        type Error = std::convert::Infallible;
        fn before(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, Self::Error> {
            self.1.set(self.1.get() + limit);
            self.0.before(at, limit)
        }
        fn after(&self, at: Timestamp, limit: usize) -> Result<Vec<Punch>, Self::Error> {
            self.1.set(self.1.get() + limit);
            self.0.after(at, limit)
        }
    }
    for length in [1_000, 100_000] {
        let punches = by_turns(length, 10 * MINUTE);
        let middle = punches[punches.len() / 2].at;
        let timeline = Counted(&punches, std::cell::Cell::new(0));
        let Ok(_) = stretch_around(&timeline, middle, &NoGroups, &rules(&[office_door()]), None);
        assert!(timeline.1.get() <= 200, "{} punches read of {length}", timeline.1.get());
    }
}

#[test]
fn a_tail_that_is_not_complete_is_cut_where_what_follows_has_ended_what_was_open() {
    let punches = by_turns(20_000, 10 * MINUTE);
    let long_ago = Some(clock("08:00"));
    let (_, touched) = around(&punches, punches[10_000].at, &rules(&[office_door()]), long_ago);
    assert!(touched <= 4, "{touched} punches for one");
}

#[test]
fn nothing_is_cut_after_what_is_still_pending() {
    let punches = [
        punch("a", Factor::Gps, clock("08:00")),
        punch("b", Factor::Card, clock("18:00")),
    ];
    let rules = rules(&[office_door()]);
    let (stretch, _) = around(&punches, clock("18:00"), &rules, Some(clock("08:15")));
    assert_eq!(stretch.from, Timestamp::MIN, "the window of a is still open");
    let (stretch, _) = around(&punches, clock("18:00"), &rules, Some(clock("08:15:00.001")));
    assert_eq!(stretch.from, clock("18:00"));
}

#[test]
fn stretches_that_overlap_are_joined() {
    let stretch = |from, to: Option<&str>| Stretch {
        from: clock(from),
        to: to.map(clock),
    };
    let joined = Stretch::joined(vec![
        stretch("12:00", None),
        stretch("08:00", Some("09:00")),
        stretch("08:30", Some("10:00")),
        stretch("13:00", Some("14:00")),
        stretch("10:00", Some("11:00")),
    ]);
    let expected = [
        stretch("08:00", Some("10:00")),
        stretch("10:00", Some("11:00")),
        stretch("12:00", None),
    ];
    assert_eq!(joined, expected);
}
