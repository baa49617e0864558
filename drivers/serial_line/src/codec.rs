//! What is said on the line: a clock's records, and the gateway's few words.

use bytes::Bytes;
use punchgate_kit::{Described, Malformed, Stored, Wire};

use crate::settings::Acknowledge;

const ACK: &[u8] = b"\x06";
const NAK: &[u8] = b"\x15";
const A_CR: &[u8] = b"A\r";

/// What a clock says: one frame with its envelope, uninterpreted, because only the options know what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record(Bytes);

impl Record {
    /// A frame, envelope included.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The frame, envelope included.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the end of a line and nothing else.
    pub fn is_blank(&self) -> bool {
        self.0
            .iter()
            .all(|b| matches!(b, 0 | b'\r' | b'\n' | 0x0c | 0x11 | 0x13))
    }

    /// Whether it is an answer (ACK, A CR or NAK) and no record: of the device to a poll, or an echo of our own.
    pub fn is_answer(&self) -> bool {
        [ACK, NAK, A_CR].contains(&&*self.0)
    }
}

impl Wire for Record {
    type Raw = Bytes;

    /// Never fails: what a record means is for the options to say.
    fn parse(raw: &Bytes) -> Result<Self, Malformed> {
        Ok(Self(raw.clone()))
    }

    fn render(&self) -> Bytes {
        self.0.clone()
    }

    fn describe(&self) -> Described {
        let name = match &*self.0 {
            ACK | A_CR => "ack",
            NAK => "nak",
            _ if self.is_blank() => "blank",
            _ => "record",
        };
        Described::new(name).with("text", printable(&self.0))
    }
}

/// What the gateway says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(Meaning);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Ack,
    AckA,
    Nak,
    Poll(Bytes),
}

impl Word {
    /// "Your record is safe", in the words of the clock; `None` for a clock that wants to hear nothing.
    pub fn ack(_proof: &Stored, how: Acknowledge) -> Option<Self> {
        match how {
            Acknowledge::None => None,
            Acknowledge::Ack => Some(Self(Meaning::Ack)),
            Acknowledge::ACr => Some(Self(Meaning::AckA)),
        }
    }

    /// "Your record was damaged on the way."
    pub fn nak() -> Self {
        Self(Meaning::Nak)
    }

    /// "Have you got something for me?" The options refuse a poll that reads like an acknowledgement.
    pub(crate) fn poll(words: &[u8]) -> Self {
        Self(Meaning::Poll(Bytes::copy_from_slice(words)))
    }

    /// Whether it acknowledges.
    pub fn is_ack(&self) -> bool {
        matches!(self.0, Meaning::Ack | Meaning::AckA)
    }

    /// Whether it says that a record was damaged.
    pub fn is_nak(&self) -> bool {
        self.0 == Meaning::Nak
    }
}

impl Wire for Word {
    type Raw = Bytes;

    fn parse(raw: &Bytes) -> Result<Self, Malformed> {
        Ok(Self(match &**raw {
            b"" => return Err(Malformed::new(0, "a word", raw)),
            ACK => Meaning::Ack,
            NAK => Meaning::Nak,
            // A framer that knows nothing of this word may have left out or put in the line's end.
            A_CR | b"A" => Meaning::AckA,
            _ => Meaning::Poll(raw.clone()),
        }))
    }

    fn render(&self) -> Bytes {
        match &self.0 {
            Meaning::Ack => Bytes::from_static(ACK),
            Meaning::AckA => Bytes::from_static(A_CR),
            Meaning::Nak => Bytes::from_static(NAK),
            Meaning::Poll(words) => words.clone(),
        }
    }

    fn describe(&self) -> Described {
        match &self.0 {
            Meaning::Ack | Meaning::AckA => Described::new("ack"),
            Meaning::Nak => Described::new("nak"),
            Meaning::Poll(words) => Described::new("poll").with("text", printable(words)),
        }
    }
}

/// Text with everything that is not printable ASCII escaped.
fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
