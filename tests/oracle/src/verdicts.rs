//! Section 4 of `semantics.md`, told backwards: whether a punch is open, judged or superseded is found by asking
//! what became of everything before it, from the beginning, every time.

use crate::{Punch, sorted};

/// A policy: which punches are firsts and seconds, and its spans in milliseconds.
pub struct Policy<'a> {
    /// Whether a punch is matched by the first selector.
    pub is_first: &'a dyn Fn(&Punch) -> bool,
    /// Whether a punch is matched by the second selector.
    pub is_second: &'a dyn Fn(&Punch) -> bool,
    /// The window.
    pub window: i64,
    /// From what distance on two punches are unrelated.
    pub unrelated_after: i64,
    /// `order = "any"`.
    pub any_order: bool,
    /// `reuse_first`.
    pub reuse_first: bool,
    /// `repeats.within`.
    pub repeats_within: i64,
    /// Complete up to here; `None`: altogether.
    pub until: Option<i64>,
}

/// A verdict, by ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    /// Whose.
    pub person: String,
    /// When its earliest punch was, superseded ones aside.
    pub at: i64,
    /// `verified late wrong_order missing_first missing_second pending`.
    pub outcome: String,
    /// The first.
    pub first: Option<String>,
    /// The second.
    pub second: Option<String>,
    /// The distance, where there are both.
    pub gap_ms: Option<i64>,
    /// Whether the outcome is beyond doubt, where there are both.
    pub certain: Option<bool>,
    /// What the open punch replaced.
    pub superseded: Vec<String>,
    /// Repeats of the punch that closed it.
    pub repeats: Vec<String>,
}

/// All verdicts of a policy, person by person.
pub fn verdicts(punches: &[Punch], policy: &Policy<'_>) -> Vec<Verdict> {
    let all = sorted(punches);
    let mut people: Vec<String> = all.iter().map(|p| p.person.clone()).collect();
    people.sort();
    people.dedup();
    let mut out: Vec<Verdict> = people
        .iter()
        .flat_map(|person| {
            let theirs: Vec<(Punch, char)> = all
                .iter()
                .filter(|p| &p.person == person)
                .filter_map(|p| letter(p, policy).map(|kind| (p.clone(), kind)))
                .collect();
            of_one_person(&theirs, policy)
        })
        .collect();
    out.sort();
    out
}

/// `F` for a first (also one that is both), `S` for a second.
fn letter(punch: &Punch, policy: &Policy<'_>) -> Option<char> {
    if (policy.is_first)(punch) {
        Some('F')
    } else {
        (policy.is_second)(punch).then_some('S')
    }
}

/// What became of a punch when it arrived.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    /// It waits for a partner.
    Opened,
    /// It met the open punch at this index.
    Closed { with: usize, outcome: &'static str },
    /// It used the first at this index again.
    Reused { first: usize },
    /// A second without a first.
    Alone,
    /// A repeat of the punch at this index.
    Repeat { of: usize },
}

/// The fates of all punches: each is derived from the fates before it alone.
fn fates(punches: &[(Punch, char)], policy: &Policy<'_>) -> Vec<Fate> {
    let mut fates: Vec<Fate> = Vec::new();
    for (index, (punch, kind)) in punches.iter().enumerate() {
        let mut fate = None;
        if let Some(open) = open_before(&fates) {
            let (partner, partner_kind) = &punches[open];
            let gap = punch.at - partner.at;
            if partner_kind == kind {
                fate = Some(Fate::Opened);
            } else if gap <= policy.window {
                fate = Some(Fate::Closed {
                    with: open,
                    outcome: "verified",
                });
            } else if gap <= policy.unrelated_after {
                fate = Some(Fate::Closed {
                    with: open,
                    outcome: "late",
                });
            }
        }
        let fate = fate.unwrap_or_else(|| fate_with_none_open(&fates, punches, index, policy));
        fates.push(fate);
    }
    fates
}

/// The open punch is the last that is no repeat, provided it opened: anything else closed what was open.
fn open_before(fates: &[Fate]) -> Option<usize> {
    let last = fates.len().checked_sub(1)?;
    (fates[last] == Fate::Opened).then_some(last)
}

fn fate_with_none_open(fates: &[Fate], punches: &[(Punch, char)], index: usize, policy: &Policy<'_>) -> Fate {
    let (punch, kind) = &punches[index];
    let judged = fates
        .iter()
        .rposition(|f| matches!(f, Fate::Closed { .. } | Fate::Reused { .. } | Fate::Alone));
    if let Some(of) = judged {
        let (anchor, anchor_kind) = &punches[of];
        if anchor_kind == kind && anchor.alike(punch) && punch.at - anchor.at <= policy.repeats_within {
            return Fate::Repeat { of };
        }
    }
    if *kind == 'F' {
        return Fate::Opened;
    }
    let verified_firsts = fates.iter().enumerate().filter_map(|(closer, fate)| match fate {
        Fate::Closed {
            with,
            outcome: "verified",
        } => Some(if punches[closer].1 == 'F' { closer } else { *with }),
        Fate::Reused { first } => Some(*first),
        _ => None,
    });
    match verified_firsts.max() {
        Some(first) if policy.reuse_first && punch.at - punches[first].0.at <= policy.window => Fate::Reused { first },
        _ if policy.any_order => Fate::Opened,
        _ => Fate::Alone,
    }
}

