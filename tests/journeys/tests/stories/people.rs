//! People are brought in, decisions explained, and a clock that was read in the wrong zone is read anew: by commands.

use std::{process::Output, time::Duration};

use punchgate_journeys::{OFFICE_DOOR, SOON, all_is_delivered, device, punches, upstream, verdicts};
use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::Gateway,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::{Value, json};

use crate::PROGRAM;

const HEAD: &str = "person,device,credential,kind,name,department\n";

/// A gateway with a terminal on which 1001 and 1002 have punched; the directory knows 1001.
async fn site(more: &str) -> (Gateway, Sink, Terminal) {
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    terminal.punch("1001", Duration::from_secs(120));
    terminal.punch("1002", Duration::from_secs(60));
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::new(PROGRAM, &tables(&sink, &terminal, more)).expect("a folder");
    let people = format!("{HEAD}E001,gate-1,1001,enrol,Li Wei,\n");
    gateway.secret("people.csv", &people).expect("written");
    gateway.restart().await.expect("it starts");
    let stored = |status: &Value| status["devices"]["gate-1"]["stored"] == 2;
    assert!(gateway.until(SOON, stored).await, "{:#?}", gateway.status().await);
    assert!(all_is_delivered(&gateway, SOON).await);
    (gateway, sink, terminal)
}

fn tables(sink: &Sink, terminal: &Terminal, more: &str) -> String {
    let directory = "[directory]\nunknown = \"forward\"\n";
    let files = "[directory]\nfiles = [\"people.csv\"]\nunknown = \"hold\"\n";
    upstream(sink).replace(directory, files) + OFFICE_DOOR + &device("gate-1", terminal, Carrier::Tcp, more)
}

/// What a command prints and tells, and how it ends.
fn run(gateway: &Gateway, arguments: &[&str]) -> (String, String, i32) {
    let Output { status, stdout, stderr } = gateway.ask(arguments).expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(stdout), text(stderr), status.code().expect("it ends"))
}

