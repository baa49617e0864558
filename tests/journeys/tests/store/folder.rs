//! State directories that will not do, and one that goes away or turns out to be a copy.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

use punchgate_journeys::{LATER, SOON, all_is_delivered, as_ledger, device, external_ids, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::Gateway,
    patience::until,
    sink::{Fault, Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;

use crate::{
    PROGRAM,
    room::{alarms, post, said},
};

const TEN: Duration = Duration::from_secs(10);

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_a_link_or_open_to_others_or_somebody_elses_is_refused_with_what_to_do() {
    let mut gateway = Gateway::new(PROGRAM, "").expect("a folder");
    let state = gateway.state().to_owned();
    let real = state.with_file_name("real");
    fs::create_dir(&real).expect("made");
    std::os::unix::fs::symlink(&real, &state).expect("linked");
    let refused = |wanted: &str, code: i32| {
        let output = gateway.ask(&["run"]).expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(wanted), "{}", said(&output));
        let output = gateway.ask(&["run", "--lang", "zh-CN"]).expect("it runs");
        assert!(said(&output).contains("网关不启动"), "{}", said(&output));
    };
    refused("set [store] path to the folder itself", 74);
    fs::remove_file(&state).expect("removed");
    fs::create_dir(&state).expect("made");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).expect("opened");
    refused("others may write in the state directory", 77);
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("closed");
    if std::os::unix::fs::chown(&state, Some(65_534), None).is_ok() {
        refused("belongs to user 65534", 77);
        std::os::unix::fs::chown(&state, Some(0), None).expect("given back");
    }
    gateway.restart().await.expect("it starts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_folder_says_so_and_leaves() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    let second = gateway.ask(&["run"]).expect("it runs");
    assert_eq!(second.status.code(), Some(75), "{}", said(&second));
    assert!(
        said(&second).contains("another punchgate runs on this state directory"),
        "{}",
        said(&second)
    );
    post(&gateway, "still", 3)
        .await
        .expect("the first one is not disturbed");
    assert!(all_is_delivered(&gateway, SOON).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_removed_under_it_stops_acknowledgements_says_so_and_forwarding_goes_on() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    sink.standing(Some(Fault::status(503)));
    let acknowledged = post(&gateway, "before", 50).await.expect("stored");
    assert!(
        gateway
            .until(SOON, |status| status["journal"]["decided"] == status["journal"]["tail"])
            .await
    );
    fs::remove_dir_all(gateway.state()).expect("removed");
    // Nobody punches: it is noticed all the same.
    let noticed = async || !alarms(&gateway, "files-gone").await.is_empty();
    assert!(until(SOON, noticed).await, "{:#}", gateway.status().await);
    assert_eq!(post(&gateway, "after", 1).await, Err(503));
    let ready = call::get(gateway.admin(), "/readyz").await.expect("an answer");
    assert!(
        ready.status == 503 && ready.body.contains("was removed while in use"),
        "{}",
        ready.body
    );
    sink.standing(None);
    let delivered = async || external_ids(&sink).len() == acknowledged.len();
    assert!(until(LATER, delivered).await, "{:#}", gateway.status().await);
    gateway.kill();
    gateway.restart().await.expect("it starts anew");
    post(&gateway, "anew", 5).await.expect("stored");
    assert!(all_is_delivered(&gateway, LATER).await);
    assert_eq!(external_ids(&sink).len(), acknowledged.len() + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_backup_is_noticed_a_new_epoch_begins_and_the_terminal_is_read_again() {
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let mut gateway = Gateway::start(PROGRAM, &tables).await.expect("it starts");
    let punch = |n: u32| terminal.punch(&format!("{n:04}"), Duration::from_secs(u64::from(9000 - 60 * n)));
    let arrived = async |many: usize| until(SOON, async || as_ledger(&sink, "gate-1").len() == many).await;
    punch(1);
    assert!(arrived(1).await);
    gateway.stop(TEN).await;
    let (state, backup) = (gateway.state().to_owned(), gateway.state().with_file_name("yesterday"));
    copy(&state, &backup);
    gateway.restart().await.expect("it starts");
    assert!(alarms(&gateway, "copied").await.is_empty(), "a restart is no copy");
    punch(2);
    assert!(arrived(2).await);
    assert!(all_is_delivered(&gateway, SOON).await);
    gateway.stop(TEN).await;
    fs::remove_dir_all(&state).expect("the disk is exchanged");
    copy(&backup, &state);
    gateway.restart().await.expect("it starts");
    let told = alarms(&gateway, "copied").await;
    assert_eq!(
        told.first().map(|alarm| alarm["epoch"].clone()),
        Some(1.into()),
        "{:#}",
        gateway.status().await
    );
    punch(3);
    assert!(arrived(3).await, "{:#}", gateway.status().await);
    assert!(all_is_delivered(&gateway, LATER).await);
    let held = punchgate_journeys::punches(&sink, "gate-1");
    // What was stored after the copy came again from the terminal, and counts as newer than whatever was said of it.
    assert!(
        held.iter()
            .all(|held| (held.data["credential"] == "0001") == (held.revision == 1)),
        "{held:#?}"
    );
    gateway.stop(TEN).await;
    gateway.restart().await.expect("it starts");
    assert!(alarms(&gateway, "copied").await.is_empty(), "it lives here now");
}
