//! The loop between datagrams and a conversation: each datagram is one whole message.

use std::{future::Future, io};

use bytes::Bytes;
use punchgate_kit::{Heard, Wire};

use crate::{
    mailbox::{Mailbox, Next, Orders},
    stream::Ended,
};

/// The longest datagram that is received.
const LONGEST: usize = 64 * 1024;

/// Datagrams to and from one peer.
pub trait Datagrams: Send {
    /// Sends one datagram.
    fn send(&mut self, body: Bytes) -> impl Future<Output = io::Result<()>> + Send;
    /// Receives one datagram. May be dropped while it waits.
    fn receive(&mut self) -> impl Future<Output = io::Result<Bytes>> + Send;
}

/// Carries a conversation over datagrams until our side is done or the socket fails.
pub async fn carry<H: Wire<Raw = Bytes>, S: Wire<Raw = Bytes>>(
    mut link: impl Datagrams,
    ends: Heard<H, S>,
    orders: Orders,
) -> Ended {
    let mut mailbox = Mailbox::new(ends, orders);
    loop {
        let next = match mailbox.next().await {
            Next::Read => tokio::select! {
                next = mailbox.idle() => next,
                received = link.receive() => match received {
                    Ok(body) => { mailbox.put(&body); Next::Read }
                    Err(error) => { mailbox.hang_up().await; return Ended::HungUp(Some(error)); }
                },
            },
            other => other,
        };
        match next {
            Next::Read => {}
            Next::Close => return Ended::Finished,
            Next::Say(words) => {
                if let Err(error) = link.send(words.render()).await {
                    mailbox.hang_up().await;
                    return Ended::HungUp(Some(error));
                }
            }
        }
    }
}

impl Datagrams for &tokio::net::UdpSocket {
    async fn send(&mut self, body: Bytes) -> io::Result<()> {
        tokio::net::UdpSocket::send(self, &body).await.map(drop)
    }

    async fn receive(&mut self) -> io::Result<Bytes> {
        let mut body = Vec::with_capacity(LONGEST);
        self.recv_buf(&mut body).await?;
        Ok(body.into())
    }
}
