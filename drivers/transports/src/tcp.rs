//! TCP: dialling a device, and listening for a simulated one.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use punchgate_kit::{Carrier, Clock, Fault, Simulator, StreamDriver};
use tokio::{
    net::{TcpListener, TcpStream, lookup_host},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{mailbox::Orders, stream};

/// How long a connection may take to open.
pub const DIAL_PATIENCE: Duration = Duration::from_secs(5);

/// Opens a connection to `host:port`.
///
/// # Errors
/// [`Fault::Unreachable`] with the address and the reason.
pub async fn dial(address: &str) -> Result<TcpStream, Fault> {
    let unreachable = |why: String| Fault::Unreachable {
        peer: address.to_owned(),
        why,
    };
    let connecting = async {
        let mut last = "the name has no address".to_owned();
        for candidate in lookup_host(address).await.map_err(|error| error.to_string())? {
            match TcpStream::connect(candidate).await {
                Ok(link) => return Ok(link),
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    };
    let link = match timeout(DIAL_PATIENCE, connecting).await {
        Ok(link) => link.map_err(unreachable)?,
        Err(_) => return Err(unreachable(format!("no answer within {} s", DIAL_PATIENCE.as_secs()))),
    };
    link.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    Ok(link)
}

/// Serves a simulated device on a listener until `closing` is cancelled; then every connection is closed.
pub async fn simulate<S: Simulator>(
    listener: TcpListener,
    simulator: Arc<S>,
    options: <S::Of as punchgate_kit::Driver>::Options,
    clock: Clock,
    closing: CancellationToken,
) where
    S::Of: StreamDriver,
{
    let connections = TaskTracker::new();
    loop {
        let (link, peer): (TcpStream, SocketAddr) = tokio::select! {
            () = closing.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a simulated device could not accept a connection");
                    continue;
                }
            },
        };
        let framer = S::Of::framer(&options, Carrier::Tcp);
        let (simulator, clock, closing) = (simulator.clone(), clock.clone(), closing.clone());
        connections.spawn(async move {
            let _ = link.set_nodelay(true);
            let name = peer.to_string();
            let orders = Orders::closing(CancellationToken::new());
            tokio::select! {
                () = closing.cancelled() => {}
                () = stream::behave(link, framer, &*simulator, &name, clock, orders) => {}
            }
        });
    }
    connections.close();
    connections.wait().await;
}
