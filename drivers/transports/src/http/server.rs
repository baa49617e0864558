//! The accept loop.

use std::{io, sync::Arc};

use punchgate_model::Span;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Handler, Limits,
    body::Store,
    connection::{self, Room},
    seats::Seats,
    watch::Watch,
};

/// What a caller gets for whom there is no seat.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// The first and the longest pause after the system refused to accept.
const PAUSES: (Span, Span) = (Span::from_millis(10), Span::from_secs(1));

/// Serves a listener until `closing` is cancelled and the requests in hand are answered, or the farewell is over.
/// Dropping the future ends every connection at once.
pub async fn serve<H: Handler>(listener: TcpListener, limits: Limits, handler: Arc<H>, closing: CancellationToken) {
    let limits = Arc::new(limits);
    let mut seats = Seats::new(limits.clone());
    let room = Arc::new(Room {
        handler,
        store: Store::new(limits.bodies_bytes),
        limits: limits.clone(),
        closing: closing.clone(),
    });
    let mut crowd = JoinSet::new();
    let mut pause = PAUSES.0;
    loop {
        tokio::select! {
            biased;
            () = closing.cancelled() => break,
            Some(ended) = crowd.join_next_with_id() => seats.leave(ended.map_or_else(|error: JoinError| error.id(), |(id, ())| id)),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if seats.make_room(peer.ip()) => {
                    pause = PAUSES.0;
                    // Answers are written whole; waiting to fill a segment only delays them.
                    let _ = stream.set_nodelay(true);
                    let watch = Arc::new(Watch::new());
                    let task = crowd.spawn(connection::serve(stream, peer, room.clone(), watch.clone()));
                    seats.take(peer.ip(), watch, task);
                }
                Ok((stream, _)) => turn_away(&stream),
                Err(error) if is_the_callers(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "failed to accept a connection");
                    seats.displace(None);
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }
    drop(listener);
    let _ = timeout(limits.farewell, async { while crowd.join_next().await.is_some() {} }).await;
}

/// Whether only this one connection is lost, so that the next can be accepted at once.
fn is_the_callers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

fn turn_away(stream: &TcpStream) {
    // If it does not fit into the empty send buffer, the caller sees the connection close, which says the same.
    let _ = stream.try_write(FULL);
}
