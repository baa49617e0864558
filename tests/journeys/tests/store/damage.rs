//! The journal or the buffer is damaged while the daemon is away.

use std::{fs, path::Path, time::Duration};

use punchgate_journeys::{LATER, SOON, all_is_delivered, as_ledger, device, external_ids, punches, upstream};
use punchgate_kit::Carrier;
use punchgate_lab::{
    call,
    gateway::Gateway,
    patience::until,
    sink::{Sink, SinkOptions},
    terminal::Terminal,
};
use punchgate_zk_tcp::Knobs;
use serde_json::Value;

use crate::{
    PROGRAM,
    room::{alarms, exported, found, post, said, segments, store_settings},
};

const MINUTE: Duration = Duration::from_secs(60);
const TEN: Duration = Duration::from_secs(10);

/// The entries in which a terminal said something, with their numbers.
fn heard(gateway: &Gateway, device: &str) -> Vec<(u64, String)> {
    let entries = exported(gateway).into_iter();
    entries
        .filter(|line| line["entry"]["reading"]["device"] == device || line["entry"]["readings"]["device"] == device)
        .map(|line| (line["seq"].as_u64().expect("a number"), line["entry"].to_string()))
        .collect()
}

/// Flips a bit in the first place where a segment has these bytes.
fn flip(path: &Path, needle: &str) -> usize {
    let mut bytes = fs::read(path).expect("read");
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle.as_bytes())
        .expect("the bytes are there");
    *bytes.get_mut(at).expect("a byte") ^= 0x10;
    fs::write(path, bytes).expect("written");
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_told_exactly_and_the_terminal_is_read_again_from_before_the_gap() {
    let terminal = Terminal::on(Carrier::Tcp, Knobs::default()).await.expect("a terminal");
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let tables = upstream(&sink) + &device("gate-1", &terminal, Carrier::Tcp, "");
    let mut gateway = Gateway::start(PROGRAM, &tables).await.expect("it starts");
    for n in 1..=8u64 {
        terminal.punch(&format!("{n:04}"), MINUTE * (40 - u32::try_from(n).expect("small")));
        let count = usize::try_from(n).expect("small");
        assert!(
            until(SOON, async || as_ledger(&sink, "gate-1").len() == count).await,
            "{:#}",
            gateway.status().await
        );
    }
    assert!(all_is_delivered(&gateway, SOON).await);
    let before: Vec<(String, u32)> = punches(&sink, "gate-1")
        .iter()
        .map(|held| (held.id.clone(), held.revision))
        .collect();
    assert_eq!(
        gateway.stop(TEN).await.and_then(|status| status.code()),
        Some(0),
        "{}",
        gateway.log()
    );

    let (lost, _) = heard(&gateway, "gate-1")
        .into_iter()
        .find(|(_, entry)| entry.contains("\"0005\""))
        .expect("it is there");
    let segment = segments(&gateway).remove(0);
    let at = flip(&segment, "\"number\":\"0005\"");
    let verified = gateway.ask(&["store", "verify", "--json"]).expect("it runs");
    assert_eq!(verified.status.code(), Some(1));
    let verified: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(
        (&verified["sound"], &verified["gaps"][0]["after_seq"]),
        (&false.into(), &(lost - 1).into())
    );

    gateway.restart().await.expect("it starts");
    let gaps = alarms(&gateway, "gap").await;
    assert_eq!(gaps.len(), 1, "{:#}", gateway.status().await);
    let gap = &gaps[0];
    let number = |key: &str| gap[key].as_u64().expect("a number");
    assert_eq!(
        (number("after_seq"), number("before_seq"), number("records")),
        (lost - 1, lost + 1, 1)
    );
    assert!(
        (number("from_byte")..number("to_byte")).contains(&(at as u64)),
        "{gap} {at}"
    );
    assert!(gap["since"].is_string() && gap["until"].is_string(), "{gap}");
    assert!(gateway.log().contains("store-gap"), "{}", gateway.log());
    let metrics = call::get(gateway.admin(), "/metrics").await.expect("an answer").body;
    for line in ["punchgate_journal_lost_records 1", "punchgate_store_epoch 1"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let told = gateway.ask(&["status", "--lang", "zh-CN"]).expect("it runs");
    assert!(said(&told).contains("日志丢失 1 条记录"), "{}", said(&told));

    // The terminal still has it: it is in the journal again, under the id it had.
    assert!(
        until(SOON, async || heard(&gateway, "gate-1")
            .iter()
            .any(|(_, entry)| entry.contains("\"0005\"")))
        .await
    );
    assert!(all_is_delivered(&gateway, LATER).await, "{:#}", gateway.status().await);
    let after = punches(&sink, "gate-1");
    assert_eq!(after.len(), 8, "{after:#?}");
    for held in &after {
        let known = before.iter().find(|(id, _)| *id == held.id).expect("no new id");
        let is_the_lost_one = held.data["credential"] == "0005";
        assert_eq!(held.revision > known.1, is_the_lost_one, "{held:?}");
    }
    // Told once more at the next start, and read again no more.
    let many = exported(&gateway).len();
    gateway.stop(TEN).await;
    gateway.restart().await.expect("it starts");
    assert_eq!(alarms(&gateway, "gap").await.len(), 1);
    assert!(
        found(&gateway, "opening-rebuild").await.is_empty(),
        "{:#}",
        gateway.status().await
    );
    assert!(all_is_delivered(&gateway, LATER).await);
    let readings = |entries: &[Value]| {
        entries
            .iter()
            .filter(|line| line["entry"]["readings"].is_object())
            .count()
    };
    assert_eq!(
        readings(&exported(&gateway)),
        readings(&exported(&gateway).into_iter().take(many).collect::<Vec<_>>())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_empty_and_foreign_segments_are_told_and_the_rest_is_kept() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::new(PROGRAM, &upstream(&sink)).expect("a folder");
    // So small a limit makes small segments.
    store_settings(&gateway, "max_size = \"1MiB\"\nballast = \"0B\"");
    gateway.restart().await.expect("it starts");
    for batch in 0..8 {
        post(&gateway, &format!("b{batch}"), 200).await.expect("stored");
    }
    assert!(all_is_delivered(&gateway, LATER).await);
    let all = external_ids(&sink).len();
    gateway.stop(TEN).await;
    let there = segments(&gateway);
    assert!(there.len() >= 4, "{there:?}");
    let folder = there[0].parent().expect("a folder").to_owned();
    fs::remove_file(&there[1]).expect("removed");
    fs::write(folder.join("00000000000000900000.pgj"), b"").expect("written");
    fs::write(folder.join("00000000000000910000.pgj"), b"holiday pictures").expect("written");
    gateway.restart().await.expect("it starts");
    let gaps = alarms(&gateway, "gap").await;
    assert_eq!(gaps.len(), 1, "{:#}", gateway.status().await);
    assert_eq!(gaps[0]["from_byte"], gaps[0]["to_byte"], "a whole file is missing");
    let whys = found(&gateway, "opening-set-aside").await;
    assert_eq!(whys, ["empty", "unreadable"]);
    post(&gateway, "after", 5).await.expect("stored");
    assert!(all_is_delivered(&gateway, LATER).await);
    assert_eq!(external_ids(&sink).len(), all + 5);

    // The oldest one missing looks like retention, but nobody retired it.
    gateway.stop(TEN).await;
    fs::remove_file(&there[0]).expect("removed");
    let verified = gateway.ask(&["store", "verify"]).expect("it runs");
    assert_eq!(verified.status.code(), Some(1));
    assert!(said(&verified).contains("were not retired"), "{}", said(&verified));
    gateway.restart().await.expect("it starts");
    let told = async || alarms(&gateway, "gap").await.iter().any(|gap| gap["after_seq"] == 0);
    assert!(until(SOON, told).await, "{:#}", gateway.status().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_a_newer_program_is_refused_in_words_and_left_as_it_is() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let mut gateway = Gateway::start(PROGRAM, &upstream(&sink)).await.expect("it starts");
    post(&gateway, "before", 20).await.expect("stored");
    gateway.stop(TEN).await;
    let segment = segments(&gateway).remove(0);
    let mut bytes = fs::read(&segment).expect("read");
    (bytes[8], bytes[72]) = (2, 2);
    fs::write(&segment, &bytes).expect("written");
    let names = |gateway: &Gateway| {
        let mut names: Vec<_> = fs::read_dir(gateway.state().join("journal"))
            .expect("listed")
            .flatten()
            .map(|e| e.file_name())
            .collect();
        names.sort();
        names
    };
    let there = names(&gateway);
    gateway.spawn().expect("it is there");
    for _ in 0..500 {
        if gateway.ended().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(gateway.ended().and_then(|status| status.code()), Some(69));
    assert!(
        gateway.log().contains("has format 2 and this program reads up to 1"),
        "{}",
        gateway.log()
    );
    assert!(gateway.log().contains("Nothing was changed"), "{}", gateway.log());
    assert_eq!((fs::read(&segment).expect("read"), names(&gateway)), (bytes, there));
}

/// What may befall the buffer's folder, each told by a word of the reason for which it is built again.
const WOUNDS: [(&str, &str); 7] = [
    ("deleted", "none"),
    ("flipped", "is not as it was"),
    ("truncated", "is not as it was"),
    ("generating", "is not as it was"),
    ("older", "older format"),
    ("unmarked", "not closed in order"),
    ("a file", "marker cannot be read"),
];

fn wound(buffer: &Path, how: &str) {
    let db = buffer.join("sled/db");
    match how {
        "deleted" => fs::remove_dir_all(buffer).expect("removed"),
        "flipped" => {
            let mut bytes = fs::read(&db).expect("read");
            let at = bytes.iter().position(|byte| *byte != 0).expect("something") + 100;
            bytes[at] ^= 1;
            fs::write(db, bytes).expect("written");
        }
        "truncated" => fs::OpenOptions::new()
            .write(true)
            .open(db)
            .expect("opened")
            .set_len(4000)
            .expect("cut"),
        "generating" => fs::write(buffer.join("sled/snap.0000000000000F00.generating"), b"half").expect("written"),
        "older" => fs::write(buffer.join("clean"), [0; 28]).expect("written"),
        "unmarked" => fs::remove_file(buffer.join("clean")).expect("removed"),
        _ => {
            fs::remove_dir_all(buffer).expect("removed");
            fs::write(buffer, b"not a store").expect("written");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_the_buffer_it_is_built_again_and_every_verdict_comes_out_the_same() {
    let sink = Sink::start(SinkOptions::default()).await.expect("a sink");
    let policy = "[[verification]]\nname = \"twice\"\nfirst = { factors = [\"gps\"] }\nsecond = { factors = [\"wifi\"] }\nwindow = \"15m\"\n";
    let mut gateway = Gateway::start(PROGRAM, &(upstream(&sink) + policy))
        .await
        .expect("it starts");
    post(&gateway, "p", 600).await.expect("stored");
    let settled = async |gateway: &Gateway| {
        until(LATER, async || {
            gateway.status().await["journal"]["rebuilding_to"].is_null()
        })
        .await
            && all_is_delivered(gateway, LATER).await
    };
    assert!(settled(&gateway).await);
    let sent = sink.stats().accepted;
    gateway.stop(TEN).await;
    let digest = |gateway: &Gateway| -> Value {
        let output = gateway.ask(&["store", "rebuild", "--json"]).expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let first = digest(&gateway);
    assert!(first["verdicts"].as_u64() > Some(100), "{first}");
    assert_eq!(first["before"], first["digest"], "the first run and the rebuild agree");
    for (how, why) in WOUNDS {
        wound(&gateway.state().join("buffer"), how);
        gateway.restart().await.expect("it starts");
        let reason = found(&gateway, "opening-rebuild").await.join("");
        assert!(reason.contains(why), "{how}: {:#}", gateway.status().await);
        assert!(settled(&gateway).await);
        gateway.stop(TEN).await;
        let again = digest(&gateway);
        assert_eq!(
            (&again["before"], &again["digest"]),
            (&first["digest"], &first["digest"]),
            "{how}"
        );
    }
    assert_eq!(sink.stats().accepted, sent, "nothing was sent again");
}
