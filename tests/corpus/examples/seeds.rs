//! Writes the seeds of every corpus from the captures of the drivers and the examples of the sheets:
//! `cargo run -p punchgate-corpus --example seeds`. What a fuzzer or a person added stays.

use std::{fs, io, path::Path};

use punchgate_corpus::{folder, root, sample_segment};
use punchgate_kit::capture::{Capture, From};

fn main() -> io::Result<()> {
    terminals()?;
    posts()?;
    clocks()?;
    files()?;
    journal()?;
    upstreams()
}

fn seed(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    fs::create_dir_all(folder(target))?;
    fs::write(folder(target).join(name), bytes)
}

fn captures(driver: &str, extension: &str, mut each: impl FnMut(&str, &Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(root().join("drivers").join(driver).join("captures"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|is| is == extension) {
            each(&path.file_stem().unwrap_or_default().to_string_lossy(), &path)?;
        }
    }
    Ok(())
}

/// A capture as it is, as the bytes of each side, as turns, and the data of its packets one by one.
fn terminals() -> io::Result<()> {
    captures("zk_tcp", "talk", |name, path| {
        let text = fs::read_to_string(path)?;
        seed("capture", name, &text)?;
        let (mut stream, mut talk) = (Vec::new(), Vec::new());
        for line in Capture::parse(&text).0.lines {
            let body = line
                .bytes
                .strip_prefix(b"\x50\x50\x82\x7d")
                .and_then(|rest| rest.get(4..));
            let body = body.unwrap_or(&line.bytes);
            let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes();
            talk.push(u8::from(line.from == From::Gateway));
            talk.extend(length);
            talk.extend_from_slice(body);
            if line.from == From::Device {
                stream.extend_from_slice(&line.bytes);
                let data = body.get(8..).unwrap_or_default();
                if data.len() > 8 {
                    seed("zk_data", &format!("{name}_{}", line.number), data)?;
                }
            }
        }
        seed("zk_stream", name, stream)?;
        seed("zk_talk", name, talk)
    })
}

fn posts() -> io::Result<()> {
    captures("http_ingest", "http", |name, path| {
        let bytes = fs::read(path)?;
        seed("http1", name, &bytes)?;
        seed("ingest", name, &bytes)
    })?;
    let chunked = "POST /a?b=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    seed("http1", "chunked", chunked)
}

/// Records of the sheet (`ascii-line-clocks.md`) behind the number of their preset, and behind none.
fn clocks() -> io::Result<()> {
    let records: [&[u8]; 7] = [
        b"1\t05-03-2024\t08:59:30\t'0001234567\t01\t0001\r\n",
        b"  03,07, 0042,  24/03/05,08:59,I\r\n",
        b"1, 0, 0, 8065, 0, 9, 12, 28, 4, 16, 2013\r\n",
        b"4006381333931                                     ,EAN-13            ,08:59:30,05/03/2024\r\n",
        b"\x02000F12345678\x03",
        b"\x06\x15\r\n0012345678\r",
        b"0A1B2C\r\n0A1B2D\r\n",
    ];
    for (preset, record) in records.iter().enumerate() {
        for first in [u8::try_from(preset).unwrap_or(0), 0xFF] {
            let name = format!("record_{preset}_preset_{first:02x}");
            seed("serial_line", &name, [&[first], *record].concat())?;
        }
    }
    for preset in 0..12 {
        let all = [&[preset], records.concat().as_slice()].concat();
        seed("serial_line", &format!("all_preset_{preset:02}"), all)?;
    }
    Ok(())
}

fn files() -> io::Result<()> {
    seed("config", "shipped", fs::read(root().join("config/punchgate.toml"))?)?;
    for entry in fs::read_dir(root().join("config/examples"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|is| is == "toml") {
            seed(
                "config",
                &path.file_stem().unwrap_or_default().to_string_lossy(),
                fs::read(&path)?,
            )?;
        }
    }
    let people = "person,device,credential,kind,name,department\nE001,*,0001,enrol,Li Wei,Sales\n\
        E002,door,0004321,card,\"Wang, Fang\",\n\nE002,*,0001,enrol,,Lab\nE003,*,,card,,\n";
    seed("directory", "people", people)?;
    seed("directory", "marked", [b"\xef\xbb\xbf", people.as_bytes()].concat())?;
    seed(
        "directory",
        "gbk",
        b"person,device,credential,kind,name,department\r\nE001,*,1,card,\xc0\xee\xce\xb0,\r\n",
    )?;
    let punches = concat!(
        r#"{"id":"a1","person":"E001","factor":"gps","source":"wecom","at":"2026-03-02T08:40:00.000+08:00"}"#,
        "\n",
        r#"{"id":"b7","person":"E001","factor":"fingerprint","source":"zk-1","zone":"hq-door","at":"2026-03-02T08:55:00.000+08:00"}"#,
        "\n",
        r#"{"id":"b8","person":"E001","factor":"face","source":"zk-1","direction":"in","result":"denied","uncertainty_ms":9,"at":"2026-03-02T08:55:30+08:00"}"#,
        "\n",
    );
    seed("replay", "two_factors", punches)
}

fn journal() -> io::Result<()> {
    seed("journal_segment", "sound", [&[0], sample_segment().as_slice()].concat())?;
    seed("journal_segment", "one_flipped_bit", [1, 200, 0, 4])?;
    seed(
        "journal_segment",
        "a_header_gone_and_a_cut",
        [1, 20, 0, 255, 44, 255, 0],
    )?;
    let entries = [
        r#"{"watermark":{"at":"2026-03-02T00:40:00.000Z","complete_until":"2026-03-02T00:00:00.000Z"}}"#,
        r#"{"delivered":{"upstream":"hr","through":7,"at":"2026-03-02T00:40:00.000Z"}}"#,
        r#"{"audit":{"at":"2026-03-02T00:40:00.000Z","actor":"root","action":"reload","subject":"config","details":{"n":1.5}}}"#,
        r#"{"directory":{"at":"2026-03-02T00:40:00.000Z","digest":"00","rows":[{"person":"E001"}]}}"#,
        r#"{"of a later version":{}}"#,
    ];
    for (number, entry) in entries.iter().enumerate() {
        seed("journal_entry", &format!("entry_{number}"), entry)?;
    }
    let reading = fs::read_to_string(root().join("drivers/zk_tcp/captures/live_events.jsonl"))?;
    for (number, line) in reading.lines().enumerate() {
        let inner = line.strip_prefix('{').and_then(|line| line.strip_suffix('}'));
        let Some(inner) = inner.filter(|inner| inner.starts_with("\"reading\"")) else {
            continue;
        };
        let head = r#""device":"door","epoch":0,"received_at":"2026-03-02T00:40:00.000Z""#;
        seed(
            "journal_entry",
            &format!("reading_{number}"),
            format!("{{\"reading\":{{{head},{inner}}}}}"),
        )?;
    }
    Ok(())
}

fn upstreams() -> io::Result<()> {
    let answer = |status: u16, rest: &[u8]| [&status.to_le_bytes()[..], rest].concat();
    let results = br#"{"results":[{"id":"a","status":"rejected","error":"no such person"},{"id":"a","status":"accepted"},{"id":"b","status":"duplicate"},{"id":"c","status":"rejected","error":{"code":7}}]}"#;
    seed(
        "answer",
        "results",
        answer(200, &[b"\0application/json\0\0", &results[..]].concat()),
    )?;
    seed(
        "answer",
        "busy_until_a_date",
        answer(503, b"Mon, 02 Mar 2026 08:01:00 GMT\0\0\0later"),
    )?;
    seed("answer", "busy_for_seconds", answer(429, b"120\0text/plain\0\0"))?;
    seed("answer", "portal", answer(200, b"\0text/html\0\0<html>"))?;
    seed("answer", "elsewhere", answer(307, b"\0\0https://elsewhere.example/\0"))
}
