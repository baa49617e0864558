use std::{future::Future, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use punchgate_kit::Refused;

/// Answers whole requests.
pub trait Handler: Send + Sync + 'static {
    /// Looks at the head before the body is read.
    ///
    /// # Errors
    /// Why the body need not be read. The request is answered by [`Handler::refuse`] and the connection closed.
    fn admit(&self, _head: &Parts) -> Result<(), Refused> {
        Ok(())
    }

    /// The answer to a request that was not admitted or could not be read whole.
    fn refuse(&self, _head: &Parts, why: &Refused) -> Response<Bytes> {
        refusal(why)
    }

    /// The answer.
    fn answer(&self, request: Request<Bytes>, peer: SocketAddr) -> impl Future<Output = Response<Bytes>> + Send;
}

/// A handler made of a function.
#[derive(Debug, Clone)]
pub struct Plain<F> {
    answer: F,
}

impl<F> Plain<F> {
    /// Answers every request with `answer`.
    pub fn new(answer: F) -> Self {
        Self { answer }
    }
}

impl<F, A> Handler for Plain<F>
where
    F: Fn(Request<Bytes>, SocketAddr) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Bytes>> + Send,
{
    fn answer(&self, request: Request<Bytes>, peer: SocketAddr) -> impl Future<Output = Response<Bytes>> + Send {
        (self.answer)(request, peer)
    }
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// A refusal in no protocol's words.
pub(super) fn refusal(why: &Refused) -> Response<Bytes> {
    let status = match why {
        Refused::Unknown => StatusCode::UNAUTHORIZED,
        Refused::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refused::Malformed(_) => StatusCode::BAD_REQUEST,
        Refused::Nowhere => StatusCode::NOT_FOUND,
        Refused::Method => StatusCode::METHOD_NOT_ALLOWED,
        Refused::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Refused::TooMany => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut response = empty(status);
    if matches!(why, Refused::Busy | Refused::TooMany) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Marks an answer as the last one of its connection.
pub(super) fn last(mut response: Response<Bytes>) -> Response<Bytes> {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
