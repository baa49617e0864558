//! What a rig did and found, for people and for machines.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::audit::Findings;

/// The result of a rig.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Which rig it was.
    pub rig: String,
    /// What it followed from, where chance was in it.
    pub seed: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What was counted.
    pub counts: BTreeMap<String, u64>,
    /// What is wrong.
    pub findings: Findings,
    /// Why nothing was done, where nothing could be.
    pub skipped: Option<String>,
    /// Where the state directories of what went wrong are.
    pub kept: Vec<PathBuf>,
}

impl Report {
    /// An empty report.
    pub fn new(rig: &str, seed: u64) -> Self {
        Self {
            rig: rig.to_owned(),
            seed,
            ..Self::default()
        }
    }

    /// A rig that could do nothing, and why.
    pub fn skipped(rig: &str, why: impl Into<String>) -> Self {
        Self {
            skipped: Some(why.into()),
            ..Self::new(rig, 0)
        }
    }

    /// Counts.
    pub fn count(&mut self, what: impl Into<String>, many: u64) {
        *self.counts.entry(what.into()).or_default() += many;
    }

    /// What was counted under a name; 0 when nothing was.
    pub fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    /// Keeps a folder in which something went wrong, with what the gateway logged.
    pub fn keep(&mut self, folder: tempfile::TempDir, log: &str) {
        let path = folder.keep();
        // It is a help for whoever looks; the findings stand without it.
        let _ = std::fs::write(path.join("log"), log);
        self.kept.push(path);
    }

    /// Adds another of the same rig.
    pub fn add(&mut self, other: Self) {
        for (what, many) in other.counts {
            self.count(what, many);
        }
        self.findings.extend(other.findings);
        self.kept.extend(other.kept);
        self.skipped = self.skipped.take().or(other.skipped);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.skipped {
            return write!(f, "SKIPPED {}: {why}", self.rig);
        }
        writeln!(f, "{} with seed {}, {:.0} s", self.rig, self.seed, self.seconds)?;
        for (what, many) in &self.counts {
            writeln!(f, "  {many:>9} {what}")?;
        }
        let found = &self.findings;
        let kinds = [
            ("lost", &found.lost),
            ("doubled", &found.doubled),
            ("changed", &found.changed),
            ("invented", &found.invented),
            ("broken", &found.broken),
        ];
        for (kind, list) in kinds {
            writeln!(f, "  {:>9} {kind}", list.len())?;
            for one in list.iter().take(20) {
                writeln!(f, "            {one}")?;
            }
        }
        for path in &self.kept {
            writeln!(f, "  kept: {}", path.display())?;
        }
        write!(
            f,
            "{}",
            if found.is_empty() {
                "kept its word"
            } else {
                "BROKE ITS WORD"
            }
        )
    }
}

/// Says now and then how far a rig is, on standard error.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    said: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        let now = Instant::now();
        Self { began: now, said: now }
    }
}

impl Progress {
    /// How often it says something.
    const PAUSE: Duration = Duration::from_secs(5);

    /// Says how many of what are done, if it is time.
    pub fn say(&mut self, report: &Report, what: &str) {
        if self.said.elapsed() < Self::PAUSE {
            return;
        }
        self.said = Instant::now();
        let (many, seconds) = (report.counted(what), self.began.elapsed().as_secs());
        let rate = many / seconds.max(1);
        let wrong = if report.findings.is_empty() {
            "nothing wrong"
        } else {
            "FINDINGS"
        };
        eprintln!("{seconds:>5} s  {many} {what}, {rate} a second, {wrong}");
    }

    /// Seconds since it began.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}
