//! What the daemon is compared with, each a process of its own: a server that stores nothing, and the least durable
//! gateway (HTTP in, one group commit with `fdatasync`, nothing parsed, batches of HTTP out).

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use clap::Subcommand;
use tokio::{net::TcpListener, runtime::Runtime, task::LocalSet};

use crate::{
    http::{self, Extent},
    log,
};

/// How long until a sink that is not there is tried again.
const PAUSE: Duration = Duration::from_millis(10);
/// The most bytes of the log in one post.
const POST: usize = 256 << 10;

/// Runs as one of the things the daemon is compared with.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
pub enum StandIn {
    /// Answers and stores nothing.
    Null {
        /// Where to listen.
        listen: SocketAddr,
    },
    /// Stores, answers after the sync, passes on.
    Reference {
        /// Where to listen.
        listen: SocketAddr,
        /// Where to pass it on.
        upstream: SocketAddr,
        /// The folder to store in.
        folder: PathBuf,
    },
}

impl StandIn {
    /// Runs until killed.
    ///
    /// # Errors
    /// When the address is taken or the folder cannot be written.
    pub fn run(self, runtime: &Runtime) -> io::Result<()> {
        let stored = http::answer(r#"{"results":[{"id":"0","status":"stored"}]}"#).leak();
        LocalSet::new().block_on(runtime, async {
            match self {
                Self::Null { listen } => http::serve(TcpListener::bind(listen).await?, stored, async |_| Ok(())).await,
                Self::Reference {
                    listen,
                    upstream,
                    folder,
                } => {
                    let path = folder.join("log");
                    let durable = Arc::new(Durable::default());
                    let grown = durable.clone();
                    let log = log::committer(&path, move |length| grown.grow(length))?;
                    thread::Builder::new().spawn(move || pass_on(&path, upstream, &durable))?;
                    let take = async move |body: &[u8]| {
                        let mut record = Vec::with_capacity(4 + body.len());
                        record.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
                        record.extend_from_slice(body);
                        log::append(&log, record).await
                    };
                    http::serve(TcpListener::bind(listen).await?, stored, take).await
                }
            }
        })
    }
}

/// How much of the log is durable.
#[derive(Debug, Default)]
struct Durable(Mutex<u64>, Condvar);

impl Durable {
    fn grow(&self, length: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = length;
        self.1.notify_one();
    }

    fn beyond(&self, length: u64) -> u64 {
        let now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *self
            .1
            .wait_while(now, |now| *now <= length)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Posts what is durable, in order, for ever; a sink that is away is waited for.
fn pass_on(path: &Path, upstream: SocketAddr, durable: &Durable) -> io::Result<()> {
    let log = File::open(path)?;
    let (mut at, mut link, mut bytes) = (0, None, vec![0; POST]);
    loop {
        let length = durable.beyond(at);
        let want = usize::try_from(length - at).unwrap_or(POST).min(POST);
        // A record longer than a post would stay for ever; bodies are bounded far below that.
        let read = log.read_at(bytes.get_mut(..want).unwrap_or_default(), at)?;
        let (body, used) = batch(bytes.get(..read).unwrap_or_default());
        while post(&mut link, upstream, &body).is_err() {
            link = None;
            thread::sleep(PAUSE);
        }
        at += used as u64;
    }
}

/// The whole records of a stretch of the log as a JSON array, and how much of it they are.
fn batch(bytes: &[u8]) -> (Vec<u8>, usize) {
    let (mut body, mut rest) = (vec![b'['], bytes);
    while let Some((length, after)) = rest.split_first_chunk::<4>()
        && let Some((record, after)) = after.split_at_checked(u32::from_be_bytes(*length) as usize)
    {
        if body.len() > 1 {
            body.push(b',');
        }
        body.extend_from_slice(record);
        rest = after;
    }
    body.push(b']');
    (body, bytes.len() - rest.len())
}

fn post(link: &mut Option<TcpStream>, upstream: SocketAddr, body: &[u8]) -> io::Result<()> {
    let stream = match link {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(upstream)?;
            stream.set_nodelay(true)?;
            link.insert(stream)
        }
    };
    let mut request = format!(
        "POST / HTTP/1.1\r\nhost: sink\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1_024]);
    while Extent::of(&answer).is_none_or(|extent| answer.len() < extent.whole) {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
    Ok(())
}
