//! Carries a simulated caller over real connections.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use punchgate_kit::{Clock, Driver, Exchange, Heard, Session, Simulator, Turn, Wire};
use punchgate_model::Span;
use thiserror::Error;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a connection may take to open, and an answer to come.
const PATIENCE: Span = Span::from_secs(30);

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// The pauses between attempts to connect.
const PAUSES: (Span, Span) = (Span::from_millis(50), Span::from_secs(2));

/// Why a call had no answer.
#[derive(Debug, Error)]
pub enum CallError {
    /// Nobody could be reached.
    #[error("failed to connect to {to}: {why}")]
    Connect {
        /// The address.
        to: SocketAddr,
        /// What the system said.
        why: String,
    },
    /// The connection broke, or its answer is no HTTP or too long.
    #[error("failed to get an answer from {to}: {why}")]
    Broken {
        /// The address.
        to: SocketAddr,
        /// What went wrong.
        why: String,
    },
}

/// A connection to an HTTP/1 server; one call at a time. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    to: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    _driving: AbortOnDropHandle<()>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// [`CallError::Connect`].
    pub async fn open(to: SocketAddr) -> Result<Self, CallError> {
        let failed = |why: String| CallError::Connect { to, why };
        let stream = timeout(PATIENCE, TcpStream::connect(to)).await;
        let stream = stream.map_err(|_| failed("no answer".to_owned()))?;
        let stream = stream.map_err(|error| failed(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| failed(error.to_string()))?;
        let driving = tokio::spawn(async move {
            // Its end shows in the next call.
            let _ = connection.await;
        });
        Ok(Self {
            to,
            sender,
            _driving: AbortOnDropHandle::new(driving),
        })
    }

    /// Makes one call.
    ///
    /// # Errors
    /// [`CallError::Broken`]; the connection is of no more use.
    pub async fn call(&mut self, mut request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let to = self.to;
        let broken = |why: String| CallError::Broken { to, why };
        if !request.headers().contains_key(header::HOST) {
            let host = HeaderValue::from_str(&to.to_string()).map_err(|error| broken(error.to_string()))?;
            request.headers_mut().insert(header::HOST, host);
        }
        let answer = async {
            self.sender.ready().await.map_err(|error| error.to_string())?;
            let answer = self.sender.send_request(request.map(Full::new)).await;
            let (head, body) = answer.map_err(|error| error.to_string())?.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await;
            Ok(Response::from_parts(
                head,
                body.map_err(|error| error.to_string())?.to_bytes(),
            ))
        };
        match timeout(PATIENCE, answer).await {
            Ok(answer) => answer.map_err(broken),
            Err(_) => Err(broken(format!("silent for {} s", PATIENCE.as_secs()))),
        }
    }
}

/// Lets a simulated caller speak with the gateway at `to` until `closing` is cancelled or the simulator ends of itself
/// with its connection intact. A connection is one session; when it breaks, a new one is made after a pause.
pub async fn simulate<S: Simulator>(simulator: &S, to: SocketAddr, clock: Clock, closing: CancellationToken)
where
    S::Of: Driver<Link = Exchange>,
{
    let peer: Arc<str> = to.to_string().into();
    let mut pause = PAUSES.0;
    let talking = async {
        loop {
            match Connection::open(to).await {
                Ok(connection) => {
                    pause = PAUSES.0;
                    let (session, link) = Session::with(peer.clone(), clock.clone());
                    let ((), carried) = tokio::join!(simulator.behave(session), carry::<S::Of>(link, connection));
                    match carried {
                        Ok(()) => return,
                        Err(error) => tracing::debug!(%error, "calling again"),
                    }
                }
                Err(error) => tracing::debug!(%error, "calling again"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    };
    tokio::select! {
        () = talking => {}
        () = closing.cancelled() => {}
    }
}

/// Sends what the simulator says and lets it hear the answers, until it ends or the connection breaks.
async fn carry<D: Driver<Link = Exchange>>(
    link: Heard<D::Said, D::Heard>,
    mut connection: Connection,
) -> Result<(), CallError> {
    let Heard { heard, mut said } = link;
    while let Some(words) = said.recv().await {
        let answer = connection.call(words.render()).await?;
        let turn = D::Said::parse(&answer).map_or_else(Turn::Garbled, Turn::Message);
        if heard.send(turn).await.is_err() {
            break;
        }
    }
    Ok(())
}
