//! A gateway's device plane on loopback, with a desk for a journal.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use punchgate_http_ingest::{HttpIngest, Options};
use punchgate_kit::{
    Clock,
    rehearse::{Desk, opening_time},
};
use punchgate_model::DeviceName;
use punchgate_transports::http::{Limits, Router, client::Connection, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The device plane; closes when dropped.
pub struct Room {
    pub address: SocketAddr,
    pub desk: Desk,
    closing: CancellationToken,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl Room {
    /// With these sources: name and options as JSON.
    pub async fn with(sources: &[(&str, &str)]) -> Self {
        let desk = Desk::default();
        let mut router = Router::new(Clock::starting_at(opening_time()), |_| {});
        for (name, options) in sources {
            let options: Options = serde_json::from_str(options).expect("options");
            router.register::<HttpIngest>(DeviceName::from(*name), options, desk.intake(name));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let closing = CancellationToken::new();
        tokio::spawn(serve(listener, Limits::default(), Arc::new(router), closing.clone()));
        Self { address, desk, closing }
    }

    /// With one source `wecom` whose token is `t0p`, which may claim GPS and Wi-Fi.
    pub async fn usual() -> Self {
        Self::with(&[("wecom", r#"{"token":"t0p","factors":["gps","wifi"]}"#)]).await
    }

    /// Posts a body with the right token and these headers more.
    pub async fn post(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
        let mut request = Request::post("/ingest/v1/punches").header("authorization", "Bearer t0p");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(body.into()).expect("a request")).await
    }

    pub async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let mut connection = Connection::open(self.address).await.expect("the gateway listens");
        connection.call(request).await.expect("an answer")
    }
}

/// A body of an answer or problem as JSON.
pub fn json(response: &Response<Bytes>) -> serde_json::Value {
    serde_json::from_slice(response.body()).expect("a JSON body")
}
