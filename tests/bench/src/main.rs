//! `punchgate-bench`: what punchgate reaches on this machine, beside the least a durable gateway must cost.
//!
//! Everything is measured in one run and told as ratios: absolute figures drift with the neighbours of a machine, so what
//! is compared is measured in alternating turns and the medians are shown. Every count is checked: what was sent was
//! acknowledged, and what was acknowledged the sink has. Deliberately absent: other people's gateways.

#![forbid(unsafe_code)]

mod gateway;
mod http;
mod ledger;
mod load;
mod log;
mod process;
mod punches;
mod report;
mod sections;
mod sink;
mod stand_in;
mod subject;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::Context;
use clap::Parser;

use crate::{
    report::Report,
    sections::{Bench, Effort, Section},
    stand_in::StandIn,
};

/// Measures a punchgate daemon beside a raw log and the least durable gateway, in one run, as ratios.
///
/// State is written to the folder for temporary files (TMPDIR), which should be on the file system that matters.
#[derive(Debug, Parser)]
#[command(name = "punchgate-bench", version)]
struct Arguments {
    /// Fewer and shorter turns: under a minute, for a first look.
    #[arg(long)]
    quick: bool,
    /// As little as shows that everything works; the figures mean nothing.
    #[arg(long, conflicts_with_all = ["quick", "million"])]
    smoke: bool,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    /// A million punches where it is a hundred thousand otherwise.
    #[arg(long)]
    million: bool,
    /// The daemon; the `punchgate` beside this program unless given.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Only these sections; may be given several times.
    #[arg(long, value_name = "SECTION")]
    only: Vec<Section>,
    /// Exit with 1 when a goal is missed.
    #[arg(long)]
    strict: bool,
    #[command(subcommand)]
    stand_in: Option<StandIn>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let strict = arguments.strict;
    match run(arguments) {
        Ok(report) if strict && !report.all_goals_met() => ExitCode::from(1),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("punchgate-bench: {error:#}");
            ExitCode::from(69)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(stand_in) = arguments.stand_in {
        stand_in.run(&runtime)?;
        return Ok(Report::default());
    }
    let beside = || std::env::current_exe().map(|own| own.with_file_name("punchgate"));
    let program = arguments.program.map_or_else(beside, Ok)?;
    anyhow::ensure!(
        program.exists(),
        "there is no daemon at {}: build it, or give --program",
        program.display()
    );
    let effort = match arguments.smoke {
        true => Effort::SMOKE,
        false => Effort::new(arguments.quick, arguments.million),
    };
    let bench = Bench { program, effort };
    let sections = if arguments.only.is_empty() {
        Section::ALL.to_vec()
    } else {
        arguments.only
    };
    let (mut report, began) = (Report::default(), Instant::now());
    for section in sections {
        eprintln!("… {section:?}");
        let ran = runtime.block_on(section.run(&bench, &mut report));
        ran.with_context(|| format!("failed to measure {section:?}"))?;
    }
    report.took(began.elapsed());
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(report)
}
