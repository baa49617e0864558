//! The gateway's process, put together as `punchgate run` does it: real intake, journal, deciding, rules, outbox, pump,
//! watermarks, supervision and drivers. Only the disk, the network, the clock and the upstream are the world's.

use std::{path::Path, sync::Arc, time::Duration};

use punchgate::{
    board::Board,
    contact::Contacts,
    decide::{Decider, ids::Ids},
    deciding::{Deciding, Progress},
    delivered,
    forward::{Backlog, Backlogs, Forwarding, Places},
    held::Held,
    intake::{Desk, Tray},
    notebook::Notebook,
    our_clock::OurClock,
    outbox,
    questions::Questions,
    run::{Force, note_opening},
    store::keeper::Keeper,
    supervisor::{Supervisor, Unit},
    watermark,
};
use punchgate_http_ingest::HttpIngest;
use punchgate_journal::{Buffer, Journal, Options};
use punchgate_kit::{Carrier, Clock, Delivery, Driver, Fault, Intake, Session, Simulator, StreamDriver};
use punchgate_transports::{Orders, http::Router, stream};
use punchgate_upstream::{Backoff, Batching, EventKind, Pump, When};
use serde::Deserialize;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    net,
    rulebook::{directory, settings},
    scene::Make,
    shelf::Shelf,
    sink::Way,
    station::{Body, TOKEN},
    world::World,
};

/// The upstream's name.
const SINK: &str = "sink";
/// What it wants.
pub(crate) const KINDS: [EventKind; 3] = [EventKind::Punch, EventKind::Record, EventKind::Verdict];
/// Where the journal lies on the simulated disk.
pub const JOURNAL: &str = "state/journal";

/// A process that did not come up: the power went while it opened, or the disk refused.
#[derive(Debug)]
pub struct Stillborn(pub String);

/// The running process.
pub struct Gateway {
    world: World,
    buffer: Buffer,
    closing: CancellationToken,
    pumping: CancellationToken,
    supervisor: Supervisor,
    tasks: TaskTracker,
    deliveries: mpsc::Sender<Delivery>,
    notebook: Notebook,
    intake: JoinHandle<()>,
    deciding: JoinHandle<bool>,
}

impl Gateway {
    /// Starts it.
    ///
    /// # Errors
    /// [`Stillborn`].
    pub fn start(world: &World, shelf: &mut Shelf) -> Result<Self, Stillborn> {
        let clock = world.wall_clock();
        let board = Arc::new(Board::new(clock.clone()));
        let mut options = Options::new(world.seed.to_le_bytes().repeat(2).try_into().unwrap_or_default());
        options.segment_bytes = world.scene.segment;
        options.ballast_bytes = 4 << 10;
        let opened = Journal::open(Arc::new(world.disk.clone()), Path::new(JOURNAL), options);
        let (mut journal, opening) = opened.map_err(|error| Stillborn(error.to_string()))?;
        world.note(
            "open",
            format!(
                "{} records, cut {:?}, gaps {:?}",
                opening.records, opening.cut, opening.gaps
            )
            .as_bytes(),
        );
        let mut reader = journal.reader();
        let (buffer, fresh) = shelf.open(|position| reader.fits(position).unwrap_or(false));
        let failed = |error: punchgate_journal::BufferError| Stillborn(error.to_string());
        let ids = Ids::open(buffer.clone()).map_err(failed)?;
        let mut decider = Decider::new(buffer.clone(), ids.clone()).map_err(failed)?;
        if fresh {
            decider.skip(delivered::by_all(&mut reader, std::iter::once(SINK)));
        }
        let settings = settings(world);
        let first = journal.tail() == 0;
        let (in_force, people) = decider.known();
        let known = Force {
            settings: in_force.clone(),
            people,
        };
        let wanted = Force {
            settings: settings.clone(),
            people: directory(world),
        };
        let entries = wanted.opening(&known, (fresh, first), clock.now());
        let mut owed = Vec::new();
        if let Err(not_noted) = note_opening(&mut journal, &entries) {
            world.note("settings", not_noted.why.to_string().as_bytes());
            owed = not_noted.payloads;
        }
        let begun_at = journal.tail();
        let epochs = decider.log_epochs().clone();
        let epochs = epochs.to_the_end(&mut reader, buffer.position().seq);
        let (deliveries, arriving) = mpsc::channel(4096);
        let (notebook, notes) = Notebook::new();
        let (tail, tail_seen) = watch::channel(begun_at);
        let (progress, progress_seen) = watch::channel(Progress::default());
        let (for_pump, for_watermark) = in_turn(progress_seen.clone());
        let held = Arc::new(Held::new(buffer.clone(), ids.clone()));
        let backlogs = Backlogs::default();
        backlogs.with(|backlogs| backlogs.insert(SINK.to_owned(), Backlog::of(KINDS)));
        let deciding = Deciding {
            decider,
            buffer: buffer.clone(),
            reader,
            held: held.clone(),
            board: board.clone(),
            tail: tail_seen,
            progress,
            backlogs: backlogs.clone(),
            questions: Questions::none(),
        };
        let (_, in_force) = watch::channel(settings);
        let desk = Desk {
            journal,
            held,
            clock: clock.clone(),
            board: board.clone(),
            tail,
            contacts: Contacts::new(in_force.clone()),
            epochs,
            ours: OurClock::default(),
            progress: progress_seen.clone(),
            begun_at,
            keeper: Keeper::of(buffer.clone(), ids),
            owed,
        };
        let (closing, pumping) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let supervisor = Supervisor::new(board.clone(), closing.clone()).with_seed(world.seed);
        let intake = tokio::spawn(store(world.clone(), desk, Tray::new(arriving, notes)));
        let deciding = tokio::spawn(async move { deciding.keep().await.is_ok() });
        let gateway = Self {
            world: world.clone(),
            buffer: buffer.clone(),
            closing: closing.clone(),
            pumping,
            supervisor,
            tasks,
            deliveries,
            notebook: notebook.clone(),
            intake,
            deciding,
        };
        gateway.devices(&clock, &board);
        gateway.pump(backlogs, for_pump, begun_at, &clock);
        let places = (buffer, notebook);
        let watching = watermark::keep(places, in_force, board, clock, for_watermark, closing);
        gateway.tasks.spawn(watching);
        Ok(gateway)
    }

