//! SIGKILL at every call that changes a file, one after another.
//!
//! A scenario is played once under `strace` and its changing calls on the state directory are written down. Then it is
//! played once for each of them, and the kernel kills the daemon on entering that call: everything before it has happened, it has
//! not. After each the daemon is started again, what was not acknowledged is sent again, and the judge compares.
//!
//! A crash point is a call, a path and a number: the n-th `fdatasync` of that segment by one thread. Where several threads use
//! one path, the first that comes to its n-th is the one that is struck; there, calls are counted a second time from when the
//! gateway is ready, so that the threads that work in it have their turn after the one that starts it. Where a file has another
//! name in each play (sled's), the n-th call on anything stands for it.

mod retention;
mod scenario;
mod trace;

use std::{fs, io, path::PathBuf, time::Duration};

pub use scenario::Scenario;
use scenario::{Stage, copy_tree};
use trace::{From, Point};

use crate::{
    audit::Findings,
    dice::Dice,
    report::{Progress, Report},
    site::Plan,
};

/// What to do.
#[derive(Debug, Clone)]
pub struct Syscalls {
    /// The daemon; the planted build, for its small segments.
    pub plan: Plan,
    /// Which scenarios.
    pub scenarios: Vec<Scenario>,
    /// Every so many-th crash point; 1 is all of them.
    pub stride: usize,
    /// The first of them.
    pub offset: usize,
    /// What chance follows from.
    pub seed: u64,
    /// Where the state directories lie.
    pub dir: PathBuf,
}

/// How often a scenario is played before a call counts as one that does not come again.
const TRIES: usize = 3;
/// How long a scenario may take.
const PLAYED_WITHIN: Duration = Duration::from_secs(30);
/// Where Debian puts it.
const STRACE: &str = "/usr/bin/strace";

/// Strikes at every wanted point of every wanted scenario.
///
/// # Errors
/// When the world around the gateway cannot be built or the reference run fails; what the gateway does wrong is in the report.
pub async fn run(wanted: &Syscalls) -> anyhow::Result<Report> {
    let mut dice = Dice::new(wanted.seed);
    let mut progress = Progress::default();
    if !PathBuf::from(STRACE).exists() {
        return Ok(Report::skipped("syscalls", format!("{STRACE} is not there")));
    }
    let mut report = Report::new("syscalls", wanted.seed);
    for scenario in &wanted.scenarios {
        let folder = tempfile::Builder::new().prefix("calls-").tempdir_in(&wanted.dir)?;
        let mut stage = Stage::set(*scenario, &wanted.plan, folder.path(), &mut dice).await?;
        let points = reference(&mut stage).await?;
        report.count(format!("{scenario}: crash points"), points.len() as u64);
        let by_number = points.iter().filter(|point| point.has_no_path()).count();
        report.count(
            format!("{scenario}: of them on files that have another name each time"),
            by_number as u64,
        );
        let ready = points.iter().filter(|point| point.from == From::Ready);
        let ambiguous = ready.clone().filter(|point| point.is_shared()).count();
        report.count(
            format!("{scenario}: of them counted from when it is ready"),
            ready.count() as u64,
        );
        report.count(
            format!("{scenario}: of those on paths of several threads even then"),
            ambiguous as u64,
        );
        for (place, point) in points
            .iter()
            .enumerate()
            .skip(wanted.offset)
            .step_by(wanted.stride.max(1))
        {
            strike(&mut stage, point, &mut report).await?;
            progress.say(&report, "strikes");
            if !report.findings.is_empty() && wanted.plan.sabotage.is_none() {
                eprintln!("{scenario}, point {place}: {point}");
                report.keep(folder, &stage.site.gateway.log());
                report.seconds = progress.seconds();
                return Ok(report);
            }
        }
    }
    report.seconds = progress.seconds();
    Ok(report)
}

/// Plays a scenario without harm, twice from each instant, and gives its crash points.
async fn reference(stage: &mut Stage) -> anyhow::Result<Vec<Point>> {
    let begin = trace::points(
        &[
            recording(stage, From::Begin).await?,
            recording(stage, From::Begin).await?,
        ],
        From::Begin,
    );
    let ready = trace::points(
        &[
            recording(stage, From::Ready).await?,
            recording(stage, From::Ready).await?,
        ],
        From::Ready,
    );
    Ok(trace::both(begin, ready))
}

/// Plays a scenario without harm and gives the changing calls it made from an instant on.
async fn recording(stage: &mut Stage, from: From) -> anyhow::Result<Vec<trace::Call>> {
    stage.reset()?;
    let file = stage.folder.join("recording");
    stage.watch(from, trace::recording(&file));
    anyhow::ensure!(
        stage.play().await?,
        "{} does not come to its end unharmed",
        stage.scenario
    );
    stage.site.gateway.kill();
    stage.watch(from, Vec::new());
    let calls = trace::calls(&read_when_whole(&file).await?, &stage.state);
    // What was acknowledged must come to the sink before the store is put back.
    let findings = afterwards(stage).await;
    anyhow::ensure!(
        findings.is_empty() || stage.sabotaged,
        "wrong without a kill: {findings:?}"
    );
    Ok(calls)
}

/// Reads a trace once its writer has come to the end.
async fn read_when_whole(file: &std::path::Path) -> io::Result<String> {
    let mut known = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let text = fs::read(file)?;
        if text.len() == known {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
        known = text.len();
    }
}

/// Kills the daemon at one point, starts it again and judges.
async fn strike(stage: &mut Stage, point: &Point, report: &mut Report) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        stage.reset()?;
        stage.watch(point.from, point.injection());
        let came_to_its_end = stage.play().await?;
        let died = !came_to_its_end || stage.has_died_of_a_kill().await;
        stage.site.gateway.kill();
        stage.watch(point.from, Vec::new());
        let findings = afterwards(stage).await;
        if !findings.is_empty() {
            eprintln!("{} at {point}: {findings:?}", stage.scenario);
        }
        report.findings.extend(findings);
        if died {
            report.count("strikes", 1);
            report.count(format!("{}: struck", stage.scenario), 1);
            return Ok(());
        }
    }
    report.count(format!("{}: did not come again", stage.scenario), 1);
    eprintln!("{} did not come again to {point}", stage.scenario);
    Ok(())
}

/// Starts the gateway, sends what was not acknowledged, waits until all is delivered, and judges.
async fn afterwards(stage: &mut Stage) -> Findings {
    let mut findings = Findings::default();
    stage.site.upstream_takes(true);
    if let Err(error) = stage.site.gateway.restart().await {
        findings.broken.push(error.to_string());
        return findings;
    }
    if !stage.send_again().await {
        findings
            .broken
            .push("what was not acknowledged is not taken afterwards".to_owned());
    }
    findings.extend(stage.site.settle().await);
    findings.extend(stage.judge_what_is_left().await);
    findings.extend(stage.site.verify());
    stage.site.gateway.kill();
    findings
}

/// For the scenarios: a copy of a tree, replacing what is there.
fn replace_tree(from: Option<&std::path::Path>, to: &std::path::Path) -> io::Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    from.map_or(Ok(()), |from| copy_tree(from, to))
}
