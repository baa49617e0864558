//! `punchgate-crash`: stops the gateway in the worst moments and asks whether it kept its word.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use punchgate_crash::{
    dice::Dice,
    kills::{self, Kills},
    power::{self, FileSystem, Power},
    report::Report,
    site::Plan,
    syscalls::{self, Scenario, Syscalls},
};

/// The exit status of a rig that could do nothing where it runs.
const SKIPPED: u8 = 77;

/// Stops the gateway in the worst moments and asks afterwards whether everything it acknowledged is at the sink, once and
/// unchanged.
///
/// Exit status: 0 it kept its word, 1 it did not, 2 the rig itself failed, 77 nothing could be done here (SKIPPED).
#[derive(Debug, Parser)]
#[command(name = "punchgate-crash", version)]
struct Arguments {
    #[command(subcommand)]
    rig: Rig,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The daemon; by default the one beside this program (`punchgate`, or `punchgate-planted` where a planted fault or small
    /// segments are wanted).
    #[arg(long, global = true, value_name = "FILE")]
    program: Option<PathBuf>,
    /// What chance follows from; printed, so that a run can be made again.
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// Where state directories lie.
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Ask the daemon for a planted fault, `ack-before-write` or `ack-before-sync`, and succeed only when it is caught.
    #[arg(long, global = true, value_name = "FAULT")]
    sabotage: Option<String>,
    /// How large a segment of the journal may grow, in bytes, so that many are begun and ended.
    #[arg(long, global = true, value_name = "BYTES")]
    segment_bytes: Option<u64>,
    /// How much the buffer may keep back before it writes, in bytes, so that it writes often.
    #[arg(long, global = true, value_name = "BYTES")]
    write_back_bytes: Option<u64>,
    /// The report as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Rig {
    /// SIGKILL at random instants, under load from two callers and two terminals.
    Kills {
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        kills: u64,
        /// How many before everything is compared and a new state directory is begun.
        #[arg(long, default_value_t = 40)]
        per_round: u64,
        /// Rounds at the same time.
        #[arg(long, default_value_t = 2)]
        jobs: u64,
    },
    /// SIGKILL at every call that changes a file, one after another.
    Syscalls {
        /// Only these scenarios.
        #[arg(long, value_enum, value_delimiter = ',')]
        scenarios: Vec<Scenario>,
        /// Only every so many-th crash point.
        #[arg(long, default_value_t = 1)]
        stride: usize,
        /// The first of them.
        #[arg(long, default_value_t = 0)]
        offset: usize,
    },
    /// The power goes at random instants, on file systems in image files. Needs the right to mount.
    Power {
        /// Only these file systems.
        #[arg(long, value_enum, value_delimiter = ',')]
        file_systems: Vec<FileSystem>,
        /// How many cuts on each.
        #[arg(long, default_value_t = 100)]
        cuts: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(report) => tell(&arguments.common, &report),
        Err(error) => {
            eprintln!("the rig failed: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let common = &arguments.common;
    let seed = common.seed.unwrap_or_else(Dice::any_seed);
    eprintln!("seed {seed}");
    let dir = common.dir.clone().unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    match &arguments.rig {
        Rig::Kills { kills, per_round, jobs } => {
            let wanted = Kills {
                plan: plan(common, false, true)?,
                kills: *kills,
                per_round: *per_round,
                jobs: *jobs,
                seed,
                dir,
            };
            kills::run(&wanted).await
        }
        Rig::Syscalls {
            scenarios,
            stride,
            offset,
        } => {
            let wanted = Syscalls {
                plan: plan(common, true, false)?,
                scenarios: all_unless_some(scenarios),
                stride: *stride,
                offset: *offset,
                seed,
                dir,
            };
            syscalls::run(&wanted).await
        }
        Rig::Power { file_systems, cuts } => {
            let wanted = Power {
                plan: plan(common, false, false)?,
                file_systems: all_unless_some(file_systems),
                cuts: *cuts,
                seed,
                dir,
            };
            power::run(&wanted).await
        }
    }
}

fn all_unless_some<T: ValueEnum>(some: &[T]) -> Vec<T> {
    let wanted = if some.is_empty() { T::value_variants() } else { some };
    wanted.to_vec()
}

fn plan(common: &Common, planted: bool, terminals: bool) -> anyhow::Result<Plan> {
    let beside = || -> anyhow::Result<PathBuf> {
        let small = common.segment_bytes.or(common.write_back_bytes);
        let planted = planted || common.sabotage.is_some() || small.is_some();
        let name = if planted { "punchgate-planted" } else { "punchgate" };
        let program = std::env::current_exe()?.with_file_name(name);
        let how = match planted {
            true => "cargo build -p punchgate-crash --features planted-bugs",
            false => "cargo build -p punchgate",
        };
        anyhow::ensure!(program.exists(), "{} is not there: {how}", program.display());
        Ok(program)
    };
    Ok(Plan {
        program: common.program.clone().map_or_else(beside, Ok)?,
        sabotage: common.sabotage.clone(),
        segment_bytes: common.segment_bytes,
        write_back_bytes: common.write_back_bytes,
        terminals,
        ballast: "256KiB".to_owned(),
    })
}

fn tell(common: &Common, report: &Report) -> ExitCode {
    match common.json {
        // A report is plain data.
        true => println!("{}", serde_json::to_string_pretty(report).unwrap_or_default()),
        false => println!("{report}"),
    }
    let caught = !report.findings.is_empty();
    if report.skipped.is_some() {
        return ExitCode::from(SKIPPED);
    }
    if common.sabotage.is_some() {
        println!(
            "{}",
            if caught {
                "the planted fault was caught"
            } else {
                "the planted fault WENT UNSEEN"
            }
        );
    }
    ExitCode::from(u8::from(caught != common.sabotage.is_some()))
}
