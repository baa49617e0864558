//! The room in which a driver and a simulated terminal meet, and what can be asked of it afterwards.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use punchgate_kit::{
    Clock, Command, Driver, Fault, Heard, Remark, Session, SimPunch, Simulator, Turn, Wire, Wish,
    rehearse::{Desk, opening_time},
};
use punchgate_model::{Direction, Factor, Reading, Timestamp};
use punchgate_zk_tcp::{Knobs, Options, ZkSim, ZkTcp};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// A terminal that outlives its conversations, and a desk that keeps what comes in.
pub struct Room {
    pub sim: Arc<ZkSim>,
    pub desk: Desk,
    pub options: Options,
    clock: Clock,
    punched: i64,
    talk: Option<Talk>,
}

/// A conversation under way.
struct Talk {
    task: JoinHandle<Result<(), Fault>>,
    orders: mpsc::Sender<Turn<<ZkTcp as Driver>::Heard>>,
}

pub fn options(value: serde_json::Value) -> Options {
    serde_json::from_value(value).expect("options")
}

/// A reading as the simulator's ledger names it.
pub fn key(reading: &Reading) -> String {
    let printed = reading.device_time.as_ref().map_or("", |time| &time.printed);
    format!("{}|{printed}|{}", reading.credential.number(), reading.factor)
}

impl Room {
    pub fn new(knobs: Knobs) -> Self {
        Self {
            sim: Arc::new(ZkSim::new(knobs)),
            desk: Desk::default(),
            options: Options::default(),
            clock: Clock::starting_at(opening_time()),
            punched: 0,
            talk: None,
        }
    }

    pub fn punch(&mut self, credential: &str, factor: Factor, direction: Direction) {
        // In the past, a minute apart, as a log grows.
        let at = Timestamp::from_millis(opening_time().as_millis() - 86_400_000 * 10 + self.punched * 61_000);
        self.punched += 1;
        let credential = credential.to_owned();
        self.sim.punch(SimPunch {
            credential,
            factor,
            direction,
            at,
        });
    }

    /// So many people punch with a finger.
    pub fn punches(&mut self, count: usize) {
        for n in 0..count {
            self.punch(&format!("{:05}", n % 90 + 1), Factor::Fingerprint, Direction::In);
        }
    }

    /// Lets them talk for some seconds, and go on afterwards. A conversation that has ended is begun anew.
    pub async fn talk_for(&mut self, seconds: u64) {
        self.begin();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Lets them talk until the driver stops.
    pub async fn talk_until_it_ends(&mut self) -> Result<(), Fault> {
        self.begin();
        let Talk { task, orders } = self.talk.take().expect("a conversation");
        let ended = timeout(Duration::from_secs(3600), task).await;
        drop(orders);
        ended.expect("an end within the hour").expect("no panic")
    }

    /// The cable is pulled.
    pub async fn break_link(&mut self) {
        if let Some(Talk { task, .. }) = self.talk.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Asks something of the terminal.
    pub async fn wish(&mut self, wish: Wish) -> Result<String, String> {
        self.begin();
        let (answer, answered) = oneshot::channel();
        self.order(Turn::Command(Command { wish, answer })).await;
        answered.await.expect("an answer")
    }

    /// Lets them talk for some seconds; then the gateway closes.
    pub async fn close_after(&mut self, seconds: u64) -> Result<(), Fault> {
        self.talk_for(seconds).await;
        self.order(Turn::Closing).await;
        self.talk_until_it_ends().await
    }

    async fn order(&self, turn: Turn<<ZkTcp as Driver>::Heard>) {
        let talk = self.talk.as_ref().expect("a conversation");
        talk.orders.send(turn).await.expect("somebody listens");
    }

    fn begin(&mut self) {
        if self.talk.as_ref().is_none_or(|talk| talk.task.is_finished()) {
            let (orders, arriving) = mpsc::channel(1);
            let talking = talk(
                self.sim.clone(),
                self.clock.clone(),
                self.desk.clone(),
                self.options.clone(),
                arriving,
            );
            let task = tokio::spawn(talking);
            self.talk = Some(Talk { task, orders });
        }
    }

    pub fn readings(&self) -> Vec<Reading> {
        self.desk.look(|taken| taken.readings.clone())
    }

    pub fn remarks(&self) -> Vec<Remark> {
        self.desk.look(|taken| taken.remarks.clone())
    }

    /// Rows, records and completeness of every download.
    pub fn downloads(&self) -> Vec<(u64, u64, bool)> {
        let one = |remark: &Remark| match remark {
            Remark::Downloaded {
                rows,
                records,
                complete,
            } => Some((*rows, *records, *complete)),
            _ => None,
        };
        self.desk.look(|taken| taken.remarks.iter().filter_map(one).collect())
    }

    /// How many different punches the readings are, by what a punch id is made of.
    pub fn distinct(&self) -> usize {
        self.identities().len()
    }

    fn identities(&self) -> BTreeSet<String> {
        let identity = |r: &Reading| format!("{}#{}", key(r), r.occurrence);
        self.desk.look(|taken| taken.readings.iter().map(identity).collect())
    }

    /// Every punch once, by its key, in order.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self
            .identities()
            .iter()
            .filter_map(|i| i.rsplit_once('#').map(|(k, _)| k.to_owned()))
            .collect();
        keys.sort();
        keys
    }

    /// How many keys there are among the punches.
    pub fn distinct_keys(&self) -> usize {
        self.keys().into_iter().collect::<BTreeSet<_>>().len()
    }

    /// Everything the terminal issued, in order.
    pub fn issued(&self) -> Vec<String> {
        let mut issued = self.sim.ledger().issued;
        issued.sort();
        issued
    }
}

/// One conversation; everything said goes through the bytes of the codec.
async fn talk(
    sim: Arc<ZkSim>,
    clock: Clock,
    desk: Desk,
    options: Options,
    mut orders: mpsc::Receiver<Turn<<ZkTcp as Driver>::Heard>>,
) -> Result<(), Fault> {
    let (driver_side, driver_ends) = Session::with("the terminal", clock.clone());
    let (device_side, device_ends) = Session::with("the gateway", clock);
    let Heard {
        heard: to_driver,
        said: mut from_driver,
    } = driver_ends;
    let Heard {
        heard: to_device,
        said: mut from_device,
    } = device_ends;
    let ordering = to_driver.downgrade();
    let up = async move {
        while let Some(words) = from_device.recv().await {
            let _ = to_driver.send(through_bytes(&words)).await;
        }
    };
    let down = async move {
        while let Some(words) = from_driver.recv().await {
            let _ = to_device.send(through_bytes(&words)).await;
        }
    };
    let ordered = async move {
        while let Some(turn) = orders.recv().await {
            if let Some(driver) = ordering.upgrade() {
                let _ = driver.send(turn).await;
            }
        }
    };
    let others = async {
        tokio::join!(sim.behave(device_side), up, down, ordered);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = ZkTcp::converse(driver_side, desk.intake("gate-1"), options) => ended,
        () = others => unreachable!("it never ends"),
    }
}

fn through_bytes<W: Wire>(words: &W) -> Turn<W> {
    match W::parse(&words.render()) {
        Ok(message) => Turn::Message(message),
        Err(why) => Turn::Garbled(why),
    }
}
