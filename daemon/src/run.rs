//! The gateway: opens the store, puts the parts together, waits for the signal, takes them apart in order.
//!
//! ```text
//! devices ─▶ intake ─▶ journal ─▶ deciding ─▶ outbox ─▶ pumps ─▶ upstreams
//!            (thread)             (thread)              (tasks)
//! ```
//!
//! Stopping is politeness, never safety: whoever kills the process instead loses nothing that was acknowledged.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use punchgate_journal::{
    Buffer, BufferOptions, DirectoryRows, DiskStorage, Entry, Journal, OpenError, Opening, Options,
};
use punchgate_kit::{Clock, Delivery, Fault, Intake};
use punchgate_transports::http::{self, Limits, Plain, Router};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin::Admin,
    board::Board,
    config::{Config, Link},
    contact::{Contacts, Zones},
    decide::{Decider, settings},
    deciding::{Deciding, Progress, Undecided},
    held::Held,
    intake::{self, Desk, Epochs, Note, Notebook},
    messages::{Lang, Message},
    opening, plan,
    pumps::{self, Prepared, Pumps},
    registry,
    supervisor::{Supervisor, Unit},
    switchboard::Switchboard,
    watermark,
};

/// How long conversations have to finish what they have in hand.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long pumps have to finish the batch in flight.
const LAST_BATCH: Duration = Duration::from_millis(3_500);
/// How long the threads have after that to finish what was handed to them. All together is less than 10 s.
const LAST_PAGE: Duration = Duration::from_secs(2);
/// How long the journal's lock is waited for, and how often it is tried.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// The longest body the admin plane reads.
const ADMIN_BODY: usize = 64 * 1024;

