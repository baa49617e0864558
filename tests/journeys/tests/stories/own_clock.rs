//! The gateway's own clock: not set at the start, or set while it runs. libfaketime shows the process another one.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use punchgate_journeys::{LATER, OFFICE_DOOR, SOON, all_is_delivered, device, item, punches, upstream, verdicts};
use punchgate_kit::{Carrier, Clock};
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Held, Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_model::Timestamp;
use punchgate_zk_tcp::Knobs;
use serde_json::Value;

use crate::PROGRAM;

const MINUTE: Duration = Duration::from_secs(60);

/// A terminal, a sink and a gateway whose wall clock can be set.
struct Site {
    gateway: Gateway,
    sink: Sink,
    terminal: Terminal,
    folder: tempfile::TempDir,
}

fn library() -> PathBuf {
    let known = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib/arm-linux-gnueabihf",
    ];
    let paths = known.map(|folder| PathBuf::from(folder).join("faketime/libfaketime.so.1"));
    let found = paths.into_iter().find(|path| path.exists());
    found.expect("libfaketime (Debian: apt-get install libfaketime; tests/run installs it)")
}

impl Site {
    /// The gateway is not started yet; E001 is 0001 on the terminal.
    async fn new() -> Self {
        let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
        let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
        let directory = "[directory]\nfiles = [\"people.csv\"]\n";
        let tables = upstream(&sink).replace("[directory]\n", directory)
            + &device("gate-1", &terminal, Carrier::Tcp, "")
            + OFFICE_DOOR;
        let mut gateway = Gateway::new(PROGRAM, &tables).expect("a folder");
        let people = "person,device,credential,kind,name,department\nE001,gate-1,0001,enrol,Li Wei,\n";
        gateway.secret("people.csv", people).expect("written");
        let folder = tempfile::tempdir().expect("a folder");
        let faked = folder.path().join("time").display().to_string();
        for (name, value) in [
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", faked),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ] {
            gateway.set(name, value);
        }
        let site = Self {
            gateway,
            sink,
            terminal,
            folder,
        };
        site.set(0);
        site
    }

    /// From now on the gateway's wall clock is so many seconds fast.
    fn set(&self, seconds_fast: i64) {
        let path = self.folder.path().join("time");
        let new = self.folder.path().join("time.new");
        fs::write(&new, format!("{seconds_fast:+}s\n")).expect("written");
        fs::rename(new, path).expect("renamed");
    }

    async fn has(&self, count: usize) {
        let there = until(LATER, async || punches(&self.sink, "gate-1").len() == count).await;
        assert!(there, "{:#?}", self.gateway.status().await);
        assert!(all_is_delivered(&self.gateway, SOON).await);
    }

    /// The punch of the terminal by somebody.
    fn punch_of(&self, credential: &str) -> Value {
        let held = punches(&self.sink, "gate-1").into_iter();
        let mut of = held.filter(|held| held.data["credential"] == credential);
        of.next().expect("it arrived").data
    }

    async fn gps(&self, id: &str, ago: Duration) {
        let at = Clock::system().now().minus(ago).to_string();
        let items = Value::from(vec![item(id, "E001", "gps", &at)]);
        assert_eq!(self.gateway.post(&items).await.expect("an answer").status, 200);
    }
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).expect("an instant")
}

fn off_by(punch: &Value, truth: Timestamp) -> i64 {
    instant(&punch["at"]).since(truth).abs()
}

/// F31.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_in_1970_2000_or_2040_dates_by_its_devices_and_again_once_it_knows_the_time() {
    let now = Clock::system().now().as_millis() / 1000;
    for wrong in [10, 946_684_800, 2_208_988_800_i64] {
        let mut site = Site::new().await;
        site.terminal.punch("0001", 10 * MINUTE);
        site.set(wrong - now);
        site.gateway.restart().await.expect("it starts");
        site.has(1).await;
        let truth = Clock::system().now().minus(10 * MINUTE);
        let log = site.punch_of("0001");
        assert_eq!(log["time_quality"], "suspect", "{log:#}");
        assert!(off_by(&log, truth) < 10_000, "{log:#}");
        site.terminal.punch("0002", Duration::ZERO);
        site.has(2).await;
        let live = site.punch_of("0002");
        assert_eq!(live["time_quality"], "suspect", "{live:#}");
        assert!(off_by(&live, Clock::system().now()) < 20_000, "{live:#}");
        let status = site.gateway.status().await;
        assert_eq!(status["clock"]["knows_the_time"], false, "{status:#}");
        let text = site.gateway.ask(&["status"]).expect("it runs").stdout;
        assert!(String::from_utf8_lossy(&text).contains("own clock cannot be right"));

        site.set(0);
        let synced = async || {
            punches(&site.sink, "gate-1")
                .iter()
                .all(|held| held.data["time_quality"] == "synced")
        };
        assert!(until(LATER, synced).await, "{:#?}", punches(&site.sink, "gate-1"));
        let revised = site.punch_of("0001");
        assert_eq!(revised["device_time"], log["device_time"], "what it printed is kept");
        assert_eq!(revised["received_at"], log["received_at"], "and when we said it came");
        assert_eq!(site.gateway.status().await["clock"]["knows_the_time"], true);
    }
}

