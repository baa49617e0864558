use punchgate_model::{Credential, DeviceTime, Factor};
use serde_json::json;

use super::*;

fn at() -> Timestamp {
    "2026-03-02T00:45:00.000Z".parse().expect("an instant")
}

fn reading() -> Reading {
    let mut reading = Reading::new(Credential::Enrol("0007".into()), Factor::Fingerprint);
    reading.sequence = Some(41);
    reading.device_time = Some(DeviceTime::from_numbers(2026, 3, 2, 8, 45, 0));
    reading
}

/// One of each kind, and how it is written. Do not change the test: journals written since must stay readable.
fn golden() -> Vec<(Entry, &'static str)> {
    vec![
        (
            Entry::Reading {
                device: "zk-1".into(),
                epoch: 2,
                received_at: at(),
                reading: reading(),
            },
            r#"{"reading":{"device":"zk-1","epoch":2,"received_at":"2026-03-02T00:45:00.000Z","reading":{"sequence":41,"device_time":{"printed":"2026-03-02T08:45:00","civil":"2026-03-02T08:45:00"},"credential":{"kind":"enrol","number":"0007"},"factor":"fingerprint","direction":"unknown","result":"granted","origin":"live"}}}"#,
        ),
        (
            Entry::Readings {
                device: "zk-1".into(),
                epoch: 2,
                received_at: at(),
                readings: vec![reading(), Reading::new(Credential::Nobody, Factor::Pin)],
            },
            r#"{"readings":{"device":"zk-1","epoch":2,"received_at":"2026-03-02T00:45:00.000Z","readings":[{"sequence":41,"device_time":{"printed":"2026-03-02T08:45:00","civil":"2026-03-02T08:45:00"},"credential":{"kind":"enrol","number":"0007"},"factor":"fingerprint","direction":"unknown","result":"granted","origin":"live"},{"credential":{"kind":"nobody"},"factor":"pin","direction":"unknown","result":"granted","origin":"live"}]}}"#,
        ),
        (
            Entry::Contact {
                device: "zk-1".into(),
                at: at(),
                serial: Some("S1".into()),
                clock: Some(ClockMeasured {
                    offset_ms: -95_000,
                    uncertainty_ms: 12,
                }),
                log_records: Some(3),
                complete: true,
                held: None,
                through: None,
                landmarks: Vec::new(),
            },
            r#"{"contact":{"device":"zk-1","at":"2026-03-02T00:45:00.000Z","serial":"S1","clock":{"offset_ms":-95000,"uncertainty_ms":12},"log_records":3,"complete":true}}"#,
        ),
        (
            Entry::Began {
                at: at(),
                epoch: 2,
                why: "copied".into(),
            },
            r#"{"began":{"at":"2026-03-02T00:45:00.000Z","epoch":2,"why":"copied"}}"#,
        ),
        (
            Entry::Retired {
                at: at(),
                before: 17,
                link: "00ff".into(),
                bytes: 9,
                carried: vec![Entry::Watermark {
                    at: at(),
                    complete_until: at(),
                }],
            },
            r#"{"retired":{"at":"2026-03-02T00:45:00.000Z","before":17,"link":"00ff","bytes":9,"carried":[{"watermark":{"at":"2026-03-02T00:45:00.000Z","complete_until":"2026-03-02T00:45:00.000Z"}}]}}"#,
        ),
        (
            Entry::Delivered {
                upstream: "erp".into(),
                through: 9,
                at: at(),
            },
            r#"{"delivered":{"upstream":"erp","through":9,"at":"2026-03-02T00:45:00.000Z"}}"#,
        ),
        (
            Entry::Dead {
                upstream: "erp".into(),
                outbox_seq: 9,
                event_id: "p1".into(),
                revision: 1,
                reason: "422".into(),
                at: at(),
            },
            r#"{"dead":{"upstream":"erp","outbox_seq":9,"event_id":"p1","revision":1,"reason":"422","at":"2026-03-02T00:45:00.000Z"}}"#,
        ),
        (
            Entry::DeadRetried {
                upstream: "erp".into(),
                outbox_seq: 9,
                actor: "ops".into(),
                at: at(),
            },
            r#"{"dead_retried":{"upstream":"erp","outbox_seq":9,"actor":"ops","at":"2026-03-02T00:45:00.000Z"}}"#,
        ),
        (
            Entry::Watermark {
                at: at(),
                complete_until: at().plus_millis(-1),
            },
            r#"{"watermark":{"at":"2026-03-02T00:45:00.000Z","complete_until":"2026-03-02T00:44:59.999Z"}}"#,
        ),
        (
            Entry::Started {
                at: at(),
                version: "0.1.0".into(),
            },
            r#"{"started":{"at":"2026-03-02T00:45:00.000Z","version":"0.1.0"}}"#,
        ),
        (
            Entry::Stopped { at: at() },
            r#"{"stopped":{"at":"2026-03-02T00:45:00.000Z"}}"#,
        ),
        (
            Entry::Audit {
                at: at(),
                actor: "ops".into(),
                action: "approve".into(),
                subject: "p1".into(),
                details: json!({"n":1}),
            },
            r#"{"audit":{"at":"2026-03-02T00:45:00.000Z","actor":"ops","action":"approve","subject":"p1","details":{"n":1}}}"#,
        ),
        (
            Entry::Directory {
                at: at(),
                digest: "ab".into(),
                rows: DirectoryRows(vec![json!({"person":"E001"})]),
            },
            r#"{"directory":{"at":"2026-03-02T00:45:00.000Z","digest":"ab","rows":[{"person":"E001"}]}}"#,
        ),
        (
            Entry::Policy {
                at: at(),
                name: "office-door".into(),
                policy: json!({"window":"15m"}),
            },
            r#"{"policy":{"at":"2026-03-02T00:45:00.000Z","name":"office-door","policy":{"window":"15m"}}}"#,
        ),
        (
            Entry::Epoch {
                device: "zk-1".into(),
                epoch: 3,
                why: "log cleared".into(),
                at: at(),
                carried: Vec::new(),
            },
            r#"{"epoch":{"device":"zk-1","epoch":3,"why":"log cleared","at":"2026-03-02T00:45:00.000Z"}}"#,
        ),
        (
            Entry::IdempotentAnswer {
                device: "app".into(),
                key: "k1".into(),
                body_hash: "cd".into(),
                answer: Answered("{}".into()),
                at: at(),
            },
            r#"{"idempotent_answer":{"device":"app","key":"k1","body_hash":"cd","answer":"{}","at":"2026-03-02T00:45:00.000Z"}}"#,
        ),
    ]
}

