//! What is measured: a process that takes punches, its sink, and the account between them.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use punchgate_lab::{gateway::Gateway, ports};
use tempfile::TempDir;
use tokio::{net::TcpStream, time::sleep};

use crate::{
    gateway,
    ledger::{Ledger, Sums},
    load::{Lap, Target},
    process::Process,
    punches::Crowd,
    sink::{Mark, Sink},
};

/// How long nothing may arrive at the sink while something is missing: longer than any backoff.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a process may take to listen.
const LISTENING: Duration = Duration::from_secs(10);

/// A process that is loaded, with what stands around it.
pub struct Subject {
    /// What it is called in the report.
    pub name: &'static str,
    /// Where to post to.
    pub target: Target,
    /// The daemon, if it is one.
    pub gateway: Option<Gateway>,
    child: Option<Child>,
    folder: TempDir,
    sink: Option<Sink>,
    sink_at: SocketAddr,
    mark: Mark,
}

impl Subject {
    /// A server that stores nothing.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn null(room: usize) -> anyhow::Result<Self> {
        Self::stand_in("null server", room, |listen, _, _| vec!["null".into(), listen]).await
    }

    /// The least durable gateway, with a sink.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn reference(room: usize) -> anyhow::Result<Self> {
        let arguments = |listen, upstream, folder| vec!["reference".into(), listen, upstream, folder];
        let mut subject = Self::stand_in("reference", room, arguments).await?;
        subject.open_sink()?;
        Ok(subject)
    }

    async fn stand_in(
        name: &'static str,
        room: usize,
        arguments: impl Fn(String, String, String) -> Vec<String>,
    ) -> anyhow::Result<Self> {
        let (address, sink_at) = (ports::free(), ports::free());
        let folder = tempfile::Builder::new().prefix("punchgate-bench-").tempdir()?;
        let arguments = arguments(
            address.to_string(),
            sink_at.to_string(),
            folder.path().display().to_string(),
        );
        let mut command = Command::new(std::env::current_exe()?);
        let child = command.args(arguments).stdin(Stdio::null()).spawn()?;
        let mut subject = Self::around(name, address, sink_at, folder, Mark::Item, room);
        subject.child = Some(child);
        let end = Instant::now() + LISTENING;
        while TcpStream::connect(address).await.is_err() {
            ensure!(Instant::now() < end, "the {name} does not listen");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(subject)
    }

    /// The daemon, ready, with a sink unless it is to be `absent`.
    ///
    /// # Errors
    /// When it does not become ready; the error holds its log.
    pub async fn daemon(program: &Path, every: &str, room: usize, absent: bool) -> anyhow::Result<Self> {
        let sink_at = ports::free();
        let gateway = Gateway::start(program, &gateway::tables(sink_at, every)).await?;
        let folder = tempfile::Builder::new().prefix("punchgate-bench-").tempdir()?;
        let mut subject = Self::around("punchgate", gateway.ingest(), sink_at, folder, Mark::Event, room);
        subject.target.itemised = true;
        subject.gateway = Some(gateway);
        if !absent {
            subject.open_sink()?;
        }
        Ok(subject)
    }

    fn around(
        name: &'static str,
        address: SocketAddr,
        sink_at: SocketAddr,
        folder: TempDir,
        mark: Mark,
        room: usize,
    ) -> Self {
        let target = Target {
            address,
            itemised: false,
            crowd: Crowd::Many,
            ledger: Arc::new(Ledger::with_room(room)),
        };
        Self {
            name,
            target,
            gateway: None,
            child: None,
            folder,
            sink: None,
            sink_at,
            mark,
        }
    }

    /// Lets the sink be there.
    ///
    /// # Errors
    /// When its address is taken.
    pub fn open_sink(&mut self) -> io::Result<()> {
        self.sink = Some(Sink::start(self.sink_at, self.mark, self.target.ledger.clone())?);
        Ok(())
    }

    /// Lets the sink go away; what it has it keeps.
    pub fn close_sink(&mut self) {
        self.sink = None;
    }

    /// Its process.
    pub fn process(&self) -> anyhow::Result<Process> {
        let child = self.child.as_ref().map(Child::id);
        let pid = child.or_else(|| self.gateway.as_ref()?.pid());
        Ok(Process(
            pid.ok_or_else(|| anyhow::anyhow!("the {} is not running", self.name))?,
        ))
    }

    /// Where its files are.
    pub fn state(&self) -> &Path {
        self.gateway.as_ref().map_or(self.folder.path(), Gateway::state)
    }

    /// What its account adds up to.
    pub fn sums(&self) -> Sums {
        self.target.ledger.sums()
    }

    /// Waits until the sink has everything that was acknowledged.
    ///
    /// # Errors
    /// When it does not come to that in time.
    pub async fn drained(&self) -> anyhow::Result<()> {
        let ledger = &self.target.ledger;
        let given = u64::from(ledger.given());
        let (mut seen, mut since) = (0, Instant::now());
        while seen < given {
            sleep(Duration::from_millis(2)).await;
            let now = ledger.delivered();
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
            ensure!(
                since.elapsed() < PATIENCE,
                "the {}'s sink lacks punches: {:?}",
                self.name,
                ledger.sums()
            );
        }
        match &self.gateway {
            Some(gateway) => gateway::settled(gateway).await,
            None => Ok(()),
        }
    }

    /// Loads it, waits until the sink has everything, and says what that cost.
    ///
    /// # Errors
    /// When the load or the draining fails.
    pub async fn load(&self, load: impl Future<Output = io::Result<Lap>>) -> anyhow::Result<Cost> {
        let process = self.process()?;
        let (cpu, written) = (process.cpu_seconds()?, process.bytes_written()?);
        let began = Instant::now();
        let lap = load.await?;
        if self.sink.is_some() {
            self.drained().await?;
        }
        Ok(Cost {
            through: lap.punches as f64 / began.elapsed().as_secs_f64(),
            cpu: (process.cpu_seconds()? - cpu) / lap.punches as f64 * 1e5,
            written: (process.bytes_written()? - written) / lap.punches as f64,
            lap,
        })
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a lap cost, up to the moment when the sink had everything.
#[derive(Debug, Clone)]
pub struct Cost {
    /// The lap.
    pub lap: Lap,
    /// Punches that reached the sink, each second from the first call to the last delivery.
    pub through: f64,
    /// Processor seconds for 100 000 punches.
    pub cpu: f64,
    /// Bytes written to the disk for each punch.
    pub written: f64,
}
