//! The network: links that delay, hold up, break at any byte, lose, double and overtake.

use std::{sync::Arc, time::Duration};

use http::{Request, Response};
use punchgate_http_ingest::HttpIngest;
use punchgate_kit::{Driver, Heard, Session, Simulator, Turn, Wire};
use punchgate_transports::http::{Handler, Router};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{scene::Make, station::Station, world::World};

/// Bytes that a link holds in each direction.
const ROOM: usize = 16 * 1024;
/// How long something that is held up is held up.
const STALL: Duration = Duration::from_secs(25);

/// How long the next piece is under way.
async fn travel(world: &World, make: Make) {
    let network = &world.scene.network;
    // A line has no routers: what is on it arrives at once or not at all.
    let (latency, stall) = match make {
        Make::Line => (5, 0),
        _ if world.is_calm() => (5, 0),
        _ => (network.latency, network.stall),
    };
    let mut under_way = Duration::from_millis(world.between(1, latency.max(1)));
    if world.mishap(stall) {
        under_way += STALL;
    }
    sleep(under_way).await;
    if !world.is_alive() {
        // The process is dead: nothing it sent after that ever left, and nobody hears what is sent to it.
        std::future::pending::<()>().await;
    }
}

/// A connection between the gateway and a device: the gateway's end and the device's.
pub fn connect(world: &World, make: Make) -> (DuplexStream, DuplexStream) {
    let (ours, near) = duplex(ROOM);
    let (theirs, far) = duplex(ROOM);
    let cut = world.mishap(world.scene.network.cut).then(|| world.between(0, 3_000));
    let world = world.clone();
    tokio::spawn(async move {
        let ((near_in, near_out), (far_in, far_out)) = (split(near), split(far));
        // Whichever end closes, or breaks, the connection is gone for both.
        tokio::select! {
            biased;
            () = carry((&world, make), far_in, near_out, cut, "up") => {}
            () = carry((&world, make), near_in, far_out, None, "down") => {}
        }
    });
    (ours, theirs)
}

async fn carry(
    (world, make): (&World, Make),
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    mut cut: Option<u64>,
    way: &str,
) {
    let mut buffer = vec![0; 4096];
    loop {
        let most = usize::try_from(world.between(1, 4096)).unwrap_or(1);
        let Some(room) = buffer.get_mut(..most) else { return };
        let Ok(got @ 1..) = from.read(room).await else { return };
        travel(world, make).await;
        let pass = cut.map_or(got, |left| got.min(usize::try_from(left).unwrap_or(got)));
        let bytes = room.get(..pass).unwrap_or_default();
        world.note(way, bytes);
        if to.write_all(bytes).await.is_err() || pass < got {
            return;
        }
        cut = cut.map(|left| left.saturating_sub(pass as u64));
    }
}

/// Lets an app post until the gateway closes.
pub async fn posting(world: World, index: usize, router: Arc<Router>, closing: CancellationToken) {
    let Some(Station {
        body: crate::station::Body::App(app),
        ..
    }) = world.stations.get(index)
    else {
        return;
    };
    let talking = async {
        loop {
            let (session, link) = Session::with("the gateway", world.device_clock(index));
            tokio::join!(app.behave(session), exchange(&world, link, &router));
            sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        biased;
        () = closing.cancelled() => {}
        () = talking => {}
    }
}

type Said = <HttpIngest as Driver>::Heard;
type Answer = <HttpIngest as Driver>::Said;

async fn exchange(world: &World, link: Heard<Answer, Said>, router: &Arc<Router>) {
    let Heard { heard, mut said } = link;
    while let Some(words) = said.recv().await {
        let network = world.scene.network;
        if world.mishap(network.lose) {
            world.note("lost", b"request");
            continue;
        }
        let request = words.render();
        if world.mishap(network.twice) {
            let (world, router, request) = (world.clone(), router.clone(), request.clone());
            let late = Duration::from_millis(world.between(0, 5_000));
            tokio::spawn(async move {
                sleep(late).await;
                ask(&world, &router, request).await;
            });
        }
        let answer = ask(world, router, request).await;
        if world.mishap(network.lose) {
            world.note("lost", b"answer");
            continue;
        }
        travel(world, Make::App).await;
        world.note("answer", answer.body());
        let turn = Answer::parse(&answer).map_or_else(Turn::Garbled, Turn::Message);
        if heard.send(turn).await.is_err() {
            return;
        }
    }
}

async fn ask(world: &World, router: &Router, request: Request<bytes::Bytes>) -> Response<bytes::Bytes> {
    travel(world, Make::App).await;
    world.note("request", request.body());
    let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 40_000));
    router.answer(request, peer).await
}
