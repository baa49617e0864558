//! A small language for timelines, and the bridge to the oracle.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use punchgate_model::{Credential, Direction, Factor, Outcome, Timestamp};
use punchgate_oracle as oracle;
use punchgate_rules::{
    NoGroups, Pairing, Policy, Punch, Record, Selector, TimeQuality, Verdict, merge_repeats, verify,
};

pub const MINUTE: i64 = 60_000;
pub const WITHIN: Duration = Duration::from_secs(300);

/// The instant of an RFC 3339 text.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// `08:40`, `08:40:00` or `08:40:00.001` on 2 March 2026, UTC; `+` in front: the day after.
pub fn clock(text: &str) -> Timestamp {
    let (day, time) = text.strip_prefix('+').map_or((2, text), |time| (3, time));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    at(&format!("2026-03-{day:02}T{time}{seconds}Z"))
}

/// A granted punch of E001; GPS comes from the app, everything else from the door.
pub fn punch(id: &str, factor: Factor, at: Timestamp) -> Punch {
    let app = matches!(factor, Factor::Gps | Factor::Wifi);
    Punch {
        id: id.into(),
        person: Some("E001".into()),
        credential: Credential::Person("E001".into()),
        factor,
        source: if app { "wecom".into() } else { "zk-1".into() },
        zone: if app { None } else { Some("hq-door".into()) },
        direction: Direction::Unknown,
        result: Outcome::Granted,
        at,
        uncertainty_ms: 0,
        time_quality: TimeQuality::Synced,
        held_out: false,
    }
}

/// `GPS 08:45:00, FP 09:00:00`: punches named after what they are.
pub fn timeline(text: &str) -> Vec<Punch> {
    let punches = text.split(", ").map(|item| {
        let (factor, time) = item.split_once(' ').expect("a factor and a time");
        let factor = match factor {
            "GPS" => Factor::Gps,
            "FP" => Factor::Fingerprint,
            "WIFI" => Factor::Wifi,
            "FACE" => Factor::Face,
            other => panic!("no factor {other}"),
        };
        punch(item, factor, clock(time))
    });
    punches.collect()
}

/// GPS or Wi-Fi first, fingerprint at the door second; 15 minutes, 4 hours.
pub fn office_door() -> Policy {
    let first = Selector {
        factors: vec![Factor::Gps, Factor::Wifi],
        ..Selector::default()
    };
    let second = Selector {
        factors: vec![Factor::Fingerprint, Factor::Face],
        ..Selector::default()
    };
    Policy::new("office-door", first, second)
}

pub fn any_order() -> Policy {
    Policy {
        order: Pairing::Any,
        ..office_door()
    }
}

pub fn judge(punches: &[Punch], policy: &Policy, until: Option<Timestamp>) -> Vec<Verdict> {
    verify(punches, policy, &NoGroups, WITHIN, until)
}

/// Verdicts in words: `verified GPS 08:45 + FP 09:00 gap 900000; superseded …; repeats …`.
pub fn story(verdicts: &[Verdict]) -> Vec<String> {
    let tell = |verdict: &Verdict| {
        let ids: Vec<&str> = [&verdict.first, &verdict.second]
            .into_iter()
            .flatten()
            .map(|id| id.as_str())
            .collect();
        let mut told = format!("{} {}", verdict.outcome.word(), ids.join(" + "));
        for (word, list) in [("superseded", &verdict.superseded), ("repeats", &verdict.repeats)] {
            if !list.is_empty() {
                let ids: Vec<&str> = list.iter().map(|id| id.as_str()).collect();
                told = format!("{told}; {word} {}", ids.join(" and "));
            }
        }
        told
    };
    verdicts.iter().map(tell).collect()
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a short span")
}

/// The punches as the oracle takes them: granted ones only, and for verdicts only those not held out.
fn for_oracle(punches: &[Punch], keep: impl Fn(&Punch) -> bool) -> Vec<oracle::Punch> {
    punches
        .iter()
        .filter(|p| p.result == Outcome::Granted && keep(p))
        .filter_map(|p| {
            Some(oracle::Punch {
                id: p.id.to_string(),
                person: p.person.as_ref()?.to_string(),
                factor: p.factor.to_string(),
                source: p.source.to_string(),
                zone: p.zone.as_ref().map(ToString::to_string),
                direction: p.direction.to_string(),
                at: p.at.as_millis(),
                uncertainty: i64::from(p.uncertainty_ms),
            })
        })
        .collect()
}

fn record(record: &Record) -> oracle::Record {
    oracle::Record {
        person: record.person.to_string(),
        first_at: record.first_at.as_millis(),
        id: record.id.to_string(),
        last_at: record.last_at.as_millis(),
        repeats: record.repeats.iter().map(ToString::to_string).collect(),
    }
}

fn verdict(verdict: &Verdict) -> oracle::Verdict {
    oracle::Verdict {
        person: verdict.person.to_string(),
        at: verdict.at.as_millis(),
        outcome: verdict.outcome.word().to_owned(),
        first: verdict.first.as_ref().map(ToString::to_string),
        second: verdict.second.as_ref().map(ToString::to_string),
        gap_ms: verdict.gap_ms,
        certain: verdict.certain,
        superseded: verdict.superseded.iter().map(ToString::to_string).collect(),
        repeats: verdict.repeats.iter().map(ToString::to_string).collect(),
    }
}

/// Panics where the rules and the oracle disagree. The policy must select by factor only.
pub fn agree(punches: &[Punch], policies: &[Policy], within: Duration, until: Option<Timestamp>) {
    let mut ours: Vec<oracle::Record> = merge_repeats(punches, within).iter().map(record).collect();
    ours.sort();
    assert_eq!(
        ours,
        oracle::records(&for_oracle(punches, |_| true), ms(within)),
        "records of {punches:#?}"
    );
    let theirs_input = for_oracle(punches, |p| !p.held_out);
    for policy in policies {
        let among = |list: &[Factor], p: &oracle::Punch| list.iter().any(|f| f.word() == p.factor);
        let theirs = oracle::verdicts(
            &theirs_input,
            &oracle::Policy {
                is_first: &|p| among(&policy.first.factors, p),
                is_second: &|p| among(&policy.second.factors, p),
                window: ms(policy.window),
                unrelated_after: ms(policy.unrelated_after),
                any_order: policy.order == Pairing::Any,
                reuse_first: policy.reuse_first,
                repeats_within: ms(within),
                until: until.map(Timestamp::as_millis),
            },
        );
        let mut ours: Vec<oracle::Verdict> = verify(punches, policy, &NoGroups, within, until)
            .iter()
            .map(verdict)
            .collect();
        ours.sort();
        assert_eq!(ours, theirs, "verdicts of {policy:#?} on {punches:#?} until {until:?}");
    }
}
