//! The seven things a gateway does to its disk, each as a short play.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use clap::ValueEnum;
use tokio::time::{Instant, sleep};

use super::{PLAYED_WITHIN, STRACE, replace_tree, trace::From};
use crate::{
    caller::{Batch, Caller},
    dice::Dice,
    site::{Plan, Site},
};

/// Bytes of a segment where many are wanted.
const SMALL: u64 = 4_096;
/// Bytes that the buffer keeps back where it shall write.
const LITTLE: u64 = 32_768;
/// SIGKILL.
const KILL: i32 = 9;

/// What the gateway is doing when it is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// It starts where nothing was.
    Start,
    /// It starts on a store that was closed in order, and takes batch after batch.
    Append,
    /// The same with segments so small that every batch or two begins one.
    Rotate,
    /// It starts on a journal whose buffer is gone, and builds it again.
    Rebuild,
    /// It starts on what a kill in the middle of a write left behind: half a record, and a buffer that was not closed.
    Recover,
    /// It is told to stop.
    Stop,
    /// It removes segments that are older than they are kept and delivered: at the start, and once more while it runs.
    Retention,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Scenario {
    /// How many batches are in its store before it begins, and of how many punches; `None` where there is no store.
    fn before(self) -> Option<(u64, u64)> {
        match self {
            Self::Start => None,
            Self::Append | Self::Rotate | Self::Recover | Self::Stop => Some((4, 4)),
            Self::Rebuild => Some((12, 500)),
            Self::Retention => Some((3, 30)),
        }
    }

    /// How many batches it takes, and of how many punches.
    fn batches(self) -> (u64, u64) {
        match self {
            Self::Start | Self::Stop | Self::Rebuild | Self::Recover => (2, 3),
            Self::Append => (8, 5),
            Self::Rotate => (10, 8),
            // Each is more than a segment holds.
            Self::Retention => (3, 30),
        }
    }
}

/// A scenario with a site and a store to begin from.
pub(super) struct Stage {
    pub(super) scenario: Scenario,
    pub(super) site: Site,
    pub(super) folder: PathBuf,
    pub(super) state: PathBuf,
    before: Option<PathBuf>,
    callers: Vec<Caller>,
    in_hand: Option<(Batch, usize)>,
    /// What is attached to the daemon once it is ready.
    watcher: Vec<String>,
    attached: Option<Child>,
    pub(super) sabotaged: bool,
}

impl Stage {
    /// Builds the site, and the store that the scenario begins from.
    pub(super) async fn set(scenario: Scenario, plan: &Plan, folder: &Path, dice: &mut Dice) -> anyhow::Result<Self> {
        let state = folder.join("state");
        let plan = Plan {
            terminals: false,
            // The buffer writes while it is built again, not only when it is closed.
            write_back_bytes: (scenario == Scenario::Rebuild)
                .then_some(LITTLE)
                .or(plan.write_back_bytes),
            segment_bytes: matches!(scenario, Scenario::Rotate | Scenario::Retention)
                .then_some(SMALL)
                .or(plan.segment_bytes),
            ..plan.clone()
        };
        let site = Site::build(&plan, &state).await?;
        let callers = site.callers(dice);
        let mut stage = Self {
            scenario,
            site,
            folder: folder.to_owned(),
            state,
            before: None,
            callers,
            in_hand: None,
            watcher: Vec::new(),
            attached: None,
            sabotaged: plan.sabotage.is_some(),
        };
        if scenario == Scenario::Retention {
            stage.keep_briefly()?;
        }
        if let Some((batches, size)) = scenario.before() {
            stage.prepare(batches, size).await?;
        }
        Ok(stage)
    }

    async fn prepare(&mut self, batches: u64, size: u64) -> anyhow::Result<()> {
        self.site.gateway.restart().await?;
        anyhow::ensure!(
            self.post(batches, size).await,
            "the store to begin from cannot be filled"
        );
        let findings = self.site.settle().await;
        let stopped = self.site.gateway.stop(Duration::from_secs(15)).await;
        anyhow::ensure!(stopped.is_some_and(|status| status.success()), "it does not stop");
        // A planted fault may show already; the judge says so at the first strike.
        anyhow::ensure!(
            findings.is_empty() || self.sabotaged,
            "the store to begin from is wrong already: {findings:?}"
        );
        let before = self.folder.join("before");
        copy_tree(&self.state, &before)?;
        match self.scenario {
            Scenario::Rebuild => fs::remove_dir_all(before.join("buffer"))?,
            Scenario::Recover => tear(&before)?,
            Scenario::Retention => self.let_it_grow_old().await,
            _ => {}
        }
        self.before = Some(before);
        Ok(())
    }

    /// Lets strace watch the next plays: from the begin, or attached once the daemon is ready. No words: nobody watches.
    pub(super) fn watch(&mut self, from: From, words: Vec<String>) {
        let under = |words: Vec<String>| [STRACE, "-D"].map(str::to_owned).into_iter().chain(words).collect();
        let (under, watcher) = match from {
            _ if words.is_empty() => (Vec::new(), Vec::new()),
            From::Begin => (under(words), Vec::new()),
            From::Ready => (Vec::new(), words),
        };
        self.site.gateway.run_under(under);
        self.watcher = watcher;
    }