    fn devices(&self, clock: &Clock, board: &Arc<Board>) {
        let driver = |make| match make {
            Make::Terminal => "zk_tcp",
            Make::Line => "serial_line",
            Make::App => "http_ingest",
        };
        let stations = self.world.stations.iter().map(|station| &station.device);
        board.only_devices(stations.map(|device| (device.name.as_str(), driver(device.make))));
        let notices = board.clone();
        let mut router = Router::new(clock.clone(), move |notice| notices.notice(&notice));
        for (index, station) in self.world.stations.iter().enumerate() {
            let name = station.device.name.as_str();
            let intake = Intake::new(name.into(), self.deliveries.clone());
            match &station.body {
                Body::Terminal(terminal) => {
                    let text = format!("live = {}\npoll = \"{}s\"", station.device.live, station.device.poll);
                    self.supervisor
                        .keep(self.unit::<ZkOf>(index, terminal, &text, intake, Carrier::Tcp));
                }
                Body::Line(line) => {
                    let text = "preset = \"giga-tms-tr320\"\nacknowledge = \"ack\"";
                    self.supervisor
                        .keep(self.unit::<LineOf>(index, line, text, intake, Carrier::Serial));
                }
                Body::App(_) => {
                    let options = options(&format!("token = \"{TOKEN}-{name}\""));
                    router.register::<HttpIngest>(name.into(), options, intake);
                }
            }
        }
        let router = Arc::new(router);
        for (index, station) in self.world.stations.iter().enumerate() {
            if matches!(station.body, Body::App(_)) {
                let posting = net::posting(self.world.clone(), index, router.clone(), self.closing.clone());
                self.tasks.spawn(posting);
            }
        }
    }

    fn unit<S>(&self, index: usize, device: &Arc<S>, text: &str, intake: Intake, carrier: Carrier) -> Unit
    where
        S: Simulator,
        S::Of: StreamDriver,
        <S::Of as Driver>::Options: Sync,
    {
        let (world, device) = (self.world.clone(), device.clone());
        let make = if carrier == Carrier::Serial {
            Make::Line
        } else {
            Make::Terminal
        };
        let options: <S::Of as Driver>::Options = options(text);
        let name: Arc<str> = intake.device().as_str().into();
        let start = move |closing| -> punchgate::supervisor::Attempt {
            let (world, device) = (world.clone(), device.clone());
            let (options, intake) = (options.clone(), intake.clone());
            Box::pin(async move {
                sleep(Duration::from_millis(world.between(1, 20))).await;
                if world.mishap(world.scene.network.refuse) {
                    return Err(Fault::Unreachable {
                        peer: intake.device().to_string(),
                        why: "no route".to_owned(),
                    });
                }
                let (ours, theirs) = net::connect(&world, make);
                let (framer, opposite) = (S::Of::framer(&options, carrier), S::Of::framer(&options, carrier));
                let clock = world.device_clock(index);
                tokio::spawn(async move {
                    let orders = Orders::closing(CancellationToken::new());
                    stream::behave(theirs, opposite, &*device, "the gateway", clock, orders).await;
                });
                let (session, ends) = Session::with(intake.device().as_str(), world.wall_clock());
                let talk = (session.in_zone(jiff::tz::TimeZone::UTC), ends);
                stream::converse::<S::Of>(ours, framer, talk, intake, options, Orders::closing(closing)).await
            })
        };
        Unit {
            name,
            start: Box::new(start),
        }
    }

