//! `store verify`, `rebuild` and `export`, with and without a running daemon, in both languages, and interrupted.

use std::{process::Command, process::Stdio, time::Duration};

use punchgate_journeys::{LATER, all_is_delivered, upstream};
use punchgate_lab::{
    gateway::Gateway,
    sink::{Sink, SinkOptions},
};
use serde_json::Value;

use crate::{
    PROGRAM,
    room::{found, post, said},
};

const TEN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn looking_is_allowed_while_it_runs_and_rebuilding_says_what_to_do_instead() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    post(&gateway, "p", 500).await.expect("stored");
    assert!(all_is_delivered(&gateway, LATER).await);
    for running in [true, false] {
        let verified = gateway.ask(&["store", "verify", "--json"]).expect("it runs");
        assert_eq!(
            verified.status.code(),
            Some(0),
            "running {running}: {}",
            said(&verified)
        );
        let told: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
        assert!(told["sound"] == true && told["records"].as_u64() > Some(2), "{told}");
        let zh = gateway.ask(&["store", "verify", "--lang", "zh-CN"]).expect("it runs");
        assert!(said(&zh).contains("全部完好"), "{}", said(&zh));
        let exported = gateway.ask(&["store", "export", "--json"]).expect("it runs");
        let text = String::from_utf8_lossy(&exported.stdout).into_owned();
        let last: Value = text
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .expect("JSON");
        assert_eq!(last["seq"], told["last"], "running {running}");
        let rebuilt = gateway.ask(&["store", "rebuild", "--json"]).expect("it runs");
        if running {
            assert_eq!(rebuilt.status.code(), Some(75), "{}", said(&rebuilt));
            assert!(
                said(&rebuilt).contains("systemctl stop punchgate"),
                "{}",
                said(&rebuilt)
            );
            let zh = gateway.ask(&["store", "rebuild", "--lang", "zh-CN"]).expect("it runs");
            assert!(said(&zh).contains("请先停止它"), "{}", said(&zh));
            post(&gateway, "still", 3).await.expect("it was not disturbed");
            assert!(all_is_delivered(&gateway, LATER).await);
            gateway.stop(TEN).await;
        } else {
            let told: Value = serde_json::from_slice(&rebuilt.stdout).expect("JSON");
            assert!(told["digest"] == told["before"] && rebuilt.status.success(), "{told}");
            let zh = gateway.ask(&["store", "rebuild", "--lang", "zh-CN"]).expect("it runs");
            assert!(said(&zh).contains("重建缓冲"), "{}", said(&zh));
        }
    }
    gateway.restart().await.expect("it starts");
    assert!(
        found(&gateway, "opening-rebuild").await.is_empty(),
        "a rebuilt buffer is taken as it is"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_where_it_was_interrupted_and_a_rebuild_killed_midway_harms_nothing() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    for batch in 0..5 {
        post(&gateway, &format!("b{batch}"), 1000).await.expect("stored");
    }
    assert!(all_is_delivered(&gateway, LATER).await);
    gateway.stop(TEN).await;
    let lines = |arguments: &[&str]| -> Vec<String> {
        let output = gateway.ask(arguments).expect("it runs");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let all = lines(&["store", "export"]);
    let (first, rest) = all.split_at(all.len() / 2);
    let seq: Value = serde_json::from_str(first.last().expect("a line")).expect("JSON");
    assert_eq!(lines(&["store", "export", "--after", &seq["seq"].to_string()]), rest);
    let digest = || -> Value {
        serde_json::from_slice(&gateway.ask(&["store", "rebuild", "--json"]).expect("it runs").stdout).expect("JSON")
    };
    let wanted = digest();
    for kill_after in [0, 5, 20, 40, 80, 160] {
        let mut command = Command::new(PROGRAM);
        command
            .env_clear()
            .arg("--config")
            .arg(gateway.config())
            .args(["store", "rebuild"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(kill_after));
        // Fails only when it has ended already.
        let _ = child.kill();
        child.wait().expect("it ended");
        let verified = gateway.ask(&["store", "verify"]).expect("it runs");
        assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    }
    assert_eq!(digest()["digest"], wanted["digest"]);
    let sent = sink.stats().accepted;
    gateway.restart().await.expect("it starts");
    assert!(all_is_delivered(&gateway, LATER).await);
    assert_eq!(sink.stats().accepted, sent, "nothing is sent again");
}
