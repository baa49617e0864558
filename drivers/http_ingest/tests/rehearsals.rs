//! The driver and the simulated app together: in one room under a virtual clock, and over real sockets.

mod room;

use std::{sync::Arc, time::Duration};

use http::{Request, header};
use punchgate_http_ingest::{App, HttpIngest, Knobs, Options};
use punchgate_kit::{
    Clock, Ledger, NotStored, Remark, Secret, SimPunch, Simulator,
    rehearse::{Desk, opening_time, rehearse},
};
use punchgate_model::{DeviceName, Direction, Factor, Timestamp};
use punchgate_transports::http::{Limits, Notice, Router, client, serve};
use room::Room;
use tokio::{net::TcpListener, sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

fn options() -> Options {
    Options::with_token(Secret::new("t0p"))
}

fn app(knobs: Knobs) -> Arc<App> {
    let token = Secret::new("t0p");
    Arc::new(App::new(Knobs { token, ..knobs }))
}

fn punch(app: &App, number: u64) {
    app.punch(SimPunch {
        credential: format!("E{:03}", number % 40),
        factor: Factor::Gps,
        direction: Direction::In,
        at: Timestamp::from_millis(1_772_409_600_000).plus(Duration::from_secs(number)),
    });
}

async fn settled(app: &App) {
    while app.waiting() > 0 {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Everything issued is acknowledged, and the desk has everything once.
fn nothing_is_lost(ledger: &Ledger, desk: &Desk) {
    assert_eq!(ledger.issued, ledger.acknowledged);
    let mut held: Vec<_> = desk.look(|taken| {
        taken
            .readings
            .iter()
            .map(|reading| reading.external_id.clone())
            .collect()
    });
    held.sort();
    held.dedup();
    assert_eq!(held.len(), ledger.issued.len());
}

async fn rehearsal(app: &App, desk: &Desk) {
    let (_wishes, commands) = mpsc::channel(1);
    tokio::select! {
        ended = rehearse(app, desk.intake("wecom"), options(), commands) => panic!("it ended: {ended:?}"),
        () = settled(app) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_posts_and_is_acknowledged() {
    let (app, desk) = (app(Knobs::default()), Desk::default());
    (0..250).for_each(|number| punch(&app, number));
    rehearsal(&app, &desk).await;
    nothing_is_lost(&app.ledger(), &desk);
}

#[tokio::test(start_paused = true)]
async fn while_nothing_can_be_stored_nothing_is_acknowledged_and_then_everything_is() {
    let (app, desk) = (
        app(Knobs {
            batch: 10,
            ..Knobs::default()
        }),
        Desk::default(),
    );
    desk.fail_with(Some(NotStored::DiskFull));
    (0..25).for_each(|number| punch(&app, number));
    let healing = async {
        sleep(Duration::from_secs(100)).await;
        assert_eq!(app.ledger().acknowledged.len(), 0);
        assert!(desk.look(|taken| taken.refused) >= 3);
        desk.fail_with(None);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = healing => {}
        () = rehearsal(&app, &desk) => {}
    }
    nothing_is_lost(&app.ledger(), &desk);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_posts_everything_twice_is_stored_once() {
    for keyed in [true, false] {
        let knobs = Knobs {
            batch: 7,
            repeat_every: 1,
            keyed,
            ..Knobs::default()
        };
        let (app, desk) = (app(knobs), Desk::default());
        (0..50).for_each(|number| punch(&app, number));
        rehearsal(&app, &desk).await;
        nothing_is_lost(&app.ledger(), &desk);
    }
}

#[tokio::test]
async fn an_app_reaches_a_gateway_that_starts_late_and_comes_back_after_a_restart() {
    let app = app(Knobs {
        batch: 5,
        ..Knobs::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let closing = CancellationToken::new();
    let calling = tokio::spawn({
        let (app, closing) = (app.clone(), closing.clone());
        async move { client::simulate(&*app, address, Clock::system(), closing).await }
    });
    let desk = Desk::default();
    for round in 0..3 {
        (round * 20..round * 20 + 20).for_each(|number| punch(&app, number));
        let mut router = Router::new(Clock::system(), |_| {});
        router.register::<HttpIngest>(DeviceName::from("wecom"), options(), desk.intake("wecom"));
        let listener = TcpListener::bind(address).await.expect("the same port");
        let stopping = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, Limits::default(), Arc::new(router), stopping.clone()));
        settled(&app).await;
        stopping.cancel();
        serving.await.expect("it stops");
    }
    closing.cancel();
    calling.await.expect("it stops");
    nothing_is_lost(&app.ledger(), &desk);
}

#[tokio::test]
async fn a_caller_nobody_knows_is_noticed_and_a_known_one_is_reported_once() {
    let (notices, mut noticed) = mpsc::unbounded_channel();
    let desk = Desk::default();
    let mut router = Router::new(Clock::starting_at(opening_time()), move |notice| {
        let _ = notices.send(notice);
    });
    router.register::<HttpIngest>(DeviceName::from("wecom"), options(), desk.intake("wecom"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(serve(
        listener,
        Limits::default(),
        Arc::new(router),
        CancellationToken::new(),
    ));
    let call = async |token: &str| {
        let request = Request::post("/ingest/v1/punches").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let mut connection = client::Connection::open(address).await.expect("the gateway listens");
        let request = request.body(r#"{"punches":[]}"#.into()).expect("a request");
        connection.call(request).await.expect("an answer").status()
    };
    assert_eq!(call("wrong").await, 401);
    assert!(matches!(
        noticed.try_recv(),
        Ok(Notice::Unknown {
            driver: "http_ingest",
            ..
        })
    ));
    for _ in 0..3 {
        assert_eq!(call("t0p").await, 200);
    }
    assert!(noticed.try_recv().is_err());
    let reached = desk.look(|taken| {
        taken
            .remarks
            .iter()
            .filter(|remark| matches!(remark, Remark::Reached(_)))
            .count()
    });
    assert_eq!(reached, 1);
    serving.abort();
}

#[tokio::test]
async fn sixty_four_callers_at_once_are_all_answered() {
    let room = Room::with(&[("wecom", r#"{"token":"t0p"}"#)]).await;
    let apps: Vec<_> = (0..64)
        .map(|number| {
            app(Knobs {
                batch: 3,
                ids: format!("app{number}"),
                ..Knobs::default()
            })
        })
        .collect();
    let closing = CancellationToken::new();
    let mut calling = tokio::task::JoinSet::new();
    for app in &apps {
        (0..10).for_each(|number| punch(app, number));
        let (app, closing, address) = (app.clone(), closing.clone(), room.address);
        calling.spawn(async move { client::simulate(&*app, address, Clock::system(), closing).await });
    }
    for app in &apps {
        settled(app).await;
        assert_eq!(app.ledger().issued, app.ledger().acknowledged);
    }
    closing.cancel();
    calling.join_all().await;
    assert_eq!(room.desk.look(|taken| taken.readings.len()), 640);
}