    /// As `pumps` does it: the pump begins once everything from before the start is decided.
    fn pump(&self, backlogs: Backlogs, mut progress: watch::Receiver<Progress>, begun_at: u64, clock: &Clock) {
        let (world, buffer) = (self.world.clone(), self.buffer.clone());
        let (notebook, clock) = (self.notebook.clone(), clock.clone());
        let (stop, tasks) = (self.pumping.clone(), self.tasks.clone());
        self.tasks.spawn(async move {
            let caught_up = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                caught_up = progress.wait_for(|progress| progress.decided >= begun_at) => caught_up.is_ok(),
            };
            let places = Arc::new(Places::default());
            let place = places.of(SINK, || Decider::cursor(&buffer, SINK));
            let Some(place) = place.ok().filter(|_| caught_up) else {
                return;
            };
            let cursor = place.load(std::sync::atomic::Ordering::Acquire);
            let backlog = Backlog::of(KINDS);
            backlogs.with(|backlogs| {
                let waiting = outbox::count(&buffer, cursor, u64::MAX - 1, |event| backlog.wants(event));
                backlog.start_at(waiting.unwrap_or(0));
                backlogs.insert(SINK.to_owned(), backlog.clone());
            });
            let (max, every) = world.scene.batch;
            let batching = Batching {
                max,
                when: When::Every(Duration::from_millis(every)),
                ..Batching::default()
            };
            let backoff = |least, most| Backoff::new(Duration::from_secs(least), Duration::from_secs(most), world.seed);
            let backoffs = (backoff(1, 60), backoff(5, 300));
            let forwarding = Forwarding::new(SINK, buffer, notebook, clock.clone(), backlog, places, place);
            let (pump, handle) = Pump::new(Way::new(world.clone()), forwarding, batching, clock);
            tasks.spawn(pump.with_backoffs(backoffs.0, backoffs.1).run(stop.clone()));
            while tokio::select! {
                biased;
                () = stop.cancelled() => false,
                changed = progress.changed() => changed.is_ok(),
            } {
                handle.wake();
            }
        });
    }

    /// Whether storing or deciding has ended by itself: the process goes down then, and comes again.
    pub fn is_broken(&self) -> bool {
        self.intake.is_finished() || self.deciding.is_finished()
    }

    /// Stops it in order, as a signal does.
    pub async fn stop(self, shelf: &mut Shelf) {
        self.closing.cancel();
        self.supervisor.ended(Duration::from_secs(3)).await;
        self.pumping.cancel();
        self.tasks.close();
        // As in `run`: politeness has an end.
        let _ = timeout(Duration::from_millis(3_500), self.tasks.wait()).await;
        drop((self.deliveries, self.notebook));
        let _ = timeout(Duration::from_secs(2), self.intake).await;
        let decided = timeout(Duration::from_secs(2), self.deciding).await;
        if !matches!(decided, Ok(Ok(true))) || !self.world.is_alive() {
            return;
        }
        if shelf.dir.is_some() {
            if let Err(error) = self.buffer.close() {
                self.world.note("buffer", error.to_string().as_bytes());
            }
        } else if self.buffer.write_back().is_ok() {
            shelf.closed = Some(self.buffer);
        }
    }
}

type ZkOf = punchgate_zk_tcp::ZkSim;
type LineOf = punchgate_serial_line::simulator::TextClock;

/// Who waits for a watch together with others is woken in an order that chance decides, and not the seed's. So each waits
/// for one of its own.
fn in_turn(mut progress: watch::Receiver<Progress>) -> (watch::Receiver<Progress>, watch::Receiver<Progress>) {
    let (one, one_seen) = watch::channel(Progress::default());
    let (two, two_seen) = watch::channel(Progress::default());
    tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let now = *progress.borrow_and_update();
            one.send_replace(now);
            two.send_replace(now);
        }
    });
    (one_seen, two_seen)
}

/// The intake's thread: the same steps, with the time that the disk takes.
async fn store(world: World, mut desk: Desk, mut tray: Tray) {
    while tray.fill().await {
        let slow = world.scene.slow_sync;
        if slow > 0 && !world.is_calm() {
            sleep(Duration::from_millis(world.between(0, slow))).await;
        }
        desk.clear(&mut tray);
        world.note("synced", &world.disk.changes().to_le_bytes());
        if world.disk.is_off() {
            world.power_gone.notify_one();
            std::future::pending::<()>().await;
        }
    }
    // Nothing acknowledged depends on it.
    let _ = desk.journal.close();
    if world.disk.is_off() {
        world.power_gone.notify_one();
    }
}

fn options<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    toml::from_str(text).unwrap_or_else(|error| panic!("options of our own making: {error}"))
}
