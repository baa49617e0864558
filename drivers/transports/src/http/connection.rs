//! One connection: hyper over a watched stream.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use punchgate_kit::Refused;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::{
    Handler, Limits,
    body::{Store, Unread, read},
    handler::{empty, last},
    watch::{Phase, Watch, Watched},
};

/// What all connections of a listener have in common.
#[derive(Debug)]
pub(super) struct Room<H> {
    pub(super) handler: Arc<H>,
    pub(super) limits: Arc<Limits>,
    pub(super) store: Store,
    pub(super) closing: CancellationToken,
}

/// Serves one connection until it ends; when the listener closes, until the request in hand is answered.
pub(super) async fn serve<H: Handler>(stream: TcpStream, peer: SocketAddr, room: Arc<Room<H>>, watch: Arc<Watch>) {
    let stream = Watched::new(stream, watch.clone(), room.limits.clone());
    let (here, now) = (&*room, &*watch);
    let service =
        service_fn(move |request| async move { Ok::<_, Infallible>(exchange(here, now, peer, request).await) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The watched stream has the deadlines, see there.
        .header_read_timeout(None)
        .max_buf_size(room.limits.head_bytes.max(8192))
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = room.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

async fn exchange<H: Handler>(
    room: &Room<H>,
    watch: &Watch,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    watch.enter(Phase::Body);
    let (head, body) = request.into_parts();
    let mut response = match admitted(room, &head) {
        Err(refusal) => {
            watch.end_after_this();
            refusal
        }
        Ok(limit) => match read(body, limit, &room.store).await {
            Ok((body, share)) => {
                watch.enter(Phase::Answering);
                let response = room.handler.answer(Request::from_parts(head, body), peer).await;
                drop(share);
                response
            }
            Err(why) => {
                watch.end_after_this();
                match why {
                    Unread::TooLarge { limit } => room.handler.refuse(&head, &Refused::TooLarge { limit }),
                    Unread::Busy => room.handler.refuse(&head, &Refused::Busy),
                    Unread::Broken => empty(StatusCode::BAD_REQUEST),
                }
            }
        },
    };
    if watch.is_last() {
        response = last(response);
    }
    watch.enter(Phase::Idle);
    response.map(Full::new)
}

fn admitted<H: Handler>(room: &Room<H>, head: &http::request::Parts) -> Result<usize, Response<Bytes>> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > room.limits.target_bytes {
        return Err(empty(StatusCode::URI_TOO_LONG));
    }
    room.handler.admit(head)
}
