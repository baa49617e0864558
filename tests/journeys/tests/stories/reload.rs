//! The configuration is read again while everything runs: taken whole or not at all, and only what changed notices.

use std::time::Duration;

use punchgate_journeys::{LATER, SOON, all_is_delivered, as_ledger, device, external_ids, item, punches, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::{Gateway, TOKEN},
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::{Value, json};

use crate::PROGRAM;

async fn terminal() -> Terminal {
    Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal")
}

async fn sink() -> Sink {
    Sink::start(SinkOptions::default()).await.expect("a sink")
}

/// How often a configuration was read again and taken, and whether the last one was refused.
fn reloads(status: &Value) -> (u64, bool) {
    let row = &status["configuration"];
    (row["reloads"].as_u64().unwrap_or(0), row["refused"].is_object())
}

/// Writes these tables and has them read; whether they were taken.
async fn reload(gateway: &Gateway, tables: &str) -> bool {
    gateway.configure(tables).expect("written");
    reread(gateway).await
}

/// Has the configuration read again; whether it was taken.
async fn reread(gateway: &Gateway) -> bool {
    let before = gateway.status().await["configuration"].clone();
    gateway.reload();
    let told = |status: &Value| status["configuration"] != before;
    assert!(
        gateway.until(SOON, told).await,
        "it says what became of it: {}",
        gateway.log()
    );
    !reloads(&gateway.status().await).1
}

/// Since when a unit does what it does.
async fn since(gateway: &Gateway, unit: &str) -> Value {
    gateway.status().await["units"][unit]["since"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_touches_only_what_changed() {
    let (stays, moves, joins) = (terminal().await, terminal().await, terminal().await);
    let (sink, other) = (sink().await, sink().await);
    let at_first =
        upstream(&sink) + &device("stays", &stays, Carrier::Tcp, "") + &device("moves", &moves, Carrier::Tcp, "");
    let gateway = Gateway::start(PROGRAM, &at_first).await.expect("it starts");
    stays.punch("1001", Duration::from_secs(60));
    moves.punch("1002", Duration::from_secs(60));
    assert!(
        until(LATER, async || punches(&sink, "stays").len() == 1
            && punches(&sink, "moves").len() == 1)
        .await
    );
    let begun = [
        since(&gateway, "stays").await,
        since(&gateway, "ingest").await,
        since(&gateway, "admin").await,
    ];

    let archive = format!(
        "[[upstream]]\nname = \"archive\"\ndriver = \"webhook\"\nurl = \"{}\"\nbatch = {{ max = 50, every = \"20ms\" }}\n",
        other.url()
    );
    let then = upstream(&sink)
        + &archive
        + &device("stays", &stays, Carrier::Tcp, "")
        + &device("joins", &joins, Carrier::Tcp, "");
    assert!(reload(&gateway, &then).await);
    joins.punch("1003", Duration::from_secs(60));
    stays.punch("1004", Duration::from_secs(30));
    let arrived = async || punches(&sink, "joins").len() == 1 && punches(&sink, "stays").len() == 2;
    assert!(until(LATER, arrived).await, "{:#?}", gateway.status().await);
    assert!(
        until(LATER, async || punches(&other, "joins").len() == 1).await,
        "the new upstream has it, too"
    );
    assert_eq!(
        [
            since(&gateway, "stays").await,
            since(&gateway, "ingest").await,
            since(&gateway, "admin").await
        ],
        begun,
        "nobody else noticed"
    );
    let status = gateway.status().await;
    assert!(
        status["devices"]["moves"].is_null() && status["units"]["moves"].is_null(),
        "{status:#}"
    );

    // Gone and back again: what was punched meanwhile comes out of its log, and nothing twice.
    moves.punch("1005", Duration::from_secs(10));
    assert!(reload(&gateway, &at_first).await);
    assert!(until(LATER, async || punches(&sink, "moves").len() == 2).await);
    assert!(all_is_delivered(&gateway, LATER).await);
    assert_eq!(as_ledger(&sink, "moves").len(), 2);
    assert!(gateway.status().await["upstreams"]["archive"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_is_refused_whole_and_the_last_good_one_stays_in_force() {
    let (terminal, sink) = (terminal().await, sink().await);
    let good = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let gateway = Gateway::start(PROGRAM, &good).await.expect("it starts");
    let begun = since(&gateway, "gate-1").await;
    for (bad, word) in [
        (upstream(&sink) + "[repeats]\nwithn = \"5m\"\n", "withn"),
        (upstream(&sink) + "[log]\nlevel = \"debug\"\n", "[log]"),
        (
            upstream(&sink).replace("[directory]", "[directory]\nfiles = [\"nobody.csv\"]"),
            "nobody.csv",
        ),
        ("[[upstream]\n".to_owned(), "TOML"),
    ] {
        assert!(!reload(&gateway, &bad).await, "{bad}");
        for (lang, more) in [("en", "last good one"), ("zh-CN", "继续有效")] {
            // The file cannot be read now: the gateway is found by the one it was started with.
            gateway.configure(&good).expect("written");
            let told = gateway.ask(&["--lang", lang, "status"]).expect("it runs");
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            assert!(told.contains(word) && told.contains(more), "{word}: {told}");
        }
        let metrics = call::get(gateway.admin(), "/metrics").await.expect("an answer").body;
        assert!(
            metrics.contains("punchgate_config_last_reload_successful 0"),
            "{metrics}"
        );
    }
    terminal.punch("1001", Duration::from_secs(1));
    assert!(until(LATER, async || punches(&sink, "gate-1").len() == 1).await);
    assert_eq!(since(&gateway, "gate-1").await, begun);
    assert!(reload(&gateway, &good).await);
    assert_eq!(
        since(&gateway, "gate-1").await,
        begun,
        "nothing changed, so nothing was touched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_read_again_and_what_waited_for_it_is_sent() {
    let (terminal, sink) = (terminal().await, sink().await);
    let head = "person,device,credential,kind,name,department\n";
    let directory = "[directory]\nfiles = [\"people.csv\"]\nunknown = \"hold\"\n";
    let tables = upstream(&sink).replace("[directory]\nunknown = \"forward\"\n", directory)
        + &device("gate-1", &terminal, Carrier::Tcp, "");
    let mut gateway = Gateway::new(PROGRAM, &tables).expect("a folder");
    gateway.secret("people.csv", head).expect("written");
    gateway.restart().await.expect("it starts");
    terminal.punch("1001", Duration::from_secs(60));
    let waits = |status: &Value| status["quarantine"]["punches"] == 1;
    assert!(gateway.until(LATER, waits).await, "{:#?}", gateway.status().await);
    let begun = since(&gateway, "gate-1").await;
    gateway
        .secret("people.csv", &format!("{head}E001,gate-1,1001,enrol,Li Wei,\n"))
        .expect("written");
    assert!(reread(&gateway).await);
    assert!(until(LATER, async || punches(&sink, "gate-1").len() == 1).await);
    assert_eq!(punches(&sink, "gate-1")[0].data["person"], "E001");
    assert_eq!(since(&gateway, "gate-1").await, begun);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_comm_key_that_was_mended_is_tried_again_with_a_reload() {
    let knobs = Knobs {
        comm_key: 1234,
        ..Knobs::default()
    };
    let terminal = Terminal::on(Carrier::Tcp, knobs).await.expect("a terminal");
    let sink = sink().await;
    let key = "comm_key = { file = \"key\" }";
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, key);
    let mut gateway = Gateway::new(PROGRAM, &tables).expect("a folder");
    gateway.secret("key", "4321").expect("written");
    gateway.restart().await.expect("it starts");
    let parked = |status: &Value| status["units"]["gate-1"]["state"] == "parked";
    assert!(gateway.until(LATER, parked).await);
    gateway.secret("key", "1234").expect("written");
    assert!(reread(&gateway).await);
    terminal.punch("1001", Duration::from_secs(1));
    assert!(
        until(LATER, async || punches(&sink, "gate-1").len() == 1).await,
        "{:#?}",
        gateway.status().await
    );
}

/// A thousand times, while punches come: good ones, bad ones, ones that change something.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reloads_loses_and_doubles_nothing() {
    let (stays, moves, sink) = (terminal().await, terminal().await, sink().await);
    let both =
        upstream(&sink) + &device("stays", &stays, Carrier::Tcp, "") + &device("moves", &moves, Carrier::Tcp, "");
    let one = upstream(&sink).replace("max = 50", "max = 40") + &device("stays", &stays, Carrier::Tcp, "");
    let bad = "[gatway]\n".to_owned();
    let gateway = Gateway::start(PROGRAM, &both).await.expect("it starts");
    let begun = since(&gateway, "stays").await;
    for n in 0..1000_usize {
        gateway.configure([&one, &both, &bad, &both][n % 4]).expect("written");
        gateway.reload();
        if n % 20 == 0 {
            let id = format!("x{n}");
            let body = json!({"punches": [item(&id, &id, "gps", "2026-03-02T08:00:00Z")]}).to_string();
            let answer = call::post(gateway.ingest(), "/ingest/v1/punches", TOKEN, "", &body).await;
            assert_eq!(answer.expect("it listens all the while").status, 200);
            stays.punch("1001", Duration::from_secs(u64::try_from(2_000 - n).unwrap_or(0)));
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    assert!(reload(&gateway, &both).await);
    moves.punch("1002", Duration::from_secs(1));
    assert!(
        until(LATER, async || punches(&sink, "moves").len() == 1).await,
        "{:#?}",
        gateway.status().await
    );
    assert!(
        until(LATER, async || punches(&sink, "stays").len() == 50).await,
        "{:#?}",
        gateway.status().await
    );
    assert!(all_is_delivered(&gateway, LATER).await, "{:#?}", gateway.status().await);
    let held = external_ids(&sink);
    assert!(held.len() == 50 && held.values().all(|times| *times == 1), "{held:?}");
    assert_eq!(since(&gateway, "stays").await, begun, "it was not touched once");
    let (taken, refused) = reloads(&gateway.status().await);
    assert!(taken > 20 && !refused, "{taken} taken: {}", gateway.log());
}
