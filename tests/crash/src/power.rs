//! The power goes at a random instant, on real file systems.
//!
//! The gateway runs on a file system in an image file. At a random instant it is stopped, the image is cloned, and the clone is
//! what the next start finds: what was in memory is gone, what had reached the disk is there, in the order the file system
//! chose. Before three cuts of four the upstream takes nothing, so that all that was acknowledged must come from the disk.
//!
//! After some cuts the gateway is not let to its end but cut again while it recovers, ten times in a row.
//!
//! What this does not show: a disk that forgets what it has but was not told to flush. The simulated disk in
//! `daemon/journal` does.

mod disk;
mod stopped;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

pub use disk::FileSystem;
use disk::{Disk, Shelf};

use crate::{
    audit::Findings,
    dice::Dice,
    report::{Progress, Report},
    site::{Plan, Site},
};

/// What to do.
#[derive(Debug, Clone)]
pub struct Power {
    /// The daemon, and the fault to ask it for.
    pub plan: Plan,
    /// On which file systems.
    pub file_systems: Vec<FileSystem>,
    /// How many cuts on each.
    pub cuts: u64,
    /// What chance follows from.
    pub seed: u64,
    /// Where the images lie.
    pub dir: PathBuf,
}

/// The most cuts before a new disk is begun.
const PER_DISK: u64 = 40;
/// Cuts in a row while it recovers, and how often that happens: after one of so many cuts under load.
const IN_A_ROW: u64 = 10;
const CHAIN_AFTER: u64 = 6;
/// The longest while of work before a cut, in milliseconds.
const WORKING: u64 = 250;
/// So much may recovering leave behind, however often it is cut: a journal's few records, sled's beginnings, one buffer put aside.
const GROWTH: u64 = 4 << 20;

/// Cuts as often as wanted.
///
/// # Errors
/// When the rig itself fails; what the gateway does wrong is in the report.
pub async fn run(wanted: &Power) -> anyhow::Result<Report> {
    let mut dice = Dice::new(wanted.seed);
    let mut progress = Progress::default();
    let shelf = match Shelf::build(&wanted.dir) {
        Ok(shelf) => shelf,
        Err(error) => {
            return Ok(Report::skipped(
                "power",
                format!("image files cannot be mounted here: {error}"),
            ));
        }
    };
    let mut report = Report::new("power", wanted.seed);
    for kind in &wanted.file_systems {
        let mut left = wanted.cuts;
        let start = Round::build(wanted, &shelf, *kind, dice.fork())
            .await?
            .first_start()
            .await?;
        while left > 0 {
            let mut round = Round::build(wanted, &shelf, *kind, dice.fork()).await?;
            let some = left.min(1 + dice.below(PER_DISK));
            let cuts = round.run(some, start, &mut report, &mut progress).await?;
            left = left.saturating_sub(cuts);
            if !report.findings.is_empty() {
                if wanted.plan.sabotage.is_none() {
                    round.keep(&wanted.dir, &mut report)?;
                }
                report.seconds = progress.seconds();
                return Ok(report);
            }
        }
    }
    report.seconds = progress.seconds();
    Ok(report)
}

/// A disk and a site, from the first start to the last comparison. The site goes first: it has files open on the disk.
struct Round {
    site: Site,
    disk: Disk,
    kind: FileSystem,
    dice: Dice,
}

impl Round {
    async fn build(wanted: &Power, shelf: &Shelf, kind: FileSystem, dice: Dice) -> anyhow::Result<Self> {
        let disk = Disk::fresh(shelf, kind)?;
        let site = Site::build(&wanted.plan, &disk.at().join("state")).await?;
        Ok(Self { site, disk, kind, dice })
    }

    /// Milliseconds that a first start takes.
    async fn first_start(&mut self) -> anyhow::Result<u64> {
        let began = Instant::now();
        self.site.gateway.restart().await?;
        Ok(u64::try_from(began.elapsed().as_millis())?)
    }

