//! The envelope: CloudEvents 1.0, structured JSON, in an array (`03-erp-hr-webhooks.md` section 6).
//!
//! One event: the required attributes, `time`, `subject`, `datacontenttype`, and the extensions `sequence`
//! (zero-padded, so that text order is number order) and `partitionkey` (events of equal key arrive in order).
//! `source` and `id` name the thing, `data.revision` its version. A body is a function of the gateway and the events
//! alone, so every attempt of a batch has the same bytes.

use punchgate_model::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::outgoing::Outgoing;

/// The media type of a batch.
pub const BATCH_TYPE: &str = "application/cloudevents-batch+json";

/// The `source` of every event of a gateway.
pub fn source(gateway: &str) -> String {
    format!("urn:punchgate:{gateway}")
}

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    time: Timestamp,
    subject: &'a str,
    datacontenttype: &'static str,
    sequence: Padded,
    partitionkey: &'a str,
    data: &'a RawValue,
}

/// A number in 20 digits: enough for every `u64`.
struct Padded(u64);

impl Serialize for Padded {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:020}", self.0))
    }
}

/// The body of a batch. `source` is [`source`] of the gateway's id.
pub fn render(source: &str, batch: &[Outgoing]) -> Vec<u8> {
    let mut body = Vec::with_capacity(2 + batch.iter().map(Outgoing::weight).sum::<usize>());
    body.push(b'[');
    for (place, event) in batch.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        let envelope = Envelope {
            specversion: "1.0",
            id: &event.id,
            source,
            kind: event.kind.event_type(),
            time: event.time,
            subject: &event.subject,
            datacontenttype: "application/json",
            sequence: Padded(event.seq),
            partitionkey: &event.person_key,
            data: &event.data,
        };
        // Writing text and numbers to memory has nothing that could fail.
        let written = serde_json::to_writer(&mut body, &envelope);
        debug_assert!(written.is_ok(), "an envelope did not serialise");
    }
    body.push(b']');
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::EventKind;

    #[test]
    fn a_batch_is_these_bytes() {
        let event = |seq, kind, id: &str| Outgoing {
            seq,
            kind,
            id: id.into(),
            revision: 1,
            subject: "E001".into(),
            person_key: "E001".into(),
            time: Timestamp::from_millis(1_772_412_900_000),
            queued_at: Timestamp::from_millis(0),
            data: RawValue::from_string(r#"{"note":"李伟"}"#.into()).expect("JSON"),
        };
        let batch = [
            event(9, EventKind::Punch, "p1"),
            event(10, EventKind::Verdict, "verdict:v1"),
        ];
        let body = render(&source("plant3-gate"), &batch);
        assert_eq!(
            String::from_utf8(body).expect("UTF-8"),
            concat!(
                r#"[{"specversion":"1.0","id":"p1","source":"urn:punchgate:plant3-gate","type":"punchgate.punch.v1","#,
                r#""time":"2026-03-02T00:55:00.000Z","subject":"E001","datacontenttype":"application/json","#,
                r#""sequence":"00000000000000000009","partitionkey":"E001","data":{"note":"李伟"}},"#,
                r#"{"specversion":"1.0","id":"verdict:v1","source":"urn:punchgate:plant3-gate","type":"punchgate.verdict.v1","#,
                r#""time":"2026-03-02T00:55:00.000Z","subject":"E001","datacontenttype":"application/json","#,
                r#""sequence":"00000000000000000010","partitionkey":"E001","data":{"note":"李伟"}}]"#
            )
        );
    }
}