/// F32.
#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_that_jumps_changes_no_verdict_and_no_timer() {
    const YEARS: i64 = 10 * 365 * 86_400;
    let mut site = Site::new().await;
    site.gateway.restart().await.expect("it starts");
    let measured = |status: &Value| status["devices"]["gate-1"]["clock_offset_ms"] == 0;
    assert!(
        site.gateway.until(SOON, measured).await,
        "{:#?}",
        site.gateway.status().await
    );
    for (n, jump) in [1, -1, 3_600, -3_600, YEARS, -YEARS].into_iter().enumerate() {
        site.set(jump);
        site.terminal.punch("0009", Duration::from_secs(n as u64));
        site.has(n + 1).await;
        let held = punches(&site.sink, "gate-1");
        let now = Clock::system().now();
        let off = held.iter().map(|held| off_by(&held.data, now)).max();
        assert!(off < Some(90_000), "{jump} s: {held:#?}");
        let doubted = site.gateway.status().await["clock"]["doubted_ms"].as_i64();
        match jump.abs() {
            1 => assert_eq!(doubted, None),
            _ => assert!(
                doubted.is_some_and(|by| (by / 1000 - jump).abs() <= 3),
                "{jump}: {doubted:?}"
            ),
        }
    }
    site.set(YEARS);
    site.gps("a", 10 * MINUTE).await;
    site.terminal.punch("0001", Duration::ZERO);
    let verified = async || {
        let found = verdicts(&site.sink);
        found.len() == 1 && found[0].data["outcome"] == "verified"
    };
    assert!(until(SOON, verified).await, "{:#?}", verdicts(&site.sink));
    let gap = verdicts(&site.sink)[0].data["gap_ms"].as_i64().unwrap_or_default();
    assert!((595_000..610_000).contains(&gap), "{gap}");
    let through = instant(&site.gateway.status().await["complete_through"]);
    assert!(through.since(Clock::system().now()).abs() < 60_000, "{through}");
    site.set(0);
    let believed = |status: &Value| status["clock"]["doubted_ms"].is_null();
    assert!(site.gateway.until(SOON, believed).await);
    assert!(verified().await);
}

/// F38: everything stands still, as when a virtual machine is paused, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stood_still_goes_on_where_it_was() {
    let mut site = Site::new().await;
    site.gateway.restart().await.expect("it starts");
    site.terminal.punch("0001", Duration::ZERO);
    site.has(1).await;
    let pid = site.gateway.pid().expect("it runs").to_string();
    let signal = |name: &str| Command::new("kill").args([name, &pid]).status().expect("kill is there");
    assert!(signal("-STOP").success());
    // Longer than any patience it has with the terminal, and everything else goes on.
    tokio::time::sleep(Duration::from_secs(3)).await;
    site.terminal.punch("0002", Duration::ZERO);
    // The wall clock of a machine that was paused is set right when it wakes up; here it is set forward by an hour.
    site.terminal.sim().step_clock(3_600);
    site.set(3_600);
    assert!(signal("-CONT").success());
    site.terminal.punch("0003", Duration::ZERO);
    site.has(3).await;
    let awake = site.punch_of("0003");
    let hour_later = Clock::system().now().plus_millis(3_600_000);
    let right = async || off_by(&site.punch_of("0003"), hour_later) < 30_000;
    assert!(until(SOON, right).await, "{awake:#}");
    let status = site.gateway.status().await;
    assert_eq!(status["units"]["gate-1"]["state"], "talking", "{status:#}");
    assert!(status["clock"]["doubted_ms"].is_null(), "{status:#}");
}

/// F95.
#[tokio::test(flavor = "multi_thread")]
async fn what_time_it_is_when_the_journal_is_read_again_changes_no_id_and_no_word() {
    let mut site = Site::new().await;
    site.terminal.punch("0001", 5 * MINUTE);
    site.gateway.restart().await.expect("it starts");
    site.gps("a", 10 * MINUTE).await;
    site.has(1).await;
    let verified = async || {
        verdicts(&site.sink)
            .iter()
            .any(|held| held.data["outcome"] == "verified")
    };
    assert!(until(SOON, verified).await, "{:#?}", verdicts(&site.sink));
    assert!(all_is_delivered(&site.gateway, SOON).await);
    // A verdict becomes final as time passes; what it says stays.
    let said = |sink: &Sink| {
        let word = |mut held: Held| {
            let data = held.data.as_object_mut().expect("an object");
            if held.event_type == "punchgate.verdict.v1" {
                data.remove("state");
                data.remove("revision");
            }
            (held.id, held.data)
        };
        sink.held().into_iter().map(word).collect::<Vec<_>>()
    };
    let before = said(&site.sink);
    site.terminal.switch_off().await;
    for seconds_fast in [-40 * 365 * 86_400, 400 * 86_400] {
        site.gateway.stop(SOON).await.expect("it ends");
        fs::remove_dir_all(site.gateway.state().join("buffer")).expect("there was one");
        site.set(seconds_fast);
        site.gateway.restart().await.expect("it starts");
        assert!(
            all_is_delivered(&site.gateway, LATER).await,
            "{:#?}",
            site.gateway.status().await
        );
        assert_eq!(said(&site.sink), before);
    }
}
