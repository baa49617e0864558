//! Where a person's history may be cut.

use punchgate_model::Timestamp;

use crate::{
    Groups, Kind, Pairing, Policy, Punch, Rules,
    policy::{after, millis},
};

/// What lies beyond one end of the punches looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Beyond {
    /// Nothing: the history begins or ends here.
    Nothing,
    /// There may be anything, at this instant or farther away.
    Perhaps(Timestamp),
}

impl From<Option<&Punch>> for Beyond {
    fn from(punch: Option<&Punch>) -> Self {
        punch.map_or(Self::Nothing, |p| Self::Perhaps(p.at))
    }
}

/// Where a stretch could begin, as far as records go.
#[derive(Debug, Clone, Copy)]
struct Pause {
    /// The first instant after it.
    at: Timestamp,
    /// Data are complete a window past what was before it: whatever was open there has ended.
    lapsed: bool,
}

/// The nearest punch of a policy on one side of a boundary.
#[derive(Debug, Clone, Copy)]
enum Near {
    Nothing,
    Perhaps(Timestamp),
    Punch(Mark),
}

/// A punch of a policy. `closes` (only for a first): it and the firsts that follow within the window of one
/// another are closed, verified or late, by a second, whatever came before.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Timestamp,
    kind: Kind,
    closes: bool,
}

impl From<Beyond> for Near {
    fn from(beyond: Beyond) -> Self {
        match beyond {
            Beyond::Nothing => Self::Nothing,
            Beyond::Perhaps(at) => Self::Perhaps(at),
        }
    }
}

pub(super) struct Cuts<'a> {
    pub(super) rules: &'a Rules,
    pub(super) groups: &'a dyn Groups,
    pub(super) complete_until: Option<Timestamp>,
}

impl Cuts<'_> {
    /// The instants at which a stretch may begin, among `punches` (in order of `at`) and the end beyond them.
    pub(super) fn between(&self, punches: &[Punch], left: Beyond, right: Beyond) -> std::vec::IntoIter<Timestamp> {
        let counted: Vec<&Punch> = punches.iter().filter(|p| p.counts()).collect();
        let mut allowed = self.by_pause(&counted, left, right);
        for policy in &self.rules.policies {
            self.forbid(policy, &counted, left, right, &mut allowed);
        }
        let cuts: Vec<Timestamp> = allowed.into_iter().flatten().map(|pause| pause.at).collect();
        cuts.into_iter()
    }

    /// For each boundary (before each punch, and after the last) whether it could be cut as far as records go.
    fn by_pause(&self, punches: &[&Punch], left: Beyond, right: Beyond) -> Vec<Option<Pause>> {
        let instant = |beyond| match beyond {
            Beyond::Nothing => None,
            Beyond::Perhaps(at) => Some(at),
        };
        let ats = || punches.iter().map(|p| Some(p.at));
        let earlier = std::iter::once(instant(left)).chain(ats());
        let later = ats().chain(std::iter::once(instant(right)));
        let within = millis(self.rules.repeats_within);
        let window = self.rules.policies.iter().map(|p| millis(p.window)).max().unwrap_or(0);
        earlier
            .zip(later)
            .map(|(x, y)| {
                let (x, y) = (x?, y?);
                let lapsed = self.complete_until.is_none_or(|until| until > after(x, window));
                (y.since(x) > within).then_some(Pause { at: y, lapsed })
            })
            .collect()
    }

    /// Takes away the boundaries across which a policy remembers something.
    fn forbid(&self, policy: &Policy, punches: &[&Punch], left: Beyond, right: Beyond, allowed: &mut [Option<Pause>]) {
        let marks: Vec<Option<Mark>> = punches.iter().map(|punch| self.mark(policy, punch)).collect();
        let mut earlier: Vec<Near> = Vec::with_capacity(allowed.len());
        earlier.push(left.into());
        for mark in &marks {
            let nearest = earlier.last().copied().unwrap_or(Near::Nothing);
            earlier.push(mark.map_or(nearest, Near::Punch));
        }
        let memory = Memory::of(policy);
        let mut later = Near::from(right);
        for boundary in (0..allowed.len()).rev() {
            if let Some(mark) = marks.get(boundary).copied().flatten() {
                later = Near::Punch(memory.followed(mark, later));
            }
            let a = earlier.get(boundary).copied().unwrap_or(Near::Nothing);
            let holds = |pause: &Pause| memory.ends(a, later) && (pause.lapsed || memory.is_told(a, later));
            if let Some(pause) = allowed.get_mut(boundary) {
                *pause = pause.filter(holds);
            }
        }
    }

    fn mark(&self, policy: &Policy, punch: &Punch) -> Option<Mark> {
        let kind = policy.kind(punch, self.groups).filter(|_| punch.verifies())?;
        Some(Mark {
            at: punch.at,
            kind,
            closes: false,
        })
    }
}

/// How long a policy remembers.
struct Memory {
    in_order: bool,
    window: i64,
    unrelated_after: i64,
}

impl Memory {
    fn of(policy: &Policy) -> Self {
        Self {
            in_order: policy.order == Pairing::FirstThenSecond,
            window: millis(policy.window),
            unrelated_after: millis(policy.unrelated_after),
        }
    }

    /// The mark, knowing what comes next.
    fn followed(&self, mark: Mark, next: Near) -> Mark {
        let Near::Punch(next) = next else { return mark };
        let gap = next.at.since(mark.at);
        let closes = match next.kind {
            _ if mark.kind == Kind::Second => false,
            Kind::Second => gap <= self.window.max(self.unrelated_after),
            Kind::First => next.closes && gap <= self.window,
        };
        Mark { closes, ..mark }
    }

    /// Whether it is known, however far data are complete, that nothing open at the boundary is still pending: nothing
    /// is open, or what follows has ended it.
    fn is_told(&self, a: Near, b: Near) -> bool {
        match (a, b) {
            (Near::Nothing, _) | (_, Near::Punch(_)) => true,
            (Near::Punch(mark), _) => self.in_order && mark.kind == Kind::Second,
            (Near::Perhaps(_), _) => false,
        }
    }

    /// Whether what follows the boundary between `a` and `b` is decided as if nothing had been before, and what
    /// precedes it as if nothing came after.
    fn ends(&self, a: Near, b: Near) -> bool {
        let (a_at, a_kind) = match a {
            Near::Nothing => return true,
            Near::Perhaps(at) => (at, None),
            Near::Punch(mark) => (mark.at, Some(mark.kind)),
        };
        let (b_at, b_kind, b_closes) = match b {
            Near::Nothing => return true,
            Near::Perhaps(at) => (at, None, false),
            Near::Punch(mark) => (mark.at, Some(mark.kind), mark.closes),
        };
        let gap = b_at.since(a_at);
        // In order, nothing is open after a second; a like punch takes the place of an open one either way.
        let nothing_open = self.in_order && a_kind == Some(Kind::Second);
        let alike = a_kind.is_some() && a_kind == b_kind;
        // That nothing is near enough to repeat what was judged, the pause for records has shown.
        let forgotten = gap > self.window;
        if forgotten && (nothing_open || alike || gap > self.unrelated_after) {
            return true;
        }
        // In order, a run of firsts that a second closes needs to know nothing of what was before it.
        self.in_order && b_closes && (nothing_open || gap > self.window)
    }
}