    /// Cuts at least so often; gives back how often it was. A start takes about so many milliseconds.
    async fn run(
        &mut self,
        cuts: u64,
        start: u64,
        report: &mut Report,
        progress: &mut Progress,
    ) -> anyhow::Result<u64> {
        let mut dice = self.dice.fork();
        self.site.upstream_takes(false);
        self.site.open(&mut dice);
        // The first cut comes at any instant of the first start, or after it; the others come under load.
        self.site.gateway.spawn()?;
        let mut longest = start + WORKING / 2;
        let mut done = 0;
        while done < cuts && report.findings.is_empty() {
            tokio::time::sleep(self.dice.up_to(longest)).await;
            longest = WORKING;
            self.cut(report)?;
            done += 1;
            if self.dice.one_in(CHAIN_AFTER) {
                done += self.cut_while_it_recovers(start, report).await?;
            }
            report.findings.extend(self.judged().await);
            progress.say(report, "cuts");
        }
        self.site.gateway.kill();
        report.findings.extend(self.site.manners());
        report.count("disks", 1);
        report.count("acknowledged punches", self.site.ledger.count() as u64);
        Ok(done)
    }

    /// The power goes, and comes back; nothing is started.
    fn cut(&mut self, report: &mut Report) -> anyhow::Result<()> {
        match self.site.gateway.pid() {
            Some(pid) if self.site.gateway.ended().is_none() => {
                let waiting = stopped::stop(pid)?;
                report.count("cuts while a thread waited for the disk", u64::from(waiting > 0));
            }
            _ => report.findings.broken.push("the gateway ended by itself".to_owned()),
        }
        self.disk.snap()?;
        self.site.gateway.kill();
        self.disk.fall_back()?;
        self.disk.mount()?;
        report.count("cuts", 1);
        report.count(format!("{}: cuts", self.kind), 1);
        Ok(())
    }

    async fn cut_while_it_recovers(&mut self, start: u64, report: &mut Report) -> anyhow::Result<u64> {
        self.site.let_callers_in(false);
        let before = size(self.disk.at())?;
        for _ in 0..IN_A_ROW {
            self.site.gateway.spawn()?;
            tokio::time::sleep(self.dice.up_to(start * 3 / 2)).await;
            self.cut(report)?;
        }
        let after = size(self.disk.at())?;
        if after > before + GROWTH {
            let grown = format!("{IN_A_ROW} cuts while it recovered made {after} bytes of {before}");
            report.findings.broken.push(grown);
        }
        report.count("chains of ten cuts while it recovered", 1);
        Ok(IN_A_ROW)
    }

    /// Starts the gateway on what the disk holds, lets everything arrive, and compares; it runs on, under load.
    async fn judged(&mut self) -> Findings {
        let mut findings = Findings::default();
        self.site.upstream_takes(true);
        if let Err(error) = self.site.gateway.restart().await {
            findings.broken.push(error.to_string());
            return findings;
        }
        findings.extend(self.site.quiet().await);
        findings.extend(self.site.settle().await);
        // Mostly nothing is taken before the next cut; sometimes deliveries and their cursors are cut too.
        self.site.upstream_takes(self.dice.one_in(4));
        self.site.let_callers_in(true);
        findings
    }

    /// Keeps the disk for whoever looks for the reason.
    fn keep(&self, dir: &Path, report: &mut Report) -> io::Result<()> {
        let folder = tempfile::Builder::new().prefix("power-kept-").tempdir_in(dir)?;
        self.disk.keep(&folder.path().join("disk.img"))?;
        report.keep(folder, &self.site.gateway.log());
        Ok(())
    }
}

/// Bytes in all files below a folder.
fn size(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let about = entry?;
        bytes += match about.file_type()?.is_dir() {
            true => size(&about.path())?,
            false => about.metadata()?.len(),
        };
    }
    Ok(bytes)
}