fn people(sink: &Sink) -> Vec<Option<String>> {
    let person = |held: punchgate_lab::sink::Held| held.data["person"].as_str().map(str::to_owned);
    let mut people: Vec<_> = punches(sink, "gate-1").into_iter().map(person).collect();
    people.sort();
    people
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_shows_what_it_would_change_and_with_yes_the_quarantine_is_sent_at_once() {
    let (gateway, sink, _terminal) = site("").await;
    assert!(
        gateway.log().contains("punchgate quarantine list"),
        "an alarm is in the log"
    );
    let (list, _, code) = run(&gateway, &["quarantine", "list"]);
    assert!(code == 0 && list.contains("gate-1 enrol **02: 1 punches"), "{list}");
    let (full, _, _) = run(&gateway, &["quarantine", "list", "--numbers", "--json"]);
    assert!(full.contains("\"credential\":\"1002\""), "{full}");
    let file = gateway.config().with_file_name("new.csv");
    let name = file.display().to_string();
    let rows = format!("\u{feff}{HEAD}E001,gate-1,1001,enrol,Li Wei,\r\nE002,gate-1,1002,enrol,Otto,\r\n");
    gateway.secret("new.csv", &rows).expect("written");

    let (shown, told, code) = run(&gateway, &["directory", "import", &name]);
    assert_eq!(code, 0, "{told}");
    assert!(
        shown.contains("+ enrol:**02 on gate-1: E002") && told.contains("nothing was changed"),
        "{shown}{told}"
    );
    assert_eq!(people(&sink), [Some("E001".to_owned())]);

    let (_, told, code) = run(&gateway, &["directory", "import", "--yes", &name]);
    assert!(code == 0 && told.contains("the gateway has read it"), "{told}");
    assert!(all_is_delivered(&gateway, SOON).await);
    assert_eq!(people(&sink), [Some("E001".to_owned()), Some("E002".to_owned())]);
    assert_eq!(gateway.status().await["quarantine"]["punches"], 0);
    let (exported, _, _) = run(&gateway, &["directory", "export"]);
    assert_eq!(
        exported,
        format!("{HEAD}E001,gate-1,1001,enrol,Li Wei,\nE002,gate-1,1002,enrol,Otto,\n")
    );
    let (whose, _, _) = run(&gateway, &["directory", "resolve", "gate-1", "enrol", "1002"]);
    assert_eq!(whose.trim(), "E002");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_is_refused_with_its_lines_and_changes_nothing() {
    let (gateway, _sink, _terminal) = site("").await;
    let file = gateway.config().with_file_name("new.csv");
    let name = file.display().to_string();
    let mut gbk = format!("{HEAD}E001,gate-1,1001,enrol,").into_bytes();
    gbk.extend_from_slice(&[0xc0, 0xee, 0xce, 0xb0, b',', b'\n']);
    std::fs::write(&file, &gbk).expect("written");
    let before = std::fs::read(file.with_file_name("people.csv")).expect("there");
    let (_, told, code) = run(&gateway, &["directory", "import", "--yes", &name]);
    assert!(
        code == 65 && told.contains("new.csv:2: ") && told.contains("iconv -f GBK -t UTF-8"),
        "{told}"
    );
    let twice = format!("{HEAD}E001,gate-1,1001,enrol,,\nE002,gate-1,1001,enrol,,\n");
    std::fs::write(&file, twice).expect("written");
    let (_, told, code) = run(&gateway, &["directory", "import", "--yes", &name]);
    assert!(
        code == 65 && told.contains("new.csv:3: ") && told.contains("by line 2"),
        "{told}"
    );
    assert_eq!(std::fs::read(file.with_file_name("people.csv")).expect("there"), before);
    let (told, _, code) = run(&gateway, &["directory", "lint", &name, "--lang", "zh-CN"]);
    assert!(code == 1 && told.contains("在第 2 行属于另一人"), "{told}");

    std::fs::write(&file, &gbk).expect("written");
    let (_, told, code) = run(&gateway, &["directory", "import", "--encoding", "gbk", "--yes", &name]);
    assert_eq!(code, 0, "{told}");
    let after = std::fs::read_to_string(file.with_file_name("people.csv")).expect("UTF-8 now");
    assert!(after.contains("\u{674e}\u{4f1f}"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_is_explained_by_the_running_gateway_and_by_the_journal_of_a_stopped_one() {
    let (mut gateway, sink, terminal) = site("").await;
    let soon = |minutes: i64| jiff_now().plus_millis(-minutes * 60_000).to_string();
    let gps = json!([{"id": "g1", "person": "E001", "factor": "gps", "at": soon(10)}]);
    gateway.post(&gps).await.expect("an answer");
    terminal.punch("1001", Duration::ZERO);
    let verified = |_: &Value| verdicts(&sink).iter().any(|held| held.data["outcome"] == "verified");
    assert!(gateway.until(SOON, verified).await, "{:#?}", verdicts(&sink));
    let id = verdicts(&sink)[0].data["id"].as_str().expect("an id").to_owned();

    let (told, _, code) = run(&gateway, &["verify", "explain", &id]);
    assert_eq!(code, 0, "{told}");
    for words in [
        "verified",
        "window 15 min",
        "apart:",
        "device clock",
        "gateway clock",
        "in force always",
        "first factor:",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let (told, _, _) = run(
        &gateway,
        &["verify", "explain", &format!("verdict:{id}"), "--lang", "zh-CN"],
    );
    assert!(told.contains("设备时钟") && told.contains("时间窗 15 min"), "{told}");
    let (json, _, _) = run(&gateway, &["verify", "explain", "--json", &id]);
    let running: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(run(&gateway, &["verify", "explain", "nothing"]).2, 1);

    gateway.stop(SOON).await.expect("it ends");
    let (json, told, code) = run(&gateway, &["verify", "explain", "--json", &id]);
    assert_eq!(code, 0, "{told}");
    let stopped: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(stopped["punch"], running["punch"]);
    assert!(
        !stopped["revisions"].as_array().expect("a list").is_empty(),
        "{stopped}"
    );
}

fn jiff_now() -> punchgate_model::Timestamp {
    punchgate_kit::Clock::system().now()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_zone_is_mended_for_the_past_only_by_a_command_that_is_logged() {
    let trust = "clock = \"trust\"\n";
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    terminal.punch("1001", Duration::from_secs(3600));
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let right = tables(&sink, &terminal, trust);
    let wrong = right.replace("timezone = \"UTC\"", "timezone = \"Asia/Tokyo\"");
    let mut gateway = Gateway::new(PROGRAM, &wrong).expect("a folder");
    let rows = format!("{HEAD}E001,gate-1,1001,enrol,Li Wei,\n");
    gateway.secret("people.csv", &rows).expect("written");
    gateway.restart().await.expect("it starts");
    let stored = |status: &Value| status["devices"]["gate-1"]["stored"] == 1;
    assert!(gateway.until(SOON, stored).await && all_is_delivered(&gateway, SOON).await);
    let held = || punches(&sink, "gate-1").remove(0).data;
    let at = |data: &Value| -> punchgate_model::Timestamp {
        data["at"].as_str().expect("text").parse().expect("an instant")
    };
    let before = held();

    gateway.configure(&right).expect("written");
    gateway.reload();
    let taken = |status: &Value| status["configuration"]["reloads"] == 1;
    assert!(gateway.until(SOON, taken).await && all_is_delivered(&gateway, SOON).await);
    assert_eq!(held(), before, "a mended zone moves nothing by itself");

    let asked = [
        "device",
        "reinterpret",
        "gate-1",
        "--zone",
        "UTC",
        "--from",
        "2020-01-01T00:00:00Z",
    ];
    let (_, told, code) = run(&gateway, &asked);
    assert!(code == 2 && told.contains("--yes"), "nobody agreed: {told}");
    assert_eq!(held(), before);
    let (_, told, code) = run(&gateway, &[&asked[..], &["--yes"]].concat());
    assert_eq!(code, 0, "{told}");
    assert!(all_is_delivered(&gateway, SOON).await);
    let after = held();
    assert_eq!(at(&after).since(at(&before)), 9 * 3_600_000);
    assert_eq!((&after["id"], &after["revision"]), (&before["id"], &2.into()));
    let (journal, _, _) = run(&gateway, &["store", "export"]);
    let entry = journal
        .lines()
        .find(|line| line.contains("\"reinterpreted\""))
        .expect("it is in the journal");
    assert!(entry.contains("\"actor\""), "{entry}");
    let unknown = [
        "device",
        "reinterpret",
        "gate-9",
        "--zone",
        "UTC",
        "--from",
        "2020-01-01T00:00:00Z",
        "--yes",
    ];
    assert_eq!(run(&gateway, &unknown).2, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_when_the_directory_is_read_again_and_what_is_left_is_told() {
    let (gateway, sink, terminal) = site("").await;
    terminal.punch("1003", Duration::ZERO);
    let waits = |status: &Value| status["quarantine"]["punches"] == 2;
    assert!(gateway.until(SOON, waits).await, "{:#?}", gateway.status().await);
    let rows = format!("{HEAD}E001,gate-1,1001,enrol,,\nE002,gate-1,1002,enrol,,\n");
    gateway.secret("people.csv", &rows).expect("written");
    let (told, _, code) = run(&gateway, &["quarantine", "replay"]);
    assert!(
        code == 0 && told.contains("1 punches have found their person, 1 are left"),
        "{told}"
    );
    assert!(all_is_delivered(&gateway, SOON).await);
    assert_eq!(people(&sink), [Some("E001".to_owned()), Some("E002".to_owned())]);
    // A page of a browser cannot have anything done.
    let call = punchgate_lab::call::post(
        gateway.admin(),
        "/api/v1/commands/reload",
        "",
        "Origin: http://x\r\n",
        "{}",
    );
    assert_eq!(call.await.expect("an answer").status, 403);
}
