//! What waits to be heard by a conversation, and what the gateway itself wants of it.

use std::collections::VecDeque;

use bytes::Bytes;
use punchgate_kit::{Command, Heard, Malformed, Turn, Wire};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What the gateway wants of a running conversation.
#[derive(Debug)]
pub struct Orders {
    /// Cancelled when the conversation should finish what it has in hand and end.
    pub closing: CancellationToken,
    /// Wishes of operators.
    pub commands: mpsc::Receiver<Command>,
}

impl Orders {
    /// Orders of which only the closing will ever be used.
    pub fn closing(closing: CancellationToken) -> Self {
        Self {
            closing,
            commands: mpsc::channel(1).1,
        }
    }
}

/// What a link should do next.
pub(crate) enum Next<S> {
    /// Read more from the link.
    Read,
    /// Say this.
    Say(S),
    /// The conversation is over: flush and close.
    Close,
}

/// The transport's side of a conversation. At most one read's worth of turns waits here, so memory stays bounded
/// and a device that talks faster than we store is slowed down by its own link.
pub(crate) struct Mailbox<H, S> {
    waiting: VecDeque<Turn<H>>,
    ends: Heard<H, S>,
    orders: Orders,
    told_closing: bool,
    commands_open: bool,
}

impl<H: Wire<Raw = Bytes>, S: Send + 'static> Mailbox<H, S> {
    pub(crate) fn new(ends: Heard<H, S>, orders: Orders) -> Self {
        Self {
            waiting: VecDeque::new(),
            ends,
            orders,
            told_closing: false,
            commands_open: true,
        }
    }

    /// Puts one frame's body, parsed or garbled, in the queue.
    pub(crate) fn put(&mut self, body: &Bytes) {
        self.waiting.push_back(match H::parse(body) {
            Ok(message) => Turn::Message(message),
            Err(why) => Turn::Garbled(why),
        });
    }

    /// Puts bytes that are no frame in the queue.
    pub(crate) fn put_junk(&mut self, why: Malformed) {
        // One note about noise is enough until it has been heard: a noisy line must not fill the queue.
        if !matches!(self.waiting.back(), Some(Turn::Garbled(_))) {
            self.waiting.push_back(Turn::Garbled(why));
        }
    }

    /// Hands over what waits and returns when the link itself has something to do. `Read` only when nothing waits.
    pub(crate) async fn next(&mut self) -> Next<S> {
        loop {
            tokio::select! {
                biased;
                said = self.ends.said.recv() => return said.map_or(Next::Close, Next::Say),
                () = self.orders.closing.cancelled(), if !self.told_closing => {
                    self.told_closing = true;
                    self.waiting.push_back(Turn::Closing);
                }
                command = self.orders.commands.recv(), if self.commands_open => match command {
                    Some(command) => self.waiting.push_back(Turn::Command(command)),
                    None => self.commands_open = false,
                },
                permit = self.ends.heard.reserve(), if !self.waiting.is_empty() => {
                    // A closed mailbox means that the conversation is over; what it still says comes first.
                    let Ok(permit) = permit else { return self.ends.said.recv().await.map_or(Next::Close, Next::Say) };
                    if let Some(turn) = self.waiting.pop_front() {
                        permit.send(turn);
                    }
                }
                () = std::future::ready(()), if self.waiting.is_empty() => return Next::Read,
            }
        }
    }

    /// With nothing waiting: the next thing the conversation or the gateway wants.
    pub(crate) async fn idle(&mut self) -> Next<S> {
        tokio::select! {
            biased;
            said = self.ends.said.recv() => said.map_or(Next::Close, Next::Say),
            () = self.orders.closing.cancelled(), if !self.told_closing => {
                self.told_closing = true;
                self.waiting.push_back(Turn::Closing);
                Next::Read
            }
            command = self.orders.commands.recv(), if self.commands_open => {
                match command {
                    Some(command) => self.waiting.push_back(Turn::Command(command)),
                    None => self.commands_open = false,
                }
                Next::Read
            }
        }
    }

    /// The link has hung up: lets the conversation hear what came before, then that the link is gone.
    pub(crate) async fn hang_up(self) {
        let Self { mut waiting, ends, .. } = self;
        while let Some(turn) = waiting.pop_front() {
            if ends.heard.send(turn).await.is_err() {
                return;
            }
        }
    }
}
