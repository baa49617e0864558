//! What the configuration means to the rules.

use punchgate_rules::{ClockMode, ClockPolicy, Pairing, Person, Policy, Rules, Selector as Chosen};

use super::{Clock, Config, Device, Order, Repeats, RulesConfig, Selector, Verification};

impl Config {
    /// The rules of this configuration.
    pub fn rules(&self) -> Rules {
        rules(&self.repeats, &self.verifications)
    }
}

impl RulesConfig {
    /// The rules of this configuration.
    pub fn rules(&self) -> Rules {
        rules(&self.repeats, &self.verifications)
    }

    /// Whether some policy asks for a group, so that the directory is needed.
    pub fn names_groups(&self) -> bool {
        self.verifications
            .iter()
            .any(|policy| !policy.first.groups.is_empty() || !policy.second.groups.is_empty())
    }
}

impl Device {
    /// How the times of this device are read; `None` when it has no zone, which only devices without a clock lack.
    pub fn clock_policy(&self) -> Option<ClockPolicy> {
        let zone = self.timezone.as_ref()?.rules().clone();
        let mode = match self.clock {
            Clock::Correct => ClockMode::Correct,
            Clock::Trust => ClockMode::Trust,
            Clock::Received => ClockMode::Received,
        };
        Some(ClockPolicy {
            zone,
            mode,
            not_before: self.not_before,
            max_future: self.max_future,
        })
    }
}

impl Verification {
    /// The policy for the rules.
    pub fn policy(&self) -> Policy {
        Policy {
            window: self.window,
            unrelated_after: self.unrelated_after,
            order: match self.order {
                Order::FirstThenSecond => Pairing::FirstThenSecond,
                Order::Any => Pairing::Any,
            },
            reuse_first: self.reuse_first,
            from: self.from,
            ..Policy::new(&self.name, chosen(&self.first), chosen(&self.second))
        }
    }
}

fn rules(repeats: &Repeats, verifications: &[Verification]) -> Rules {
    Rules {
        repeats_within: repeats.within,
        // Asked what it would say, a policy says it about everything.
        policies: verifications
            .iter()
            .map(|verification| Policy {
                from: None,
                ..verification.policy()
            })
            .collect(),
    }
}

fn chosen(selector: &Selector) -> Chosen {
    Chosen {
        factors: selector.factors.clone(),
        sources: selector.sources.clone(),
        zones: selector.zones.clone(),
        directions: selector.directions.clone(),
        people: selector
            .people
            .iter()
            .map(|person| Person::new(person.as_str()))
            .collect(),
        groups: selector.groups.clone(),
    }
}
