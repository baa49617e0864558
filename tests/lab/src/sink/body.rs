//! Answers that come whole, break off, or trickle.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// A body of pieces with pauses between them. Its length is announced, also when it breaks off before it.
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    announced: u64,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    breaks: bool,
}

impl Pieces {
    pub(crate) fn whole(text: impl Into<Bytes>) -> Self {
        let text = text.into();
        Self {
            announced: text.len() as u64,
            pieces: VecDeque::from([text]),
            pause: Duration::ZERO,
            pausing: None,
            breaks: false,
        }
    }

    /// Half of the text, although all of it is announced.
    pub(crate) fn half(text: impl Into<Bytes>) -> Self {
        let whole = Self::whole(text);
        let half = whole.pieces.iter().map(|text| text.slice(..text.len() / 2)).collect();
        Self {
            pieces: half,
            // Long enough for the half to leave before the connection breaks.
            pause: Duration::from_millis(20),
            breaks: true,
            ..whole
        }
    }

    /// Byte by byte.
    pub(crate) fn trickling(text: impl Into<Bytes>, pause: Duration) -> Self {
        let whole = Self::whole(text);
        let bytes = whole
            .pieces
            .iter()
            .flat_map(|text| text.iter().map(|b| Bytes::copy_from_slice(&[*b])));
        Self {
            pieces: bytes.collect(),
            pause,
            ..whole
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(pausing) = &mut self.pausing {
            if pausing.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pausing = None;
        }
        match self.pieces.pop_front() {
            Some(piece) => {
                if self.pause > Duration::ZERO {
                    self.pausing = Some(Box::pin(sleep(self.pause)));
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None if self.breaks => Poll::Ready(Some(Err(io::Error::other("broken off as asked")))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.breaks
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        SizeHint::with_exact(if self.breaks { self.announced } else { left })
    }
}