#[test]
fn every_kind_is_written_as_it_always_was_and_reads_back() {
    for (entry, wanted) in golden() {
        let payload = entry.to_payload();
        assert_eq!(String::from_utf8_lossy(&payload.bytes), wanted);
        assert!(
            wanted.starts_with(&format!("{{\"{}\":", entry.kind())),
            "{}",
            entry.kind()
        );
        assert_eq!(Entry::from_payload(&payload), entry);
    }
}

#[test]
fn an_entry_of_a_later_program_is_kept_and_written_again_unchanged() {
    for (version, bytes) in [
        (1, &br#"{"hologram":{"x":1}}"#[..]),
        (2, b"\x00\xff"),
        (1, b""),
        (1, b"{\"unknown\":0}"),
    ] {
        let payload = Payload {
            version,
            bytes: bytes.to_vec(),
        };
        let entry = Entry::from_payload(&payload);
        assert_eq!(entry.kind(), "unknown");
        assert_eq!(entry.to_payload(), payload);
    }
}

#[test]
fn a_field_added_later_does_not_hide_an_entry() {
    let payload = Payload {
        version: 1,
        bytes: br#"{"stopped":{"at":"2026-03-02T00:45:00Z","why":"asked"}}"#.to_vec(),
    };
    assert_eq!(Entry::from_payload(&payload), Entry::Stopped { at: at() });
}

#[test]
fn debug_never_shows_a_credential() {
    let entry = Entry::Reading {
        device: "zk-1".into(),
        epoch: 0,
        received_at: at(),
        reading: reading(),
    };
    assert!(!format!("{entry:?}").contains("0007"));
    let rows = DirectoryRows(vec![json!({"card":"0012345678"})]);
    let entry = Entry::Directory {
        at: at(),
        digest: String::new(),
        rows,
    };
    assert!(!format!("{entry:?}").contains("12345"));
    assert!(
        !format!(
            "{:?}",
            Entry::Unknown(Raw {
                version: 1,
                bytes: b"E001".to_vec()
            })
        )
        .contains("E001")
    );
}
