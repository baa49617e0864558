//! The callers: kept-alive connections that post punches and time the answers.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use memchr::memmem::Finder;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{http, ledger::Ledger, punches::Crowd};

/// How many call at once, and how many punches each call holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Connections.
    pub connections: usize,
    /// Punches in a call.
    pub array: usize,
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Until {
    /// After so many punches.
    pub most: usize,
    /// Or after so long.
    pub time: Duration,
}

/// Whom to call, and what of its answers to believe.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether its answers say of each punch that it is stored; otherwise a 200 says it of all.
    pub itemised: bool,
    /// Who punches.
    pub crowd: Crowd,
    /// Where it is written down.
    pub ledger: Arc<Ledger>,
}

/// What a load came to.
#[derive(Debug, Default, Clone)]
pub struct Lap {
    /// Punches acknowledged.
    pub punches: u64,
    /// How long it took.
    pub took: Duration,
    /// How long each answer took, in milliseconds.
    pub answers: Vec<f64>,
}

impl Lap {
    /// Punches acknowledged in a second.
    pub fn rate(&self) -> f64 {
        self.punches as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Each connection posts again as soon as it was answered.
///
/// # Errors
/// When a connection breaks, or an answer is no 200.
pub async fn closed(target: &Target, shape: Shape, until: Until) -> io::Result<Lap> {
    let left = Arc::new(AtomicU64::new(until.most as u64));
    let lines = connect(target, shape.connections).await?;
    let began = Instant::now();
    let end = began + until.time;
    let mut calling = JoinSet::new();
    for mut line in lines {
        let left = left.clone();
        calling.spawn(async move {
            let array = shape.array as u64;
            let take = |left: u64| left.checked_sub(array);
            while Instant::now() < end && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                line.post(shape.array, Instant::now()).await?;
            }
            io::Result::Ok(line.lap)
        });
    }
    gather(calling, began).await
}

/// So many single punches a second, whatever the answers take: a call that starts late because the one before it was slow
/// is timed from when it was due.
///
/// # Errors
/// As [`closed`].
pub async fn paced(target: &Target, per_second: u32, connections: u32, time: Duration) -> io::Result<Lap> {
    let lines = connect(target, connections as usize).await?;
    let began = Instant::now() + Duration::from_millis(5);
    let step = Duration::from_secs(1) / per_second;
    let mut calling = JoinSet::new();
    for (mut line, first) in lines.into_iter().zip(0u32..) {
        calling.spawn(async move {
            for turn in (first..).step_by(connections as usize) {
                let due = began + step * turn;
                if due >= began + time {
                    break;
                }
                let late = Instant::now() > due;
                sleep_until(due).await;
                // How exactly our own timer wakes is not the subject's doing.
                line.post(1, if late { due } else { Instant::now() }).await?;
            }
            io::Result::Ok(line.lap)
        });
    }
    gather(calling, began).await
}

async fn gather(mut calling: JoinSet<io::Result<Lap>>, began: Instant) -> io::Result<Lap> {
    let mut all = Lap::default();
    while let Some(lap) = calling.join_next().await {
        let lap = lap.map_err(io::Error::other)??;
        all.punches += lap.punches;
        all.answers.extend(lap.answers);
    }
    all.took = began.elapsed();
    Ok(all)
}

async fn connect(target: &Target, many: usize) -> io::Result<Vec<Line>> {
    let mut lines = Vec::with_capacity(many);
    for _ in 0..many {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        lines.push(Line {
            stream,
            target: target.clone(),
            stored: Finder::new(b"\"stored\"").into_owned(),
            body: Vec::new(),
            request: Vec::new(),
            answer: Vec::with_capacity(16 << 10),
            lap: Lap::default(),
        });
    }
    Ok(lines)
}

/// One connection.
struct Line {
    stream: TcpStream,
    target: Target,
    stored: Finder<'static>,
    body: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<u8>,
    lap: Lap,
}

impl Line {
    async fn post(&mut self, many: usize, began: Instant) -> io::Result<()> {
        let ledger = &self.target.ledger;
        let full = || io::Error::other("more punches than the account has room for");
        let numbers = ledger.take(many).ok_or_else(full)?;
        self.target
            .crowd
            .request(numbers.clone(), &mut self.body, &mut self.request);
        ledger.sent(numbers, began.into_std());
        self.stream.write_all(&self.request).await?;
        let extent = http::message(&mut self.stream, &mut self.answer).await?;
        let answer = self.answer.get(..extent.whole).unwrap_or_default();
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(format!(
                "answered {}",
                String::from_utf8_lossy(answer)
            )));
        }
        let stored = if self.target.itemised {
            self.stored.find_iter(answer).count()
        } else {
            many
        };
        self.answer.drain(..extent.whole);
        self.lap.punches += stored as u64;
        ledger.acknowledge(stored as u64);
        self.lap.answers.push(began.elapsed().as_secs_f64() * 1000.0);
        Ok(())
    }
}
