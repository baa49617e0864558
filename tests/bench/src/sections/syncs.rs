//! Groups and syncs: how many punches share a sync, and, where strace is installed, whether each group has exactly one.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use punchgate_lab::gateway::Gateway;
use tokio::time::sleep;

use super::Bench;
use crate::{
    gateway::metric,
    load::{Shape, Until, closed},
    report::{Report, Table, Wanted},
    subject::Subject,
};

const COMMITS: &str = "punchgate_journal_commits_total";

/// Measures it.
pub async fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let daemon = Subject::daemon(&bench.program, "20ms", bench.effort.most * 3, false).await?;
    let Some(gateway) = &daemon.gateway else { return Ok(()) };
    let columns = ["punches", "groups", "per group", "syncs", "÷ groups", "others"];
    let mut table = Table::new(
        "Groups, and syncs of the journal and of other files as strace counts them",
        columns,
    );
    for connections in [1, 8, 64] {
        let trace = Trace::attach(gateway).await;
        let before = metric(gateway, COMMITS).await?;
        let until = Until {
            most: bench.effort.most / 4,
            time: bench.effort.lap,
        };
        let shape = Shape { connections, array: 1 };
        let punches = daemon.load(closed(&daemon.target, shape, until)).await?.lap.punches as f64;
        let groups = metric(gateway, COMMITS).await? - before;
        let (syncs, others) = trace.and_then(Trace::syncs).unzip();
        let per_group = syncs.map(|syncs| syncs / groups);
        let row = [
            Some(punches),
            Some(groups),
            Some(punches / groups),
            syncs,
            per_group,
            others,
        ];
        table.row(format!("single × {connections}"), row);
        if let Some(per_group) = per_group.filter(|_| connections == 64) {
            report.goal("syncs per group, 64 connections", Wanted::AtMost(1.0), per_group);
        }
    }
    report.add(table);
    report.account("syncs", &daemon)
}

/// A strace that counts; it slows the daemon down, so nothing is timed meanwhile.
struct Trace {
    child: Child,
    counts: tempfile::NamedTempFile,
}

impl Trace {
    /// Attaches to the daemon; `None` when there is no strace, or it may not.
    async fn attach(gateway: &Gateway) -> Option<Self> {
        let counts = tempfile::NamedTempFile::new().ok()?;
        let mut command = Command::new("strace");
        command
            .args([
                "-f",
                "-qq",
                "-y",
                "-e",
                "trace=fsync,fdatasync,msync,sync_file_range",
                "-o",
            ])
            .arg(counts.path());
        command.args(["-p", &gateway.pid()?.to_string()]).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        sleep(Duration::from_millis(300)).await;
        matches!(child.try_wait(), Ok(None)).then_some(Self { child, counts })
    }

    /// How many syncs of the journal there were, and of other files. Killing strace lets the daemon go on.
    fn syncs(mut self) -> Option<(f64, f64)> {
        self.child.kill().ok()?;
        self.child.wait().ok()?;
        let lines = std::fs::read_to_string(self.counts.path()).ok()?;
        // What another thread interrupts stands in two lines; the first names the file.
        let begun = lines
            .lines()
            .filter(|line| line.contains("sync(") || line.contains("sync_file_range("));
        let (journal, others): (Vec<_>, Vec<_>) = begun.partition(|line| line.contains("/journal/"));
        Some((journal.len() as f64, others.len() as f64))
    }
}
