//! The sections of a run, one file each.

mod backlog;
mod disk;
mod history;
mod ingest;
mod pace;
mod syncs;

use std::{path::PathBuf, time::Duration};

use crate::report::Report;

/// What all sections share.
#[derive(Debug)]
pub struct Bench {
    /// The daemon.
    pub program: PathBuf,
    /// How much is done.
    pub effort: Effort,
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often what is compared takes turns.
    pub turns: usize,
    /// What is compared takes no further turn after so long, so that a slow machine ends in time, too.
    pub enough: Duration,
    /// How long a turn of the raw log lasts.
    pub raw: Duration,
    /// How long a turn of loading lasts at most.
    pub lap: Duration,
    /// How many punches it has at most, one in a call.
    pub most: usize,
    /// How long a turn at a steady pace lasts.
    pub pace: Duration,
    /// How many punches wait for a sink that is away, and are rebuilt from.
    pub backlog: usize,
    /// The short history.
    pub little: usize,
    /// The long history.
    pub history: usize,
}

impl Effort {
    /// As little as shows that everything works; the figures mean nothing.
    pub const SMOKE: Self = Self {
        turns: 1,
        enough: Duration::from_secs(5),
        raw: Duration::from_millis(5),
        lap: Duration::from_millis(100),
        most: 400,
        pace: Duration::from_millis(300),
        backlog: 1_600,
        little: 100,
        history: 1_600,
    };

    /// The usual one, a quick one, or with a million where it is a hundred thousand.
    pub fn new(quick: bool, million: bool) -> Self {
        let many = if million { 1_000_000 } else { 100_000 };
        let usual = Self {
            turns: 3,
            enough: Duration::from_secs(8),
            raw: Duration::from_millis(400),
            lap: Duration::from_millis(700),
            most: 20_000,
            pace: Duration::from_secs(4),
            backlog: many,
            little: 1_000,
            history: many,
        };
        if !quick {
            return usual;
        }
        Self {
            turns: 1,
            enough: Duration::from_secs(2),
            raw: Duration::from_millis(80),
            lap: Duration::from_millis(300),
            most: 5_000,
            pace: Duration::from_millis(1_500),
            backlog: many / 5,
            history: many / 5,
            ..usual
        }
    }
}

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    /// Raw append and fdatasync.
    Disk,
    /// Durable ingest by HTTP, beside the reference and the raw log.
    Ingest,
    /// At a steady 500 a second: acknowledgement and end to end.
    Pace,
    /// A sink that was away: memory, drain, rebuild, restart.
    Backlog,
    /// What one more punch costs, with little and much history.
    History,
    /// Groups and syncs.
    Syncs,
}

impl Section {
    /// In the order in which they are measured.
    pub const ALL: [Self; 6] = [
        Self::Disk,
        Self::Ingest,
        Self::Pace,
        Self::Backlog,
        Self::History,
        Self::Syncs,
    ];

    /// Measures it.
    ///
    /// # Errors
    /// When something does not start, breaks, or does not add up.
    pub async fn run(self, bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
        match self {
            Self::Disk => disk::run(bench, report).await,
            Self::Ingest => ingest::run(bench, report).await,
            Self::Pace => pace::run(bench, report).await,
            Self::Backlog => backlog::run(bench, report).await,
            Self::History => history::run(bench, report).await,
            Self::Syncs => syncs::run(bench, report).await,
        }
    }
}
