//! The terminal to us: answers and events.

use bytes::Bytes;
use punchgate_kit::{Described, Malformed, Wire};
use serde_json::{Value, json};

use super::{Code, Event, Packet, Row, Who, bulk};

/// One message of a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard(Packet);

impl Heard {
    /// A message of a (simulated) terminal.
    pub fn new(packet: Packet) -> Self {
        Self(packet)
    }

    /// The packet.
    pub fn packet(&self) -> &Packet {
        &self.0
    }

    /// Whether the terminal said it unasked.
    pub fn is_event(&self) -> bool {
        self.0.code == Code::REG_EVENT
    }
}

impl Wire for Heard {
    type Raw = Bytes;

    fn parse(raw: &Bytes) -> Result<Self, Malformed> {
        Packet::parse(raw).map(Self)
    }

    fn render(&self) -> Bytes {
        self.0.render()
    }

    fn describe(&self) -> Described {
        let packet = &self.0;
        if !self.is_event() {
            return answer(packet);
        }
        match Event::parse(packet) {
            Ok(Event::Punches(rows)) => {
                let rows: Vec<Value> = rows.iter().map(|(row, _)| punch(row)).collect();
                described(packet, "ATTLOG").with("punches", rows)
            }
            Ok(Event::Notice(notice)) => described(packet, notice.name()).with("details", notice.details()),
            Err(_) => described(packet, "ATTLOG"),
        }
    }
}

/// An answer, with what can be told without knowing the question.
fn answer(packet: &Packet) -> Described {
    let described = described(packet, &packet.code.label());
    match packet.code {
        Code::PREPARE_DATA => described.with("size", bulk::announced(&packet.data).ok()),
        Code::ACK_OK if bulk::is_prepared(&packet.data) => {
            described.with("size", bulk::prepared(&packet.data).ok().flatten())
        }
        Code::ACK_OK => match text(&packet.data) {
            Some(text) => described.with("text", text),
            None => described,
        },
        _ => described,
    }
}

/// A printable text that ends with NUL, as options and versions are.
fn text(data: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(data.strip_suffix(&[0])?).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

fn punch(row: &Row) -> Value {
    let mut fields = json!({
        "verify": row.verify,
        "state": row.state,
        "time": row.time.device_time().printed,
    });
    if let Some(fields) = fields.as_object_mut() {
        match &row.who {
            Who::Id(id) => fields.insert("user".to_owned(), id.as_str().into()),
            Who::Index(uid) => fields.insert("uid".to_owned(), (*uid).into()),
        };
    }
    fields
}

/// What every packet has. Data are shown as a length only: they may hold a key, passwords or templates.
pub(super) fn described(packet: &Packet, name: &str) -> Described {
    let mut described = Described::new(name)
        .with("session", packet.session)
        .with("reply", packet.reply)
        .with("bytes", packet.data.len());
    if let Some(wrong) = packet.wrong_checksum() {
        described = described.with("checksum", wrong.to_string());
    }
    described
}
