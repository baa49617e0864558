//! A packet: eight bytes of header and its data (`zkteco-standalone-4370.md` section 2).

use bytes::Bytes;
use punchgate_kit::Malformed;

use super::{Code, checksum::checksum, fields::u16_at};

/// How many bytes the header has.
pub const HEADER: usize = 8;

/// What the checksum field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// The right checksum.
    Right,
    /// Another number than the right one, as a few clones send.
    Wrong(u16),
}

/// One packet, the same in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Command, reply code, or 500.
    pub code: Code,
    /// Session id; in events the event bit, in DATA of a series the chunk number.
    pub session: u16,
    /// The request's running number, which every frame of its answer repeats.
    pub reply: u16,
    /// What follows the header.
    pub data: Bytes,
    /// What the checksum field holds.
    pub sum: Sum,
}

impl Packet {
    /// A packet with the right checksum.
    pub fn new(code: Code, session: u16, reply: u16, data: impl Into<Bytes>) -> Self {
        Self {
            code,
            session,
            reply,
            data: data.into(),
            sum: Sum::Right,
        }
    }

    /// The same with a checksum that is not the right one.
    #[must_use]
    pub fn damaged(mut self) -> Self {
        self.sum = Sum::Wrong(!self.checksum());
        self
    }

    /// The right checksum.
    pub fn checksum(&self) -> u16 {
        checksum(self.code.0, self.session, self.reply, &self.data)
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// When the header is not complete.
    pub fn parse(raw: &Bytes) -> Result<Self, Malformed> {
        let field = |at| u16_at(raw, at).ok_or_else(|| Malformed::within(raw, at, "a header of 8 bytes"));
        let (code, found, session, reply) = (field(0)?, field(2)?, field(4)?, field(6)?);
        let packet = Self::new(Code(code), session, reply, raw.slice(HEADER..));
        let sum = if packet.checksum() == found {
            Sum::Right
        } else {
            Sum::Wrong(found)
        };
        Ok(Self { sum, ..packet })
    }

    /// Writes a packet.
    pub fn render(&self) -> Bytes {
        let sum = match self.sum {
            Sum::Right => self.checksum(),
            Sum::Wrong(sum) => sum,
        };
        let mut raw = Vec::with_capacity(HEADER + self.data.len());
        for field in [self.code.0, sum, self.session, self.reply] {
            raw.extend(field.to_le_bytes());
        }
        raw.extend_from_slice(&self.data);
        raw.into()
    }

    /// A remark on a wrong checksum, if it is wrong.
    pub fn wrong_checksum(&self) -> Option<Malformed> {
        match self.sum {
            Sum::Right => None,
            Sum::Wrong(got) => Some(Malformed::new(
                2,
                format!("the checksum {:04x}", self.checksum()),
                &got.to_be_bytes(),
            )),
        }
    }
}
