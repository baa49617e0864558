//! Where a connection stands, and the stream that enforces its deadlines.
//!
//! ```text
//! Idle ──first byte──▶ Head ──whole head──▶ Body ──whole body──▶ Answering ──▶ Idle
//!  idle limit           head limit          body and stall limits    none
//! ```
//!
//! hyper's own header timer would also cut connections that wait for their next request, and costs a timer for each
//! request; here one [`Alarm`] serves the whole connection.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use punchgate_model::Span;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{Limits, alarm::Alarm, guard::HeadGuard};

/// How long, and how many bytes, a caller that was refused may go on talking before the connection is torn down: closed
/// at once, it might never see the answer.
const LINGER: (Span, usize) = (Span::from_millis(500), 1024 * 1024);

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Head,
    Body,
    Answering,
}

/// What the listener, the stream and the requests of one connection know of it together.
#[derive(Debug)]
pub(super) struct Watch {
    /// The phase in the lowest two bits; above them the number of phases so far.
    phase: AtomicU32,
    opened: Instant,
    /// When it became idle, in milliseconds after `opened`.
    idle_since: AtomicU64,
    served: AtomicBool,
    last: AtomicBool,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            phase: AtomicU32::new(0),
            opened: Instant::now(),
            idle_since: AtomicU64::new(0),
            served: AtomicBool::new(false),
            last: AtomicBool::new(false),
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let bits = match phase {
            Phase::Idle => 0,
            Phase::Head => 1,
            Phase::Body => 2,
            Phase::Answering => 3,
        };
        if phase == Phase::Idle {
            self.served.store(true, Ordering::Relaxed);
            let since = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.idle_since.store(since, Ordering::Relaxed);
        }
        let count = (self.phase.load(Ordering::Relaxed) | 3).wrapping_add(1);
        self.phase.store(count | bits, Ordering::Release);
    }

    /// The phase, and a number that differs for every phase.
    fn phase(&self) -> (Phase, u32) {
        let state = self.phase.load(Ordering::Acquire);
        let phase = match state & 3 {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Body,
            _ => Phase::Answering,
        };
        (phase, state)
    }

    /// Marks the request in hand as the last of its connection.
    pub(super) fn end_after_this(&self) {
        self.last.store(true, Ordering::Relaxed);
    }

    /// Whether the request in hand is the last of its connection.
    pub(super) fn is_last(&self) -> bool {
        self.last.load(Ordering::Relaxed)
    }

    /// How readily its seat is given to a newcomer; `None` while a request is in hand. Those that never brought a whole
    /// request come first, then those that have been idle longest; the greatest goes.
    pub(super) fn spare(&self) -> Option<(bool, Span)> {
        let (phase, _) = self.phase();
        let since = Span::from_millis(self.idle_since.load(Ordering::Relaxed));
        matches!(phase, Phase::Idle | Phase::Head).then(|| {
            (
                !self.served.load(Ordering::Relaxed),
                self.opened.elapsed().saturating_sub(since),
            )
        })
    }
}

/// A stream with deadlines and a [`HeadGuard`].
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
    limits: Arc<Limits>,
    guard: HeadGuard,
    seen: u32,
    entered: Option<Instant>,
    reading: Alarm,
    writing: Alarm,
    lingering: Option<usize>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, watch: Arc<Watch>, limits: Arc<Limits>) -> Self {
        Self {
            stream,
            watch,
            limits,
            guard: HeadGuard::default(),
            seen: u32::MAX,
            entered: None,
            reading: Alarm::default(),
            writing: Alarm::default(),
            lingering: None,
        }
    }

    /// Called when nothing is there to read: sets the alarm if the phase is new, and looks at it.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (phase, number) = self.watch.phase();
        if number != self.seen || self.reading.at().is_none() {
            let now = Instant::now();
            let entered = match self.entered {
                Some(entered) if number == self.seen => entered,
                _ => *self.entered.insert(now),
            };
            self.seen = number;
            self.reading.set(match phase {
                Phase::Idle => Some(entered + self.limits.idle),
                Phase::Head => Some(entered + self.limits.head),
                Phase::Body => Some((now + self.limits.stall).min(entered + self.limits.body)),
                Phase::Answering => None,
            });
        }
        self.reading.poll(cx)
    }

    fn took(&mut self, fresh: &mut [u8]) {
        self.guard.feed(fresh);
        if self.guard.is_last() {
            self.watch.end_after_this();
        }
        match self.watch.phase().0 {
            Phase::Idle => self.watch.enter(Phase::Head),
            // The stall limit begins anew with every piece, the whole limit does not.
            Phase::Body => self.reading.set(None),
            Phase::Head | Phase::Answering => {}
        }
    }
}

fn too_slow() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(done) => {
                if let Some(fresh) = buf.filled_mut().get_mut(before..).filter(|fresh| !fresh.is_empty()) {
                    this.took(fresh);
                }
                Poll::Ready(done)
            }
            Poll::Pending => {
                ready!(this.wait(cx));
                Poll::Ready(Err(too_slow()))
            }
        }
    }
}

impl<S> Watched<S> {
    fn written<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.writing.set(None);
            return done;
        }
        if self.writing.at().is_none() {
            self.writing.set(Some(Instant::now() + self.limits.write));
        }
        ready!(self.writing.poll(cx));
        Poll::Ready(Err(too_slow()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            let clean = this.watch.phase().0 == Phase::Idle && !this.watch.is_last();
            if clean {
                return Poll::Ready(Ok(()));
            }
            this.lingering = Some(0);
            this.reading.set(Some(Instant::now() + LINGER.0));
        }
        let mut room = [0; 4096];
        while this.lingering.is_some_and(|heard| heard < LINGER.1) {
            let mut buf = ReadBuf::new(&mut room);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    this.lingering = this.lingering.map(|heard| heard + buf.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(this.reading.poll(cx));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
