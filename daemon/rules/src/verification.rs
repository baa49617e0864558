//! Dual verification: the table of `semantics.md` section 4, row by row.
//!
//! A walk over one person's punches in order of (`at`, `id`) with at most one punch open. What was decided before a
//! punch depends only on punches before it; `wrong_order` is put together at the end.

use std::time::Duration;

use punchgate_model::Timestamp;

use crate::{
    Punch, PunchId, Verdict, VerdictOutcome,
    identity::verdict_id,
    order::in_order,
    policy::{Groups, Kind, Pairing, Policy, after, millis},
};

/// The verdicts of one policy over punches of any number of people in any order.
///
/// Only verdicts whose key punch falls into the time the policy is in force come out; what lies before or after it may
/// still be the partner.
///
/// `repeats_within` is that of the records. Data are complete up to `complete_until`, or altogether where it is
/// `None`. Verdicts come out by person, in time. Linear in the punches, but for putting them in order.
pub fn verify(
    punches: &[Punch],
    policy: &Policy,
    groups: &dyn Groups,
    repeats_within: Duration,
    complete_until: Option<Timestamp>,
) -> Vec<Verdict> {
    let ordered = in_order(punches, Punch::verifies);
    ordered
        .chunk_by(|a, b| a.person == b.person)
        .flat_map(|of_one| {
            let mut walk = Walk::new(policy, repeats_within, complete_until);
            for punch in of_one {
                if let Some(kind) = policy.kind(punch, groups) {
                    walk.meet(Seen { punch, kind });
                }
            }
            walk.finish()
        })
        .collect()
}

/// A punch and which factor it is.
#[derive(Clone, Copy)]
struct Seen<'a> {
    punch: &'a Punch,
    kind: Kind,
}

impl Seen<'_> {
    /// Milliseconds since an earlier one.
    fn after(self, earlier: &Punch) -> i64 {
        self.punch.at.since(earlier.at)
    }
}

struct Open<'a> {
    seen: Seen<'a>,
    superseded: Vec<&'a Punch>,
}

/// The last punch that closed a pair or was found missing its partner on arrival, and its verdict.
#[derive(Clone, Copy)]
struct Judged<'a> {
    seen: Seen<'a>,
    draft: usize,
}

struct Draft<'a> {
    outcome: VerdictOutcome,
    first: Option<&'a Punch>,
    second: Option<&'a Punch>,
    superseded: Vec<&'a Punch>,
    repeats: Vec<&'a Punch>,
}

struct Walk<'a> {
    policy: &'a Policy,
    window: i64,
    unrelated_after: i64,
    within: i64,
    complete_until: Option<Timestamp>,
    open: Option<Open<'a>>,
    judged: Option<Judged<'a>>,
    last_verified_first: Option<&'a Punch>,
    drafts: Vec<Draft<'a>>,
}

impl<'a> Walk<'a> {
    fn new(policy: &'a Policy, within: Duration, complete_until: Option<Timestamp>) -> Self {
        Self {
            policy,
            window: millis(policy.window),
            unrelated_after: millis(policy.unrelated_after),
            within: millis(within),
            complete_until,
            open: None,
            judged: None,
            last_verified_first: None,
            drafts: Vec::new(),
        }
    }

    /// One row of the table.
    fn meet(&mut self, next: Seen<'a>) {
        let Some(mut open) = self.open.take() else {
            return self.meet_with_none_open(next);
        };
        let gap = next.after(open.seen.punch);
        if open.seen.kind == next.kind {
            if gap <= self.window {
                open.superseded.push(open.seen.punch);
                self.open = Some(Open {
                    seen: next,
                    superseded: open.superseded,
                });
            } else {
                self.miss(open);
                self.open_with(next);
            }
        } else if gap <= self.window {
            self.close(open, next, VerdictOutcome::Verified);
        } else if gap <= self.unrelated_after {
            self.close(open, next, VerdictOutcome::Late);
        } else {
            self.miss(open);
            self.meet_with_none_open(next);
        }
    }

    fn meet_with_none_open(&mut self, next: Seen<'a>) {
        if let Some(draft) = self.repeated_by(next) {
            draft.repeats.push(next.punch);
            return;
        }
        if next.kind == Kind::First {
            return self.open_with(next);
        }
        match (self.covering_first(next), self.policy.order) {
            (Some(first), _) => self.judge(next, VerdictOutcome::Verified, Some(first), Vec::new()),
            (None, Pairing::Any) => self.open_with(next),
            (None, Pairing::FirstThenSecond) => self.judge(next, VerdictOutcome::MissingFirst, None, Vec::new()),
        }
    }

