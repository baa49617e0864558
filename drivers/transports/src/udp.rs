//! UDP: datagrams to one device, and a simulated device that serves many peers on one socket.

use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use punchgate_kit::{Clock, Driver, Fault, Intake, Session, Simulator, StreamDriver, Talk};
use tokio::{net::UdpSocket, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    datagram::{self, Datagrams},
    mailbox::Orders,
};

/// A socket that talks to `host:port` only.
///
/// # Errors
/// [`Fault::Unreachable`] with the address and the reason.
pub async fn dial(address: &str) -> Result<UdpSocket, Fault> {
    let unreachable = |error: io::Error| Fault::Unreachable {
        peer: address.to_owned(),
        why: error.to_string(),
    };
    let local = if address.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(local).await.map_err(unreachable)?;
    socket.connect(address).await.map_err(unreachable)?;
    Ok(socket)
}

/// Holds a driver's conversation over datagrams.
///
/// # Errors
/// The driver's [`Fault`].
pub async fn converse<D: StreamDriver>(
    socket: &UdpSocket,
    (session, ends): Talk<D>,
    intake: Intake,
    options: D::Options,
    orders: Orders,
) -> Result<(), Fault> {
    let talking = D::converse(session, intake, options);
    let (result, _ended) = tokio::join!(talking, datagram::carry(socket, ends, orders));
    result
}

/// Serves a simulated device on a socket until `closing` is cancelled. Each peer has a conversation of its own.
pub async fn simulate<S: Simulator>(socket: UdpSocket, simulator: Arc<S>, clock: Clock, closing: CancellationToken)
where
    S::Of: StreamDriver,
{
    let socket = Arc::new(socket);
    let conversations = TaskTracker::new();
    let mut peers: HashMap<SocketAddr, mpsc::Sender<Bytes>> = HashMap::new();
    let mut datagram = vec![0; 64 * 1024];
    loop {
        let received = tokio::select! {
            () = closing.cancelled() => break,
            received = socket.recv_from(&mut datagram) => received,
        };
        // A peer that went away answers with an ICMP error, which belongs to nobody here.
        let Ok((length, peer)) = received else { continue };
        let body = Bytes::copy_from_slice(datagram.get(..length).unwrap_or_default());
        let Err(refused) = hand_over(&peers, peer, body) else {
            continue;
        };
        peers.retain(|_, mailbox| !mailbox.is_closed());
        let (mailbox, arriving) = mpsc::channel(64);
        // The channel is new and empty, so this cannot fail.
        let _ = mailbox.try_send(refused);
        peers.insert(peer, mailbox);
        let link = Peer {
            socket: socket.clone(),
            address: peer,
            arriving,
        };
        let (simulator, clock, closing) = (simulator.clone(), clock.clone(), closing.clone());
        conversations.spawn(async move {
            let name = peer.to_string();
            let (session, ends) = Session::<<S::Of as Driver>::Said, <S::Of as Driver>::Heard>::with(name, clock);
            let talking = async {
                tokio::join!(
                    simulator.behave(session),
                    datagram::carry(link, ends, Orders::closing(CancellationToken::new()))
                )
            };
            tokio::select! {
                () = closing.cancelled() => {}
                _ = talking => {}
            }
        });
    }
    conversations.close();
    conversations.wait().await;
}

/// Gives a datagram to its peer's conversation, or back when there is none.
fn hand_over(peers: &HashMap<SocketAddr, mpsc::Sender<Bytes>>, peer: SocketAddr, body: Bytes) -> Result<(), Bytes> {
    match peers.get(&peer).map(|mailbox| mailbox.try_send(body.clone())) {
        None | Some(Err(mpsc::error::TrySendError::Closed(_))) => Err(body),
        // A full mailbox loses the datagram, as a full socket would.
        Some(_) => Ok(()),
    }
}

/// One peer of a simulated device.
struct Peer {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
    arriving: mpsc::Receiver<Bytes>,
}

impl Datagrams for Peer {
    async fn send(&mut self, body: Bytes) -> io::Result<()> {
        self.socket.send_to(&body, self.address).await.map(drop)
    }

    async fn receive(&mut self) -> io::Result<Bytes> {
        self.arriving
            .recv()
            .await
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