fn of_one_person(punches: &[(Punch, char)], policy: &Policy<'_>) -> Vec<Verdict> {
    let fates = fates(punches, policy);
    let mut found: Vec<(usize, Verdict)> = Vec::new();
    for (index, fate) in fates.iter().enumerate() {
        let (punch, kind) = &punches[index];
        let repeats: Vec<String> = (0..fates.len())
            .filter(|i| fates[*i] == Fate::Repeat { of: index })
            .map(|i| punches[i].0.id.clone())
            .collect();
        match fate {
            Fate::Repeat { .. } => {}
            Fate::Alone => found.push((index, lonely(punch, "missing_first", repeats))),
            Fate::Reused { first } => {
                let mut verdict = pair("verified", &punches[*first].0, punch, policy.window);
                verdict.repeats = repeats;
                found.push((*first, verdict));
            }
            Fate::Closed { with, outcome } => {
                let partner = &punches[*with].0;
                let (first, second) = if *kind == 'F' {
                    (punch, partner)
                } else {
                    (partner, punch)
                };
                let mut verdict = pair(outcome, first, second, policy.window);
                verdict.repeats = repeats;
                verdict.superseded = superseded_by(*with, punches, &fates, policy);
                found.push((*with, verdict));
            }
            Fate::Opened => {
                let used = fates
                    .iter()
                    .any(|f| matches!(f, Fate::Closed { with, .. } if *with == index));
                let replaced = punches.get(index + 1).is_some_and(|(next, next_kind)| {
                    fates[index + 1] == Fate::Opened && next_kind == kind && next.at - punch.at <= policy.window
                });
                if used || replaced {
                    continue;
                }
                let lapsed = policy.until.is_none_or(|until| until > punch.at + policy.window);
                let ended = index + 1 < punches.len() || lapsed;
                let missing = if *kind == 'F' {
                    "missing_second"
                } else {
                    "missing_first"
                };
                let mut verdict = lonely(punch, if ended { missing } else { "pending" }, repeats);
                if *kind == 'F' {
                    verdict.first = verdict.second.take();
                }
                verdict.superseded = superseded_by(index, punches, &fates, policy);
                found.push((index, verdict));
            }
        }
    }
    // by the place of the earliest punch
    found.sort_by_key(|(earliest, _)| *earliest);
    let found: Vec<Verdict> = found.into_iter().map(|(_, verdict)| verdict).collect();
    if policy.any_order {
        found
    } else {
        with_wrong_orders(&found, punches, policy)
    }
}

/// The chain of punches of the same kind that each gave way to the next, ending before `index`.
fn superseded_by(index: usize, punches: &[(Punch, char)], fates: &[Fate], policy: &Policy<'_>) -> Vec<String> {
    let mut start = index;
    while start > 0
        && fates[start - 1] == Fate::Opened
        && punches[start - 1].1 == punches[start].1
        && punches[start].0.at - punches[start - 1].0.at <= policy.window
    {
        start -= 1;
    }
    punches[start..index].iter().map(|(p, _)| p.id.clone()).collect()
}

fn with_wrong_orders(found: &[Verdict], punches: &[(Punch, char)], policy: &Policy<'_>) -> Vec<Verdict> {
    let punch = |id: &Option<String>| punches.iter().map(|(p, _)| p).find(|p| Some(&p.id) == id.as_ref());
    let mut out = Vec::new();
    let mut skip = false;
    for (index, verdict) in found.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        if let Some(next) = found.get(index + 1)
            && verdict.outcome == "missing_first"
            && next.outcome == "missing_second"
            && let (Some(second), Some(first)) = (punch(&verdict.second), punch(&next.first))
            && first.at - second.at <= policy.window
        {
            let mut joined = pair("wrong_order", first, second, policy.window);
            joined.superseded = next.superseded.clone();
            joined.repeats = verdict.repeats.clone();
            out.push(joined);
            skip = true;
        } else {
            out.push(verdict.clone());
        }
    }
    out
}

fn lonely(punch: &Punch, outcome: &str, repeats: Vec<String>) -> Verdict {
    Verdict {
        person: punch.person.clone(),
        at: punch.at,
        outcome: outcome.to_owned(),
        first: None,
        second: Some(punch.id.clone()),
        gap_ms: None,
        certain: None,
        superseded: Vec::new(),
        repeats,
    }
}

fn pair(outcome: &str, first: &Punch, second: &Punch, window: i64) -> Verdict {
    let gap = (second.at - first.at).abs();
    let doubt = first.uncertainty + second.uncertainty;
    let doubtful = doubt != 0 && doubt >= (window - gap).abs();
    Verdict {
        person: first.person.clone(),
        at: first.at.min(second.at),
        outcome: outcome.to_owned(),
        first: Some(first.id.clone()),
        second: Some(second.id.clone()),
        gap_ms: Some(gap),
        certain: Some(!doubtful),
        superseded: Vec::new(),
        repeats: Vec::new(),
    }
}
