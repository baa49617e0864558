//! One connection: hyper over a watched stream.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::{
    Handler, Limits,
    body::{Share, Store, Unread, pass_over, read},
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
        // hyper's buffer grows in powers of two and past its limit; the header size is the limit that counts.
        .max_header_size(room.limits.head_bytes)
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
    let (head, mut body) = request.into_parts();
    let response = match whole(room, &head, &mut body).await {
        Ok((body, share)) => {
            watch.enter(Phase::Answering);
            let response = room.handler.answer(Request::from_parts(head, body), peer).await;
            drop(share);
            response
        }
        Err(why) => {
            pass_over(&mut body).await;
            // What is left of a long body is not read, so nothing can follow it.
            watch.end_after_this();
            match why {
                Unread::TargetTooLong => empty(StatusCode::URI_TOO_LONG),
                Unread::Broken => empty(StatusCode::BAD_REQUEST),
                Unread::Refused(why) => room.handler.refuse(&head, &why),
            }
        }
    };
    let response = if watch.is_last() { last(response) } else { response };
    watch.enter(Phase::Idle);
    response.map(Full::new)
}

/// The body of a request that is admitted.
async fn whole<'a, H: Handler>(
    room: &'a Room<H>,
    head: &http::request::Parts,
    body: &mut Incoming,
) -> Result<(Bytes, Option<Share<'a>>), Unread> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > room.limits.target_bytes {
        return Err(Unread::TargetTooLong);
    }
    room.handler.admit(head).map_err(Unread::Refused)?;
    read(body, room.limits.body_bytes, &room.store).await
}
