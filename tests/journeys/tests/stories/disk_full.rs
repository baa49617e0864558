//! No space left where punches are kept. Needs a small file system of its own, and so the rights to mount one.

use std::{fs, path::Path, process::Command, time::Duration};

use punchgate_journeys::{LATER, SOON, all_is_delivered, as_ledger, device, external_ids, item, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::Gateway,
    patience::until,
    sink::{Fault, Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::{Value, json};

use crate::PROGRAM;

/// A small file system, unmounted at the end.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(at: &'a Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(at).expect("a folder");
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(at)
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // Lazily: the daemon that has files open there is killed later.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_forwards_on_and_heals_when_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("small");
    let Some(_mounted) = Small::mount(&at, 96) else {
        eprintln!("SKIPPED: a full disk needs the right to mount a tmpfs (run as root)");
        return;
    };
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let mut gateway = Gateway::new(PROGRAM, "").expect("a folder");
    gateway.keep_state_in(at.join("state"));
    gateway.configure(&tables).expect("written");
    gateway.restart().await.expect("it starts");
    terminal.punch("0001", Duration::from_secs(900));
    assert!(until(SOON, async || as_ledger(&sink, "gate-1").len() == 1).await);

    // What the disk has before it is full is not delivered yet.
    sink.standing(Some(Fault::status(503)));
    let filler = at.join("filler");
    fill(&filler);
    let (mut acknowledged, mut refused) = (Vec::new(), None);
    for batch in 0..4_000 {
        let ids: Vec<String> = (0..200).map(|n| format!("{batch}-{n}")).collect();
        let items: Value = ids
            .iter()
            .map(|id| item(id, "E001", "gps", "2026-03-02T08:00:00Z"))
            .collect();
        let answer = gateway.post(&items).await.expect("an answer");
        match answer.status {
            200 => acknowledged.extend(ids),
            _ => {
                refused = Some(answer);
                break;
            }
        }
    }
    let refused = refused.expect("at last the disk is full");
    assert_eq!(refused.status, 503, "{}", refused.body);
    let issued = terminal.ledger().issued.len();
    terminal.punch("0002", Duration::from_secs(60));
    let status = gateway.status().await;
    assert!(status["journal"]["failing"].is_string(), "{status:#}");
    let ready = punchgate_lab::call::get(gateway.admin(), "/readyz")
        .await
        .expect("an answer");
    assert_eq!(ready.status, 503, "{}", ready.body);

    sink.standing(None);
    let forwarded = async || external_ids(&sink).len() >= acknowledged.len();
    assert!(
        until(LATER, forwarded).await,
        "{} of {}: {:#}",
        external_ids(&sink).len(),
        acknowledged.len(),
        gateway.status().await
    );
    assert_eq!(
        terminal.ledger().acknowledged.len(),
        issued,
        "the terminal was told nothing"
    );

    fs::remove_file(&filler).expect("it is there");
    let heals = async || {
        let again = json!([item("after", "E001", "gps", "2026-03-02T09:00:00Z")]);
        gateway.post(&again).await.is_ok_and(|answer| answer.status == 200)
    };
    assert!(until(LATER, heals).await, "{:#}", gateway.status().await);
    assert!(
        until(LATER, async || as_ledger(&sink, "gate-1").len() == 2).await,
        "{:#}",
        gateway.status().await
    );
    assert!(all_is_delivered(&gateway, LATER).await);
    let held = external_ids(&sink);
    assert!(acknowledged.iter().all(|id| held.get(id) == Some(&1)));
    assert!(gateway.status().await["journal"]["failing"].is_null());
}

/// Writes until there is no space.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).expect("a file");
    let block = vec![0; 64 * 1024];
    while file.write_all(&block).is_ok() {}
}
