//! The one loop between a byte stream and a conversation.
//!
//! ```text
//! link ──read──▶ framer ──parse──▶ mailbox ──▶ Session (driver or simulator)
//! link ◀─write── framer ◀─render─────────────◀ Session
//! ```
//!
//! Bytes are read only when everything read before has been heard, so a slow journal slows the device, not the memory.

use std::io;

use bytes::{Bytes, BytesMut};
use punchgate_kit::{Cut, Driver, Fault, Framer, Heard, Intake, Session, Simulator, StreamDriver, Talk, Wire};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until},
};

use crate::mailbox::{Mailbox, Next, Orders};

/// The most that is read at once.
const READ: usize = 16 * 1024;

/// How a link ended.
#[derive(Debug)]
pub enum Ended {
    /// Our side finished and closed it.
    Finished,
    /// The other side closed it, or it broke.
    HungUp(Option<io::Error>),
}

/// Holds a driver's conversation over a byte stream.
///
/// # Errors
/// The driver's [`Fault`].
pub async fn converse<D: StreamDriver>(
    link: impl AsyncRead + AsyncWrite + Unpin + Send,
    framer: D::Framer,
    (session, ends): Talk<D>,
    intake: Intake,
    options: D::Options,
    orders: Orders,
) -> Result<(), Fault> {
    let talking = D::converse(session, intake, options);
    let (result, _ended) = tokio::join!(talking, carry(link, &framer, ends, orders));
    result
}

/// Lets a simulated device talk over a byte stream.
pub async fn behave<S: Simulator>(
    link: impl AsyncRead + AsyncWrite + Unpin + Send,
    framer: <S::Of as StreamDriver>::Framer,
    simulator: &S,
    peer: &str,
    clock: punchgate_kit::Clock,
    orders: Orders,
) where
    S::Of: StreamDriver,
{
    let (session, ends) = Session::<<S::Of as Driver>::Said, <S::Of as Driver>::Heard>::with(peer, clock);
    tokio::join!(simulator.behave(session), carry(link, &framer, ends, orders));
}

/// Carries a conversation over a byte stream until either side is done.
pub async fn carry<H, S, F>(
    mut link: impl AsyncRead + AsyncWrite + Unpin,
    framer: &F,
    ends: Heard<H, S>,
    orders: Orders,
) -> Ended
where
    H: Wire<Raw = Bytes>,
    S: Wire<Raw = Bytes>,
    F: Framer,
{
    let mut mailbox = Mailbox::new(ends, orders);
    let mut buffer = BytesMut::new();
    let mut last_byte = Instant::now();
    loop {
        match mailbox.next().await {
            Next::Close => return finish(link).await,
            Next::Say(words) => {
                if let Err(error) = write(&mut link, framer, &words).await {
                    mailbox.hang_up().await;
                    return Ended::HungUp(Some(error));
                }
                continue;
            }
            Next::Read => {}
        }
        buffer.reserve(READ);
        let unfinished = framer
            .idle()
            .filter(|_| !buffer.is_empty())
            .map(|idle| last_byte + idle);
        tokio::select! {
            biased;
            said = mailbox.idle() => match said {
                Next::Close => return finish(link).await,
                Next::Say(words) => if let Err(error) = write(&mut link, framer, &words).await {
                    mailbox.hang_up().await;
                    return Ended::HungUp(Some(error));
                },
                Next::Read => {}
            },
            () = until(unfinished) => {
                let cut = framer.idled(&buffer);
                take(&mut mailbox, &mut buffer, cut);
            }
            read = link.read_buf(&mut buffer) => match read {
                Ok(0) => {
                    let cut = if buffer.is_empty() { Cut::More } else { framer.idled(&buffer) };
                    take(&mut mailbox, &mut buffer, cut);
                    mailbox.hang_up().await;
                    return Ended::HungUp(None);
                }
                Ok(_) => {
                    last_byte = Instant::now();
                    loop {
                        let cut = framer.cut(&buffer);
                        if !take(&mut mailbox, &mut buffer, cut) {
                            break;
                        }
                    }
                }
                Err(error) => {
                    mailbox.hang_up().await;
                    return Ended::HungUp(Some(error));
                }
            },
        }
    }
}

/// Consumes one cut; false when there is nothing more to cut for now.
fn take<H: Wire<Raw = Bytes>, S: Send + 'static>(mailbox: &mut Mailbox<H, S>, buffer: &mut BytesMut, cut: Cut) -> bool {
    match cut {
        Cut::More => return false,
        Cut::Frame { take, body } => {
            let frame = buffer.split_to(take.clamp(1, buffer.len())).freeze();
            if body.end <= frame.len() && body.start <= body.end {
                mailbox.put(&frame.slice(body));
            }
        }
        Cut::Junk { skip, why } => {
            drop(buffer.split_to(skip.clamp(1, buffer.len())));
            mailbox.put_junk(why);
        }
    }
    !buffer.is_empty()
}

async fn write<S: Wire<Raw = Bytes>>(
    link: &mut (impl AsyncWrite + Unpin),
    framer: &impl Framer,
    words: &S,
) -> io::Result<()> {
    link.write_all(&framer.wrap(&words.render())).await?;
    link.flush().await
}

async fn finish(mut link: impl AsyncWrite + Unpin) -> Ended {
    // The other side may have gone first; there is nothing left to lose.
    let _ = link.shutdown().await;
    Ended::Finished
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
