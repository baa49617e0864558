//! Every capture and the readings that come out; where its head names no preset, without one. `PUNCHGATE_BLESS=1` writes down what came
//! out, for a person to read.

use std::{fs, path::Path};

use punchgate_kit::{
    Carrier, Driver, Finding, Reader, StreamDriver, Wire,
    capture::{Capture, From},
    laws,
};
use punchgate_serial_line::{Options, Record, SerialLine, Word};

/// One JSON line for each reading and each part that was not understood.
fn replay(capture: &Capture) -> String {
    let preset = capture
        .header
        .get("preset")
        .map(|name| Options::preset(name).expect("a preset"));
    let options = preset.unwrap_or_default();
    let framer = SerialLine::framer(&options, Carrier::Serial);
    let mut reader = SerialLine::reader(&options);
    let mut found = Vec::new();
    for line in &capture.lines {
        match line.from {
            From::Gateway => {
                let word = Word::parse(&line.bytes.clone().into()).expect("a word");
                assert_eq!(word.render(), line.bytes, "line {}", line.number);
            }
            From::Device => {
                let frames = laws::frames(&framer, &line.bytes, usize::MAX);
                assert_eq!(frames.len(), 1, "line {}", line.number);
                found.extend(frames.into_iter().flat_map(|frame| reader.hear(&Record::new(frame))));
            }
        }
    }
    let lines = found.iter().map(|finding| match finding {
        Finding::Reading(reading) => serde_json::json!({ "reading": reading }).to_string(),
        Finding::Malformed(why) => serde_json::json!({ "malformed": why.to_string() }).to_string(),
    });
    lines.map(|line| line + "\n").collect()
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
        assert_eq!(found, expected, "{}", path.display());
    }
    assert!(seen >= 4, "{seen} captures");
}
