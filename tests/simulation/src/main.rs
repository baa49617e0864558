//! `cargo run -p punchgate-simulation -- --seed 7` repeats a seed; without `--seed`, one after another, with a summary.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use punchgate_sabotage::{Bug, plant};
use punchgate_simulation::{Outcome, regressions, run};

/// Simulates the whole gateway under one seed after another.
#[derive(Debug, Parser)]
#[command(name = "punchgate-simulation")]
struct Arguments {
    /// Runs this seed alone, and shows what happens where it fails.
    #[arg(long)]
    seed: Option<u64>,
    /// The first seed of many.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// So many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Goes on until so many simulated crashes, whatever `--seeds` says.
    #[arg(long)]
    crashes: Option<u64>,
    /// Ends after so many seconds, whatever else is said.
    #[arg(long)]
    seconds: Option<u64>,
    /// Plants a bug, by its name; `--bugs` lists them.
    #[arg(long, value_parser = bug)]
    bug: Option<Bug>,
    /// Lists the bugs that can be planted.
    #[arg(long)]
    bugs: bool,
    /// Runs the seeds that have failed before.
    #[arg(long)]
    regressions: bool,
    /// Ends at the first seed that fails.
    #[arg(long)]
    first: bool,
    /// Shows every step.
    #[arg(long)]
    trace: bool,
    /// Runs each seed twice and compares the traces.
    #[arg(long)]
    twice: bool,
}

fn bug(name: &str) -> Result<Bug, String> {
    Bug::named(name).ok_or_else(|| format!("no bug {name:?}; --bugs lists them"))
}

/// What came of many seeds.
#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    failed: Vec<u64>,
    crashes: u64,
    simulated: u64,
    acknowledged: u64,
    steps: u64,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        self.crashes += outcome.crashes;
        self.simulated += outcome.simulated;
        self.acknowledged += outcome.punches.1 as u64;
        self.steps += outcome.steps;
        if !outcome.violations.is_empty() {
            self.failed.push(seed);
        }
    }

    fn say(&self, began: Instant) {
        let spent = began.elapsed().as_secs_f64().max(0.001);
        println!(
            "{} seeds, {} crashes, {:.1} simulated hours, {} punches acknowledged, {} steps, {:.0} s, {:.1} seeds a second, {} failed",
            self.seeds,
            self.crashes,
            self.simulated as f64 / 3_600_000.0,
            self.acknowledged,
            self.steps,
            spent,
            self.seeds as f64 / spent,
            self.failed.len()
        );
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.bugs {
        Bug::ALL.iter().for_each(|bug| println!("{}", bug.name()));
        return ExitCode::SUCCESS;
    }
    plant(arguments.bug);
    let began = Instant::now();
    let mut sum = Sum::default();
    let mut told = Instant::now();
    for seed in seeds(&arguments) {
        let outcome = one(seed, &arguments);
        sum.add(seed, &outcome);
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            sum.say(began);
        }
        let enough = arguments.crashes.is_some_and(|crashes| sum.crashes >= crashes);
        let late = arguments
            .seconds
            .is_some_and(|seconds| began.elapsed().as_secs() >= seconds);
        if enough || late || (arguments.first && !sum.failed.is_empty()) {
            break;
        }
    }
    sum.say(began);
    if sum.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn seeds(arguments: &Arguments) -> Box<dyn Iterator<Item = u64>> {
    let from = arguments.from;
    match arguments.seed {
        Some(seed) => Box::new(std::iter::once(seed)),
        None if arguments.regressions => Box::new(regressions::SEEDS.iter().copied()),
        None if arguments.crashes.is_some() => Box::new(from..),
        None => Box::new(from..from.saturating_add(arguments.seeds)),
    }
}

fn one(seed: u64, arguments: &Arguments) -> Outcome {
    let outcome = run(seed, arguments.trace);
    if arguments.twice && run(seed, false).hash != outcome.hash {
        println!("seed {seed} is another run the second time");
    }
    if arguments.seed.is_some() {
        println!("{outcome:#?}");
    } else if !outcome.violations.is_empty() {
        let again = arguments
            .bug
            .map_or(String::new(), |bug| format!(" --bug {}", bug.name()));
        println!("seed {seed} failed; again: cargo run -p punchgate-simulation -- --seed {seed}{again}");
        for violation in outcome.violations.iter().take(3) {
            println!("    {}", violation.to_string().chars().take(600).collect::<String>());
        }
    }
    outcome
}