    /// The verdict whose closing punch this one repeats. `judged` stays: it is the anchor.
    fn repeated_by(&mut self, next: Seen<'a>) -> Option<&mut Draft<'a>> {
        let judged = self.judged?;
        let (a, b) = (judged.seen.punch, next.punch);
        let alike = judged.seen.kind == next.kind
            && a.factor == b.factor
            && a.place() == b.place()
            && a.direction == b.direction
            && next.after(a) <= self.within;
        if alike { self.drafts.get_mut(judged.draft) } else { None }
    }

    fn covering_first(&self, next: Seen<'a>) -> Option<&'a Punch> {
        self.last_verified_first
            .filter(|first| self.policy.reuse_first && next.after(first) <= self.window)
    }

    fn open_with(&mut self, seen: Seen<'a>) {
        self.open = Some(Open {
            seen,
            superseded: Vec::new(),
        });
    }

    fn close(&mut self, open: Open<'a>, by: Seen<'a>, outcome: VerdictOutcome) {
        self.judge(by, outcome, Some(open.seen.punch), open.superseded);
    }

    /// `seen` closes a verdict with `partner`, or is found missing it.
    fn judge(
        &mut self,
        seen: Seen<'a>,
        outcome: VerdictOutcome,
        partner: Option<&'a Punch>,
        superseded: Vec<&'a Punch>,
    ) {
        let (first, second) = match seen.kind {
            Kind::First => (Some(seen.punch), partner),
            Kind::Second => (partner, Some(seen.punch)),
        };
        if outcome == VerdictOutcome::Verified {
            self.last_verified_first = first;
        }
        self.judged = Some(Judged {
            seen,
            draft: self.drafts.len(),
        });
        self.drafts.push(Draft {
            outcome,
            first,
            second,
            superseded,
            repeats: Vec::new(),
        });
    }

    /// The open one ends as missing its partner.
    fn miss(&mut self, open: Open<'a>) {
        let (outcome, first, second) = match open.seen.kind {
            Kind::First => (VerdictOutcome::MissingSecond, Some(open.seen.punch), None),
            Kind::Second => (VerdictOutcome::MissingFirst, None, Some(open.seen.punch)),
        };
        self.drafts.push(Draft {
            outcome,
            first,
            second,
            superseded: open.superseded,
            repeats: Vec::new(),
        });
    }

    /// The data end.
    fn finish(mut self) -> Vec<Verdict> {
        if let Some(open) = self.open.take() {
            let lapses_at = after(open.seen.punch.at, self.window);
            self.miss(open);
            let lapsed = self.complete_until.is_none_or(|until| until > lapses_at);
            if let Some(last) = self.drafts.last_mut().filter(|_| !lapsed) {
                last.outcome = VerdictOutcome::Pending;
            }
        }
        if self.policy.order == Pairing::FirstThenSecond {
            self.put_wrong_orders_together();
        }
        let drafts = std::mem::take(&mut self.drafts);
        drafts.into_iter().filter_map(|draft| self.verdict(draft)).collect()
    }

    /// A missing first and, next in time, a missing second at most a window apart are one verdict. The walk leaves
    /// drafts in order of their earliest punch, so the next draft is the next verdict in time.
    fn put_wrong_orders_together(&mut self) {
        let mut joined: Vec<Draft<'a>> = Vec::with_capacity(self.drafts.len());
        for draft in std::mem::take(&mut self.drafts) {
            let window = self.window;
            match joined.last_mut().filter(|last| is_wrong_order(last, &draft, window)) {
                Some(last) => {
                    last.outcome = VerdictOutcome::WrongOrder;
                    last.first = draft.first;
                    last.superseded = draft.superseded;
                }
                None => joined.push(draft),
            }
        }
        self.drafts = joined;
    }

    fn verdict(&self, draft: Draft<'a>) -> Option<Verdict> {
        let key = draft.second.or(draft.first)?;
        if !self.policy.is_in_force(key.at) {
            return None;
        }
        let pair = draft.first.zip(draft.second);
        let earliest = pair.map_or(key, |(a, b)| if a.key() <= b.key() { a } else { b });
        let gap_ms = pair.map(|(a, b)| a.at.since(b.at).abs());
        let ids = |punches: Vec<&Punch>| punches.into_iter().map(|p| p.id.clone()).collect::<Vec<PunchId>>();
        Some(Verdict {
            id: verdict_id(&self.policy.name, &key.id),
            policy: self.policy.name.clone(),
            policy_from: self.policy.from,
            person: key.person.clone()?,
            outcome: draft.outcome,
            first: draft.first.map(|p| p.id.clone()),
            second: draft.second.map(|p| p.id.clone()),
            gap_ms,
            certain: pair
                .zip(gap_ms)
                .map(|((a, b), gap)| is_certain(a, b, self.window.saturating_sub(gap))),
            settles_at: self.settles_at(&draft, key.at),
            superseded: ids(draft.superseded),
            repeats: ids(draft.repeats),
            at: earliest.at,
        })
    }

    /// A pair is decided by its later punch; whatever misses or might yet find a partner, a window later.
    fn settles_at(&self, draft: &Draft<'a>, key_at: Timestamp) -> Timestamp {
        let latest = draft.first.map_or(key_at, |first| first.at.max(key_at));
        match draft.outcome {
            VerdictOutcome::Verified | VerdictOutcome::Late => latest,
            _ => after(latest, self.window),
        }
    }
}

fn is_wrong_order(earlier: &Draft<'_>, later: &Draft<'_>, window: i64) -> bool {
    let (Some(second), Some(first)) = (earlier.second, later.first) else {
        return false;
    };
    earlier.outcome == VerdictOutcome::MissingFirst
        && later.outcome == VerdictOutcome::MissingSecond
        && first.at.since(second.at) <= window
}

/// Not when the uncertainties together reach the distance of the gap from the edge of the window.
fn is_certain(a: &Punch, b: &Punch, from_the_edge: i64) -> bool {
    let doubt = i64::from(a.uncertainty_ms) + i64::from(b.uncertainty_ms);
    doubt == 0 || doubt < from_the_edge.saturating_abs()
}
