//! A conversation with a device: two mailboxes and a wish for a timer. No I/O happens in here.
//!
//! A conversation may be dropped at any await: nothing half-written can exist, because whole messages
//! are handed over and the transport alone touches the link.

use std::sync::Arc;

use punchgate_model::Span;
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::{Clock, Malformed};

/// One thing that a conversation hears.
#[derive(Debug)]
pub enum Turn<M> {
    /// The other side said something.
    Message(M),
    /// The other side sent something that is not in the protocol; the link goes on.
    Garbled(Malformed),
    /// An operator wants something of the device.
    Command(Command),
    /// The gateway is stopping: finish what is in hand, say goodbye, return.
    Closing,
}

/// What an operator may want of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Set the device's clock to the gateway's time.
    SetClock {
        /// Where the device stands. The driver reads the gateway's clock at the moment it writes, not before.
        zone: jiff::tz::TimeZone,
    },
    /// Read the device's stored log now.
    Pull,
}

/// A wish with the place where its answer goes. Dropping it unanswered tells the asker so.
#[derive(Debug)]
pub struct Command {
    /// What is wanted.
    pub wish: Wish,
    /// `Ok` with a sentence for the operator, or `Err` with the reason.
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// The link is gone; nothing more can be heard or said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the link to {peer} closed")]
pub struct LinkGone {
    /// Who was at the other end.
    pub peer: Arc<str>,
}

/// Nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unheard {
    /// The other side was silent for the whole time allowed.
    #[error("{peer} was silent for {} ms", .waited.as_millis())]
    Silence {
        /// Who was silent.
        peer: Arc<str>,
        /// For how long we waited.
        waited: Span,
    },
    /// The link closed meanwhile.
    #[error(transparent)]
    Gone(#[from] LinkGone),
}

/// A monotonic instant, for measuring how long something takes. Virtual in tests.
pub type Moment = Instant;

/// One side of a conversation: hears `H`, says `S`.
#[derive(Debug)]
pub struct Session<H, S> {
    heard: mpsc::Receiver<Turn<H>>,
    said: mpsc::Sender<S>,
    clock: Clock,
    zone: Option<jiff::tz::TimeZone>,
    peer: Arc<str>,
}

/// The transport's ends of a [`Session`].
#[derive(Debug)]
pub struct Heard<H, S> {
    /// Where what was heard goes in.
    pub heard: mpsc::Sender<Turn<H>>,
    /// Where what is to be said comes out; closed when the conversation has ended.
    pub said: mpsc::Receiver<S>,
}

impl<H, S> Session<H, S> {
    /// A session with the peer of this name, and the transport's ends of it.
    pub fn with(peer: impl Into<Arc<str>>, clock: Clock) -> (Self, Heard<H, S>) {
        let (heard_in, heard) = mpsc::channel(4);
        let (said, said_out) = mpsc::channel(4);
        (
            Self {
                heard,
                said,
                clock,
                zone: None,
                peer: peer.into(),
            },
            Heard {
                heard: heard_in,
                said: said_out,
            },
        )
    }

    /// Waits for the next turn.
    ///
    /// # Errors
    /// [`LinkGone`] when the link has closed and everything heard before was taken.
    pub async fn hear(&mut self) -> Result<Turn<H>, LinkGone> {
        self.heard.recv().await.ok_or_else(|| self.gone())
    }

    /// Waits for the next turn for at most `patience`.
    ///
    /// # Errors
    /// [`Unheard::Silence`] when nothing came, [`Unheard::Gone`] when the link closed.
    pub async fn hear_within(&mut self, patience: Span) -> Result<Turn<H>, Unheard> {
        match timeout(patience, self.hear()).await {
            Ok(turn) => Ok(turn?),
            Err(_) => Err(Unheard::Silence {
                peer: self.peer.clone(),
                waited: patience,
            }),
        }
    }

    /// Hands a message to the link.
    ///
    /// # Errors
    /// [`LinkGone`] when the link has closed.
    pub async fn say(&mut self, words: S) -> Result<(), LinkGone> {
        self.said.send(words).await.map_err(|_| self.gone())
    }

    /// Lets time pass, for a second attempt at something that is not said on the link. What is said meanwhile waits to be heard.
    pub async fn pause(&self, span: Span) {
        tokio::time::sleep(span).await;
    }

    /// The wall clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The same session with a device that stands in this zone.
    #[must_use]
    pub fn in_zone(mut self, zone: jiff::tz::TimeZone) -> Self {
        self.zone = Some(zone);
        self
    }

    /// Where the device stands, if that is configured. Only for filling in what a device leaves out of a printed time; a time
    /// printed whole stays civil.
    pub fn zone(&self) -> Option<&jiff::tz::TimeZone> {
        self.zone.as_ref()
    }

    /// The monotonic time, for measuring a round trip. Virtual in tests.
    pub fn moment(&self) -> Moment {
        Instant::now()
    }

    /// Who is at the other end, for messages.
    pub fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    fn gone(&self) -> LinkGone {
        LinkGone {
            peer: self.peer.clone(),
        }
    }
}
