//! A gateway's device plane on loopback, with a desk for a journal.

use std::{net::SocketAddr, sync::Arc};

use punchgate_http_ingest::{HttpIngest, Options};
use punchgate_kit::{
    Clock,
    rehearse::{Desk, opening_time},
};
use punchgate_model::DeviceName;
use punchgate_transports::http::{Limits, Router, serve};
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
}
