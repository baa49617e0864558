//! SIGKILL at random instants, under load.
//!
//! A round is one state directory: the gateway is started and killed again and again while two callers post and two
//! terminals punch, then started once more and asked for everything. Some rounds have an upstream that takes nothing before the
//! end, so that all must come from the disk; in the others deliveries and their cursors are cut too.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{
    audit::Findings,
    dice::Dice,
    report::{Progress, Report},
    site::{Plan, Site},
};

/// What to do.
#[derive(Debug, Clone)]
pub struct Kills {
    /// The daemon, and the fault to ask it for.
    pub plan: Plan,
    /// How many kills.
    pub kills: u64,
    /// How many before everything is compared and a new state directory is begun.
    pub per_round: u64,
    /// Rounds at the same time.
    pub jobs: u64,
    /// What chance follows from.
    pub seed: u64,
    /// Where the state directories lie.
    pub dir: PathBuf,
}

/// The longest while of work between a start and a kill, in milliseconds.
const WORKING: u64 = 160;
/// The longest while between telling it to stop and a kill, in milliseconds.
const STOPPING: u64 = 60;

/// Kills as often as wanted.
///
/// # Errors
/// When the world around the gateway cannot be built; what the gateway does wrong is in the report.
pub async fn run(wanted: &Kills) -> anyhow::Result<Report> {
    let mut dice = Dice::new(wanted.seed);
    let mut report = Report::new("kills", wanted.seed);
    let start = how_long_a_start_takes(wanted).await?;
    let mut progress = Progress::default();
    let mut rounds = tokio::task::JoinSet::new();
    let mut left = wanted.kills;
    loop {
        while left > 0 && (rounds.len() as u64) < wanted.jobs.max(1) {
            let kills = left.min(wanted.per_round.max(1));
            left -= kills;
            rounds.spawn(round(wanted.clone(), kills, start, dice.fork()));
        }
        let Some(ended) = rounds.join_next().await else { break };
        report.add(ended??);
        progress.say(&report, "kills");
    }
    report.seconds = progress.seconds();
    Ok(report)
}

/// Milliseconds, so that kills hit starts and work alike however the daemon was built and whatever else runs here.
async fn how_long_a_start_takes(wanted: &Kills) -> anyhow::Result<u64> {
    let folder = tempfile::Builder::new().prefix("kills-").tempdir_in(&wanted.dir)?;
    let mut site = Site::build(&wanted.plan, &folder.path().join("state")).await?;
    let began = Instant::now();
    site.gateway.restart().await?;
    Ok(u64::try_from(began.elapsed().as_millis())?)
}

async fn round(wanted: Kills, kills: u64, start: u64, mut dice: Dice) -> anyhow::Result<Report> {
    let folder = tempfile::Builder::new().prefix("kills-").tempdir_in(&wanted.dir)?;
    let mut report = Report::new("kills", wanted.seed);
    let mut site = Site::build(&wanted.plan, &folder.path().join("state")).await?;
    let takes = dice.one_in(2);
    site.upstream_takes(takes);
    site.open(&mut dice);
    for _ in 0..kills {
        one_life(&mut site, start, &mut dice, &mut report).await?;
    }
    report.findings.extend(last_life(&mut site).await);
    report.count("rounds", 1);
    report.count("rounds without deliveries before the end", u64::from(!takes));
    report.count("acknowledged punches", site.ledger.count() as u64);
    report.count("deliveries repeated", site.sink.stats().repeats);
    if !report.findings.is_empty() && wanted.plan.sabotage.is_none() {
        report.keep(folder, &site.gateway.log());
    }
    Ok(report)
}

/// Starts it and kills it.
async fn one_life(site: &mut Site, start: u64, dice: &mut Dice, report: &mut Report) -> anyhow::Result<()> {
    let before = site.ledger.count();
    site.gateway.spawn()?;
    let early = dice.one_in(4);
    tokio::time::sleep(dice.up_to(if early { start } else { start + WORKING })).await;
    if dice.one_in(3) {
        site.punch(1);
        tokio::time::sleep(dice.up_to(12)).await;
    }
    if let Some(status) = site.gateway.ended() {
        report
            .findings
            .broken
            .push(format!("the gateway ended by itself: {status}"));
    }
    if dice.one_in(6) {
        site.gateway.tell_to_stop();
        tokio::time::sleep(dice.up_to(STOPPING)).await;
        report.count("kills while it stopped", u64::from(site.gateway.ended().is_none()));
    }
    site.gateway.kill();
    report.count("kills", 1);
    report.count(
        "lives that acknowledged something",
        u64::from(site.ledger.count() > before),
    );
    Ok(())
}

/// Starts it for good, lets everything arrive, judges, and lets the program itself verify its journal.
async fn last_life(site: &mut Site) -> Findings {
    let mut findings = Findings::default();
    if let Err(error) = site.gateway.restart().await {
        findings.broken.push(error.to_string());
        return findings;
    }
    findings.extend(site.quiet().await);
    findings.extend(site.settle().await);
    findings.extend(site.manners());
    match site.gateway.stop(Duration::from_secs(15)).await {
        Some(status) if status.success() => {}
        ended => findings.broken.push(format!("it did not stop well: {ended:?}")),
    }
    findings.extend(site.verify());
    findings
}
