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
    let mut table = Table::new("Groups", ["punches", "groups", "per group", "syncs", "per group "]);
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
        let syncs = trace.and_then(Trace::syncs);
        let per_group = syncs.map(|syncs| syncs / groups);
        table.row(format!("single × {connections}"), [Some(punches), Some(groups), Some(punches / groups), syncs, per_group]);
        if let Some(per_group) = per_group.filter(|_| connections == 64) {
            report.goal("syncs per group, 64 connections", Wanted::AtMost(1.0), per_group);
        }
    }
    report.add(table);
    Ok(())
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
        command.args(["-f", "-qq", "-e", "trace=fsync,fdatasync,msync,sync_file_range", "-o"]).arg(counts.path());
        command.args(["-p", &gateway.pid()?.to_string()]).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        sleep(Duration::from_millis(300)).await;
        matches!(child.try_wait(), Ok(None)).then_some(Self { child, counts })
    }

    /// How many syncs there were. Killing strace lets the daemon go on.
    fn syncs(mut self) -> Option<f64> {
        self.child.kill().ok()?;
        self.child.wait().ok()?;
        let lines = std::fs::read_to_string(self.counts.path()).ok()?;
        let finished = |line: &&str| line.contains("sync") && !line.contains("unfinished");
        Some(lines.lines().filter(finished).count() as f64)
    }
}