/// Why the gateway did not start or did not stop well.
#[derive(Debug, Error)]
pub enum RunError {
    /// The state directory cannot be used.
    #[error("use the state directory {path}: {source}")]
    State {
        /// The directory.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] punchgate_journal::OpenError),
    /// The directory of people cannot be read.
    #[error("read the directory {path}: {source}")]
    Directory {
        /// The file.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// An upstream or device makes no sense.
    #[error("{0}")]
    Configuration(String),
    /// A thread ended that must not. A restart opens the store afresh and builds the buffer again.
    #[error("go on: storing or deciding ended; the log says why (systemd starts the gateway again)")]
    Broken,
    /// The system refused something basic.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// [`RunError`] when it cannot start.
pub async fn run(config: Config) -> Result<(), RunError> {
    let clock = Clock::system();
    let board = Arc::new(Board::new(clock.clone()));
    let mut store = Store::open(&config)?;
    store.write_settings(&config)?;
    store.show(&board);
    let upstreams = pumps::prepare(&config, &store.buffer).map_err(RunError::Configuration)?;
    let works = Works::start(store, &config, &upstreams, &clock, &board)?;
    let outside = Outside::start(&config, &works, upstreams, &clock, &board).await?;
    board.set_ready(true);
    tell_systemd(&[sd_notify::NotifyState::Ready]);
    tracing::info!(gateway = %config.gateway.id, devices = config.devices.len(), "the gateway runs");
    let broken = tokio::select! {
        told = told_to_stop() => told.map(|()| None).map_err(|source| RunError::System { what: "wait for signals", source })?,
        () = works.broken.cancelled() => Some(RunError::Broken),
    };
    board.set_ready(false);
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("the gateway stops");
    outside.stop().await;
    works.stop();
    broken.map_or(Ok(()), Err)
}

/// The journal and the buffer, open.
struct Store {
    journal: Journal,
    buffer: Buffer,
    decider: Decider,
    fresh: bool,
    /// What opening them found and repaired.
    opening: Vec<Message>,
}

impl Store {
    fn open(config: &Config) -> Result<Self, RunError> {
        let path = &config.store.path;
        let unusable = |source| RunError::State {
            path: path.display().to_string(),
            source,
        };
        make_private(path).map_err(unusable)?;
        let mut options = Options::new(random_identity().map_err(unusable)?);
        options.ballast_bytes = config.store.ballast.0;
        #[cfg(feature = "planted-bugs")]
        crate::planted::plant(&mut options);
        let (journal, opening) = open_journal(&path.join("journal"), options)?;
        let mut reader = journal.reader();
        let fits = |position| reader.fits(position).unwrap_or(false);
        let (buffer, found) = Buffer::open(&path.join("buffer"), BufferOptions::default(), fits);
        let opening_told = opening::told(&opening, &found);
        for told in &opening_told {
            let what = told.say(Lang::En);
            if opening.is_clean() {
                tracing::info!(%what, "the store was opened");
            } else {
                tracing::error!(%what, "the journal was damaged; what is lost is listed, the rest is kept");
            }
        }
        let decider = Decider::new(buffer.clone()).map_err(|error| RunError::Configuration(error.to_string()))?;
        Ok(Self {
            journal,
            buffer,
            decider,
            fresh: found.fresh,
            opening: opening_told,
        })
    }

    /// Shows on the board where the journal and the buffer stand.
    fn show(&self, board: &Board) {
        board.with_journal(|row| {
            row.tail = self.journal.tail();
            row.bytes = self.journal.bytes();
            row.decided = self.buffer.position().seq;
            row.opening.clone_from(&self.opening);
        });
    }

    /// Writes what of the configuration decides to the journal, before any reading that it decides about.
    fn write_settings(&mut self, config: &Config) -> Result<(), RunError> {
        let texts = plan::directory_texts(&config.directory.files).map_err(|(path, source)| RunError::Directory {
            path: path.display().to_string(),
            source,
        })?;
        let wanted = plan::settings(config);
        let at = Clock::system().now();
        let (settings, directory) = self.decider.known();
        let mut entries = vec![Entry::Started {
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }];
        if self.fresh || *settings != wanted {
            // Plain data always serialises.
            let policy = serde_json::to_value(&wanted).unwrap_or_default();
            entries.push(Entry::Policy {
                at,
                name: settings::NAME.to_owned(),
                policy,
            });
        }
        if directory != texts && !(self.fresh && texts.is_empty() && self.journal.tail() == 0) {
            let rows = DirectoryRows(texts.iter().map(|text| text.as_str().into()).collect());
            entries.push(Entry::Directory {
                at,
                digest: plan::digest(&texts),
                rows,
            });
        }
        let payloads: Vec<_> = entries.iter().map(Entry::to_payload).collect();
        if let Err(error) = self.journal.append(&payloads) {
            // A full disk must not keep the gateway from forwarding what it holds.
            tracing::error!(%error, "the configuration in force could not be noted; the one before stays in force");
        }
        Ok(())
    }
}

/// Opens the journal. A process that was just killed may hold its lock a moment longer.
fn open_journal(dir: &Path, options: Options) -> Result<(Journal, Opening), OpenError> {
    let began = Instant::now();
    loop {
        match Journal::open(Arc::new(DiskStorage), dir, options) {
            Err(OpenError::Locked { .. }) if began.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn random_identity() -> io::Result<punchgate_journal::Identity> {
    use std::io::Read;
    let mut identity = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut identity)?;
    Ok(identity)
}

/// What runs inside: the two threads, and the ways to them.
struct Works {
    deliveries: mpsc::Sender<Delivery>,
    notebook: Notebook,
    buffer: Buffer,
    settings: settings::Settings,
    progress: watch::Receiver<Progress>,
    /// The journal's end at the start.
    begun_at: u64,
    /// Cancelled when one of the threads ends.
    broken: CancellationToken,
    intake: JoinHandle<()>,
    deciding: JoinHandle<Result<(), Undecided>>,
}

impl Works {
    fn start(
        store: Store,
        config: &Config,
        upstreams: &[Prepared],
        clock: &Clock,
        board: &Arc<Board>,
    ) -> Result<Self, RunError> {
        let Store {
            journal,
            buffer,
            decider,
            ..
        } = store;
        let begun_at = journal.tail();
        let (deliveries, arriving) = mpsc::channel(4096);
        let (notebook, notes) = Notebook::new();
        let (tail, tail_seen) = watch::channel(begun_at);
        let (progress, progress_seen) = watch::channel(Progress::default());
        let held = Arc::new(Held::new(buffer.clone()));
        let deciding = Deciding {
            decider,
            buffer: buffer.clone(),
            reader: journal.reader(),
            held: held.clone(),
            board: board.clone(),
            tail: tail_seen,
            progress,
            backlogs: upstreams.iter().map(Prepared::backlog).collect(),
        };
        let desk = Desk {
            journal,
            held,
            clock: clock.clone(),
            board: board.clone(),
            tail,
            contacts: Contacts::new(zones(config)),
            epochs: Arc::new(Epochs::default()),
        };
        let broken = CancellationToken::new();
        let (intake_ends, deciding_ends) = (broken.clone().drop_guard(), broken.clone().drop_guard());
        Ok(Self {
            deliveries,
            notebook,
            buffer,
            settings: plan::settings(config),
            progress: progress_seen,
            begun_at,
            broken,
            intake: spawn("intake", move || {
                let _told = intake_ends;
                keep_intake(desk, arriving, notes);
            })?,
            deciding: spawn("deciding", move || {
                let _told = deciding_ends;
                deciding.run()
            })?,
        })
    }

    /// Waits for the threads, which end when nobody can write to them any more, and closes the buffer. Not for long:
    /// what they leave undone the next start does.
    fn stop(self) {
        let Self {
            deliveries,
            notebook,
            buffer,
            intake,
            deciding,
            ..
        } = self;
        drop((deliveries, notebook));
        let end = Instant::now() + LAST_PAGE;
        match join_until(intake, end) {
            Some(Ok(())) => {}
            Some(Err(_)) => {
                tracing::error!("the intake ended in a panic; this is a defect of punchgate, please report it");
            }
            None => tracing::warn!("a conversation did not end in time; what it had stored is stored"),
        }
        match join_until(deciding, end) {
            Some(Ok(Ok(()))) => {
                if let Err(error) = buffer.close() {
                    tracing::warn!(%error, "the buffer will be built again at the next start");
                }
            }
            Some(Ok(Err(error))) => tracing::error!(%error, "the buffer will be built again at the next start"),
            Some(Err(_)) => {
                tracing::error!("deciding ended in a panic; this is a defect of punchgate, please report it");
            }
            None => tracing::warn!("deciding is not done; the next start goes on with it, or builds the buffer again"),
        }
    }
}

/// What a thread ended with; `None` when it has not ended by then, and then it ends with the process.
fn join_until<T>(thread: JoinHandle<T>, end: Instant) -> Option<thread::Result<T>> {
    while !thread.is_finished() {
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Some(thread.join())
}

fn keep_intake(desk: Desk, arriving: mpsc::Receiver<Delivery>, notes: mpsc::Receiver<Note>) {
    if let Err(error) = intake::run(desk, arriving, notes) {
        tracing::warn!(%error, "where upstreams stand could not be synced; they may see events again");
    }
}

fn spawn<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, RunError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|source| RunError::System {
        what: "start a thread",
        source,
    })
}

fn zones(config: &Config) -> Zones {
    let zone =
        |device: &crate::config::Device| Some((device.name.to_string(), device.timezone.as_ref()?.rules().clone()));
    config.devices.iter().filter_map(zone).collect()
}

/// What speaks with the world: devices, listeners, pumps.
struct Outside {
    supervisor: Supervisor,
    closing: CancellationToken,
    admin_closing: CancellationToken,
    admin: Supervisor,
    pumping: CancellationToken,
    pump_tasks: TaskTracker,
}

impl Outside {
    async fn start(
        config: &Config,
        works: &Works,
        upstreams: Vec<Prepared>,
        clock: &Clock,
        board: &Arc<Board>,
    ) -> Result<Self, RunError> {
        let (closing, admin_closing, pumping) = (
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        let supervisor = Supervisor::new(board.clone(), closing.clone());
        let admin = Supervisor::new(board.clone(), admin_closing.clone());
        let pumps = Arc::new(Pumps::default());
        let pump_tasks = TaskTracker::new();
        let plane = Admin {
            board: board.clone(),
            pumps: pumps.clone(),
            gateway: config.gateway.id.as_str().into(),
        };
        admin.keep(admin_unit(config, plane, admin_closing.clone()));
        start_devices(config, works, &supervisor, (clock, board), &closing)?;
        start_pumps(works, upstreams, pumps, clock, &pumping, &pump_tasks);
        let places = (works.buffer.clone(), works.notebook.clone());
        let (settings, progress) = (works.settings.clone(), works.progress.clone());
        pump_tasks.spawn(watermark::keep(
            places,
            settings,
            board.clone(),
            clock.clone(),
            progress,
            closing.clone(),
        ));
        pump_tasks.spawn(watch_dog(closing.clone()));
        Ok(Self {
            supervisor,
            closing,
            admin_closing,
            admin,
            pumping,
            pump_tasks,
        })
    }

    /// Conversations first, then the pumps, then the admin plane, which shows how it goes.
    async fn stop(self) {
        self.closing.cancel();
        self.supervisor.ended(GOODBYE).await;
        self.pumping.cancel();
        self.pump_tasks.close();
        let _ = tokio::time::timeout(LAST_BATCH, self.pump_tasks.wait()).await;
        self.admin_closing.cancel();
        self.admin.ended(Duration::from_millis(500)).await;
    }
}

fn start_devices(
    config: &Config,
    works: &Works,
    supervisor: &Supervisor,
    (clock, board): (&Clock, &Arc<Board>),
    closing: &CancellationToken,
) -> Result<(), RunError> {
    let switchboard = Arc::new(Switchboard::default());
    let notices = board.clone();
    let mut router = Router::new(clock.clone(), move |notice| notices.notice(&notice));
    for device in &config.devices {
        let Some(kind) = registry::kind(device.driver) else {
            continue;
        };
        board.device(device.name.as_str(), kind.about().name);
        let intake = Intake::new(device.name.clone(), works.deliveries.clone());
        let wrong = |error| RunError::Configuration(format!("device {}: {error}", device.name));
        if device.link == Link::Http {
            kind.admit(device, &mut router, intake).map_err(wrong)?;
            continue;
        }
        let around = registry::Surroundings {
            intake,
            clock: clock.clone(),
            switchboard: switchboard.clone(),
            closing: closing.clone(),
        };
        if let Some(unit) = kind.unit(device, around).map_err(wrong)? {
            supervisor.keep(unit);
        }
    }
    if config.listens() {
        supervisor.keep(listener(
            "ingest",
            config.ingest.listen,
            config.ingest.limits.of_listener(),
            Arc::new(router),
            closing.clone(),
        ));
    }
    Ok(())
}

/// The pumps begin once everything from before the start is decided; what is new meanwhile is taken all the same.
fn start_pumps(
    works: &Works,
    upstreams: Vec<Prepared>,
    pumps: Arc<Pumps>,
    clock: &Clock,
    pumping: &CancellationToken,
    tasks: &TaskTracker,
) {
    let (buffer, notebook, clock) = (works.buffer.clone(), works.notebook.clone(), clock.clone());
    let (mut progress, begun_at) = (works.progress.clone(), works.begun_at);
    let (stop, spawner) = (pumping.clone(), tasks.clone());
    tasks.spawn(async move {
        let caught_up = tokio::select! {
            () = stop.cancelled() => return,
            caught_up = progress.wait_for(|progress| progress.decided >= begun_at) => caught_up.is_ok(),
        };
        if !caught_up {
            return;
        }
        if let Err(error) = pumps::start(upstreams, &pumps, (&buffer, &notebook, &clock), &stop, &spawner) {
            tracing::error!(%error, "nothing is forwarded; restart punchgate to build the buffer again");
        }
        drop(notebook);
        tokio::select! {
            () = stop.cancelled() => {}
            () = pumps.wake_on(progress) => {}
        }
    });
}

fn admin_unit(config: &Config, plane: Admin, closing: CancellationToken) -> Unit {
    let handler = Plain::new(move |request, peer| {
        let answer = plane.answer(&request, peer);
        async move { answer }
    });
    listener(
        "admin",
        config.admin.listen,
        Limits::default().with_body(ADMIN_BODY),
        Arc::new(handler),
        closing,
    )
}

/// A unit that listens. A port that another process holds is told and tried again; the others run meanwhile.
fn listener<H: http::Handler>(
    name: &'static str,
    address: std::net::SocketAddr,
    limits: Limits,
    handler: Arc<H>,
    closing: CancellationToken,
) -> Unit {
    let start = move || -> crate::supervisor::Attempt {
        let (limits, handler, closing) = (limits.clone(), handler.clone(), closing.clone());
        Box::pin(async move {
            let listener = TcpListener::bind(address).await.map_err(|error| Fault::Unreachable {
                peer: format!("{name} listener {address}"),
                why: format!("{error} (ss -ltnp shows who has it; change `listen` in [{name}], or stop the other)"),
            })?;
            tracing::info!(listener = name, %address, "listening");
            http::serve(listener, limits, handler, closing).await;
            Ok(())
        })
    };
    Unit {
        name: name.into(),
        start: Box::new(start),
    }
}

async fn told_to_stop() -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Asked twice: what is acknowledged is on the disk.
        std::process::exit(1);
    });
    Ok(())
}

fn tell_systemd(states: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(states);
}

/// Tells systemd that the runtime still turns, twice in each interval it asks for.
async fn watch_dog(closing: CancellationToken) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(interval / 2) => tell_systemd(&[sd_notify::NotifyState::Watchdog]),
        }
    }
}
