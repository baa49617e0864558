//! Every capture, and the readings that come out of it. `PUNCHGATE_BLESS=1` writes down what came out, for a person to read.

use std::{fs, path::Path};

use bytes::Bytes;
use punchgate_kit::{
    Driver, Finding, Framer, Reader, StreamDriver, Wire,
    capture::{Capture, From},
    laws,
};
use punchgate_zk_tcp::{Options, ZkTcp, codec::Heard, codec::Said};

/// One JSON line for each reading and each part that was not understood.
fn replay(capture: &Capture) -> String {
    let options = Options::default();
    let mut reader = ZkTcp::reader(&options);
    let mut found = Vec::new();
    for line in &capture.lines {
        let framer = ZkTcp::framer(&options, ZkTcp::captured_from(&line.bytes));
        assert!(framer.longest() >= line.bytes.len(), "line {}", line.number);
        for body in laws::frames(&framer, &line.bytes, usize::MAX) {
            match line.from {
                From::Gateway => reader.say(&parsed::<Said>(&body, line.number)),
                From::Device => found.extend(reader.hear(&parsed::<Heard>(&body, line.number))),
            }
        }
    }
    let lines = found.iter().map(|finding| match finding {
        Finding::Reading(reading) => serde_json::json!({ "reading": reading }).to_string(),
        Finding::Malformed(why) => serde_json::json!({ "malformed": why.to_string() }).to_string(),
    });
    lines.map(|line| line + "\n").collect()
}

/// The message of a body; what is rendered from it is the body again.
fn parsed<W: Wire<Raw = Bytes>>(body: &Bytes, line: usize) -> W {
    let message = W::parse(body).unwrap_or_else(|why| panic!("line {line}: {why}"));
    assert_eq!(message.render(), body, "line {line}");
    message
}

/// The lines as values: in which order the fields of one stand depends on how serde_json was built.
fn values(lines: &str) -> Vec<serde_json::Value> {
    let values = lines.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    values.collect()
}

#[test]
fn every_capture_gives_the_readings_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the captures") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "talk") {
            continue;
        }
        seen += 1;
        let (capture, errors) = Capture::parse(&fs::read_to_string(&path).expect("text"));
        assert_eq!(errors, [], "{}", path.display());
        let found = replay(&capture);
        let beside = path.with_extension("jsonl");
        if std::env::var_os("PUNCHGATE_BLESS").is_some() {
            fs::write(&beside, &found).expect("written");
        }
        let expected = fs::read_to_string(&beside).expect("the readings beside it");
        assert_eq!(values(&found), values(&expected), "{}", path.display());
    }
    assert!(seen >= 4, "{seen} captures");
}