    /// Attaches the watcher, and waits until it sees every thread.
    async fn attach(&mut self) -> anyhow::Result<()> {
        let (false, Some(pid)) = (self.watcher.is_empty(), self.site.gateway.pid()) else {
            return Ok(());
        };
        let pid_text = pid.to_string();
        let mut command = Command::new(STRACE);
        self.attached = Some(
            command
                .args(["-p", &pid_text])
                .args(&self.watcher)
                .stderr(Stdio::null())
                .spawn()?,
        );
        let end = Instant::now() + PLAYED_WITHIN;
        while !is_watched(pid)? {
            anyhow::ensure!(Instant::now() < end, "strace does not come to watch process {pid}");
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Puts the store back to what the scenario begins from.
    pub(super) fn reset(&mut self) -> io::Result<()> {
        self.site.gateway.kill();
        if let Some(mut attached) = self.attached.take() {
            // It ends with what it watched; the kill only makes sure.
            let _ = attached.kill();
            attached.wait()?;
        }
        self.in_hand = None;
        self.site.upstream_takes(self.scenario != Scenario::Rotate);
        replace_tree(self.before.as_deref(), &self.state)
    }

    /// Plays; false when the daemon died on the way.
    pub(super) async fn play(&mut self) -> anyhow::Result<bool> {
        self.site.gateway.spawn()?;
        if !self.site.gateway.is_ready_within(PLAYED_WITHIN).await {
            return Ok(false);
        }
        self.attach().await?;
        let retires = self.scenario == Scenario::Retention;
        if retires && !self.retires_what_was_there().await {
            return Ok(false);
        }
        let before = if retires { self.tail().await } else { 0 };
        let (batches, size) = self.scenario.batches();
        if !self.post(batches, size).await {
            return Ok(false);
        }
        match self.scenario {
            Scenario::Stop => self.ends().await,
            Scenario::Retention => Ok(self.retires_what_came(before).await),
            // Deliveries would write where they are between two batches, each time at another place.
            Scenario::Rotate => Ok(true),
            // Deliveries write too, and deciding does: let them come to their end.
            _ => Ok(self.delivered().await),
        }
    }

    /// Tells the daemon to stop; whether it stopped well.
    async fn ends(&mut self) -> anyhow::Result<bool> {
        self.site.gateway.tell_to_stop();
        let end = Instant::now() + PLAYED_WITHIN;
        while Instant::now() < end {
            if let Some(status) = self.site.gateway.ended() {
                return Ok(status.success());
            }
            sleep(Duration::from_millis(4)).await;
        }
        anyhow::bail!("it does not stop within {PLAYED_WITHIN:?}")
    }

    /// Posts batches one after another; false when the daemon died, and then the batch in hand is kept.
    async fn post(&mut self, batches: u64, size: u64) -> bool {
        for n in 0..batches {
            let which = usize::try_from(n).unwrap_or(0) % self.callers.len().max(1);
            let Some(caller) = self.callers.get_mut(which) else {
                return true;
            };
            self.in_hand = Some((caller.batch(size), which));
            if !self.send_again().await {
                return false;
            }
            // One batch's deliveries after another: what they write then comes in the same place each time.
            if self.scenario != Scenario::Rotate && !self.delivered().await {
                return false;
            }
        }
        true
    }

    /// Posts the batch in hand until it is acknowledged; false when the daemon is not there.
    pub(super) async fn send_again(&mut self) -> bool {
        let end = Instant::now() + PLAYED_WITHIN;
        while let Some((batch, which)) = &self.in_hand {
            let Some(caller) = self.callers.get(*which) else {
                return true;
            };
            if batch
                .post_once(self.site.gateway.ingest(), &caller.token, &self.site.ledger)
                .await
            {
                self.in_hand = None;
            } else if self.site.gateway.ended().is_some() || Instant::now() > end {
                return false;
            } else {
                sleep(Duration::from_millis(2)).await;
            }
        }
        true
    }

    pub(super) async fn delivered(&mut self) -> bool {
        let end = Instant::now() + PLAYED_WITHIN;
        while Instant::now() < end {
            let status = self.site.gateway.status().await;
            let number = |key: &str| status["journal"][key].as_u64();
            if status["upstreams"]["erp"]["backlog"] == 0
                && number("decided").is_some()
                && number("decided") >= number("tail")
            {
                return true;
            }
            if self.site.gateway.ended().is_some() {
                return false;
            }
            sleep(Duration::from_millis(4)).await;
        }
        false
    }

    /// Whether the process was killed, by whom else but the kernel at our point; waits a moment for it.
    pub(super) async fn has_died_of_a_kill(&mut self) -> bool {
        sleep(Duration::from_millis(20)).await;
        let ended = self.site.gateway.ended();
        ended.is_some_and(|status| status.signal() == Some(KILL))
    }
}

/// Makes of a store that was closed in order one that a kill left behind.
fn tear(state: &Path) -> io::Result<()> {
    fs::remove_file(state.join("buffer").join("clean"))?;
    let segments = fs::read_dir(state.join("journal"))?;
    let paths = segments.filter_map(|entry| Some(entry.ok()?.path()));
    let last = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "pgj"))
        .max();
    let last = last.ok_or(io::ErrorKind::NotFound)?;
    let half_a_record = [0x40, 0, 0, 0, 0x5A, 0x5A, 0x5A, 0x5A, 0x07];
    fs::OpenOptions::new()
        .append(true)
        .open(last)?
        .write_all(&half_a_record)
}

/// Whether each thread of a process has a tracer.
fn is_watched(pid: u32) -> io::Result<bool> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        if status.lines().any(|line| line == "TracerPid:\t0") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Copies a folder of plain files and folders.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
