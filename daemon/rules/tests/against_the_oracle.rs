//! Every short history over an alphabet that covers every boundary: the rules say what the naive reference says.

mod common;

use common::{MINUTE, WITHIN, agree, any_order, clock, judge, office_door, punch};
use punchgate_model::{Factor, Outcome, Timestamp};
use punchgate_rules::{Policy, Punch};

const WINDOW: i64 = 15 * MINUTE;
const UNRELATED: i64 = 240 * MINUTE;

#[derive(Clone, Copy)]
struct Letter {
    factor: Factor,
    result: Outcome,
    /// Milliseconds since the letter before.
    gap: i64,
}

fn letters(factors: &[Factor], gaps: &[i64]) -> Vec<Letter> {
    let granted = factors.iter().map(|f| (*f, Outcome::Granted));
    granted
        .flat_map(|(factor, result)| {
            gaps.iter().map(move |gap| Letter {
                factor,
                result,
                gap: *gap,
            })
        })
        .collect()
}

fn policies() -> Vec<Policy> {
    let once = |policy: Policy| Policy {
        reuse_first: false,
        ..policy
    };
    vec![office_door(), any_order(), once(office_door()), once(any_order())]
}

/// Every word of `length` letters, as a history that starts at 08:00.
fn each_history(alphabet: &[Letter], length: u32, mut check: impl FnMut(&[Punch])) -> usize {
    let words = alphabet.len().pow(length);
    for word in 0..words {
        let (mut rest, mut now) = (word, clock("08:00"));
        let history: Vec<Punch> = (0..length)
            .map(|place| {
                let letter = alphabet[rest % alphabet.len()];
                rest /= alphabet.len();
                now = now.plus_millis(letter.gap);
                // at equal instants the id decides, and does not follow the order of writing
                let id = format!(
                    "{}{place}",
                    if (word + place as usize).is_multiple_of(2) {
                        'b'
                    } else {
                        'a'
                    }
                );
                Punch {
                    result: letter.result,
                    ..punch(&id, letter.factor, now)
                }
            })
            .collect();
        check(&history);
    }
    words
}

#[test]
fn every_history_of_three_punches_at_every_boundary() {
    let gaps = [
        0,
        1,
        5 * MINUTE,
        5 * MINUTE + 1,
        WINDOW - 1,
        WINDOW,
        WINDOW + 1,
        UNRELATED,
        UNRELATED + 1,
    ];
    let mut alphabet = letters(&[Factor::Gps, Factor::Fingerprint, Factor::Face], &gaps);
    alphabet.push(Letter {
        factor: Factor::Gps,
        result: Outcome::Pending,
        gap: 1,
    });
    alphabet.push(Letter {
        factor: Factor::Fingerprint,
        result: Outcome::Denied,
        gap: 1,
    });
    let policies = policies();
    let mut untils = [
        None,
        Some(clock("08:15")),
        Some(clock("08:15:00.001")),
        Some(Timestamp::MAX),
    ]
    .into_iter()
    .cycle();
    let count = each_history(&alphabet, 3, |history| {
        agree(history, &policies, WITHIN, untils.next().flatten());
    });
    assert_eq!(count, 29 * 29 * 29);
}

#[test]
fn every_history_of_five_punches_at_the_main_boundaries() {
    let gaps = [5 * MINUTE, WINDOW, WINDOW + 1, UNRELATED + 1];
    let alphabet = letters(&[Factor::Gps, Factor::Fingerprint], &gaps);
    let policies = policies();
    assert_eq!(
        each_history(&alphabet, 5, |history| agree(history, &policies, WITHIN, None)),
        8_usize.pow(5)
    );
}

#[test]
fn every_history_of_seven_punches_in_and_out_of_the_window() {
    let alphabet = letters(&[Factor::Gps, Factor::Fingerprint], &[4 * MINUTE, WINDOW + 1]);
    let policies = [office_door(), any_order()];
    assert_eq!(
        each_history(&alphabet, 7, |history| agree(history, &policies, WITHIN, None)),
        4_usize.pow(7)
    );
}

/// All orders of a list, by exchanging one pair at a time (Heap).
fn each_order(punches: &mut [Punch], check: &mut impl FnMut(&[Punch])) {
    fn heap(k: usize, punches: &mut [Punch], check: &mut impl FnMut(&[Punch])) {
        if k <= 1 {
            return check(punches);
        }
        for i in 0..k {
            heap(k - 1, punches, check);
            if i + 1 < k {
                punches.swap(if k.is_multiple_of(2) { i } else { 0 }, k - 1);
            }
        }
    }
    heap(punches.len(), punches, check);
}

#[test]
fn all_orders_of_five_punches_come_to_the_same() {
    let alphabet = letters(&[Factor::Gps, Factor::Fingerprint], &[0, 5 * MINUTE, WINDOW + 1]);
    let mut nth = 0;
    each_history(&alphabet, 5, |history| {
        nth += 1;
        if nth % 97 != 0 {
            return;
        }
        let expected = judge(history, &office_door(), None);
        each_order(&mut history.to_vec(), &mut |order| {
            assert_eq!(judge(order, &office_door(), None), expected, "{order:#?}");
        });
    });
}

#[test]
fn all_orders_of_seven_punches_come_to_the_same() {
    let mut punches = common::timeline("FP 08:38, GPS 08:40, GPS 08:44, FP 08:58, FP 08:58:30, GPS 09:13, FP 13:00");
    let expected = judge(&punches, &any_order(), None);
    let mut orders = 0;
    each_order(&mut punches, &mut |order| {
        orders += 1;
        assert_eq!(judge(order, &any_order(), None), expected);
    });
    assert_eq!(orders, 5040);
}
