//! The upstream: takes whatever is posted, looks for the numbers of punches in it, and keeps nothing else.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use memchr::memmem::Finder;
use tokio::{net::TcpListener, sync::oneshot, task::LocalSet};

use crate::{http, ledger::Ledger};

/// Which text stands before the number of a punch: in an event of punchgate, and in what was posted.
#[derive(Debug, Clone, Copy)]
pub enum Mark {
    /// `data.external_id` of a CloudEvent.
    Event,
    /// `id` of a posted item.
    Item,
}

/// A running sink on a thread of its own; dropping it closes every connection.
#[derive(Debug)]
pub struct Sink {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Sink {
    /// Starts one at an address.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn start(address: SocketAddr, mark: Mark, ledger: Arc<Ledger>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("sink".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let set = LocalSet::new();
            set.block_on(&runtime, async {
                let listener = TcpListener::from_std(listener)?;
                let answer = http::answer("").leak();
                let reader = Arc::new(Reader::new(mark, ledger));
                let take = async move |body: &[u8]| {
                    reader.read(body);
                    Ok(())
                };
                tokio::select! {
                    served = http::serve(listener, answer, take) => served,
                    _ = stopped => Ok(()),
                }
            })
        })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // What it could say was that listening failed; then nothing arrived, and the sums say so.
            let _ = thread.join();
        }
    }
}

struct Reader {
    mark: Finder<'static>,
    event: Finder<'static>,
    ledger: Arc<Ledger>,
}

impl Reader {
    fn new(mark: Mark, ledger: Arc<Ledger>) -> Self {
        let mark: &[u8] = match mark {
            Mark::Event => b"\"external_id\":\"b",
            Mark::Item => b"\"id\":\"b",
        };
        Self {
            mark: Finder::new(mark).into_owned(),
            event: Finder::new(b"\"specversion\"").into_owned(),
            ledger,
        }
    }

    fn read(&self, body: &[u8]) {
        let now = Instant::now();
        for at in self.mark.find_iter(body) {
            let digits = body.get(at + self.mark.needle().len()..).unwrap_or_default().iter();
            let digits = digits.take_while(|byte| byte.is_ascii_digit()).take(9);
            let number = digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
            self.ledger.arrive(number, now);
        }
        self.ledger.count_events(self.event.find_iter(body).count() as u64);
    }
}
