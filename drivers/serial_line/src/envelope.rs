//! The envelope of an enclosed record: STX, text, end, and the check before or after the end.

use punchgate_kit::Malformed;

use crate::settings::{Check, CheckPlace, Covers, End};

pub(crate) const STX: u8 = 0x02;
pub(crate) const ETX: u8 = 0x03;
pub(crate) const CR: u8 = 0x0d;
pub(crate) const LF: u8 = 0x0a;

/// How a record is enclosed and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub check: Check,
    pub place: CheckPlace,
    pub covers: Covers,
    pub end: End,
    /// Characters of an address between STX and text.
    pub address: usize,
}

/// The check of IDTECK readers.
pub(crate) const LRC: Envelope = Envelope {
    check: Check::Lrc,
    place: CheckPlace::AfterEnd,
    covers: Covers::Frame,
    end: End::Etx,
    address: 0,
};

/// The check of IBM terminals.
pub(crate) const SUM: Envelope = Envelope {
    check: Check::SumHex,
    place: CheckPlace::BeforeEnd,
    covers: Covers::Text,
    end: End::Etx,
    address: 0,
};

impl Envelope {
    pub fn end_byte(&self) -> u8 {
        match self.end {
            End::Etx => ETX,
            End::Cr => CR,
        }
    }

    /// How many check bytes follow the end character.
    pub fn trailing(&self) -> usize {
        match self.place {
            CheckPlace::AfterEnd => self.check.width(),
            CheckPlace::BeforeEnd => 0,
        }
    }

    /// Takes the envelope away, address included.
    ///
    /// # Errors
    /// [`Malformed`] where STX or end is missing, or the check does not fit.
    pub fn open<'a>(&self, frame: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let inner = frame
            .strip_prefix(&[STX])
            .ok_or_else(|| Malformed::new(0, "STX", frame))?;
        let end = inner.iter().position(|b| *b == self.end_byte());
        let (inner, after) = end
            .and_then(|end| Some((inner.get(..end)?, inner.get(end + 1..)?)))
            .ok_or_else(|| Malformed::within(frame, frame.len(), "the end of the record"))?;
        let width = self.check.width();
        let (text, check) = match self.place {
            CheckPlace::AfterEnd => (inner, after),
            CheckPlace::BeforeEnd => inner
                .len()
                .checked_sub(width)
                .and_then(|at| inner.split_at_checked(at))
                .ok_or_else(|| Malformed::within(frame, 1, "text and its check"))?,
        };
        let at = match self.place {
            CheckPlace::AfterEnd => inner.len() + 2,
            CheckPlace::BeforeEnd => text.len() + 1,
        };
        if !self.fits(text, check) {
            let wanted = self
                .check_of(text)
                .iter()
                .fold(String::new(), |all, b| format!("{all}{b:02x}"));
            return Err(Malformed::new(at, format!("the check {wanted}"), check));
        }
        text.get(self.address..)
            .ok_or_else(|| Malformed::within(frame, 1, "an address"))
    }

    fn fits(&self, text: &[u8], check: &[u8]) -> bool {
        self.check == Check::None || self.check_of(text).eq_ignore_ascii_case(check)
    }

    /// Puts text (address included) into the envelope.
    pub fn seal(&self, text: &[u8]) -> Vec<u8> {
        let check = self.check_of(text);
        let end = [self.end_byte()];
        match self.place {
            CheckPlace::AfterEnd => [&[STX], text, &end, &check].concat(),
            CheckPlace::BeforeEnd => [&[STX], text, &check, &end].concat(),
        }
    }

    fn check_of(&self, text: &[u8]) -> Vec<u8> {
        match self.covers {
            Covers::Text => self.check.of(text),
            Covers::Frame => self.check.of(&[&[STX], text, &[self.end_byte()]].concat()),
        }
    }

    /// Whether these bytes, which stand after the end character, are the right check.
    pub fn closes(&self, frame: &[u8]) -> bool {
        self.open(frame).is_ok()
    }
}

impl Check {
    /// How many characters it takes.
    pub fn width(self) -> usize {
        match self {
            Self::None => 0,
            Self::Lrc => 1,
            Self::XorHex | Self::SumHex => 2,
            Self::Crc16ArcHex | Self::Crc16CcittHex => 4,
        }
    }

    /// The check of these bytes, as it stands on the line.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let xor = bytes.iter().fold(0_u8, |all, b| all ^ b);
        let sum = bytes.iter().fold(0_u8, |all, b| all.wrapping_add(*b));
        match self {
            Self::None => Vec::new(),
            Self::Lrc => vec![xor],
            Self::XorHex => format!("{xor:02X}").into_bytes(),
            Self::SumHex => format!("{sum:02X}").into_bytes(),
            Self::Crc16ArcHex => format!("{:04X}", crc16_arc(bytes)).into_bytes(),
            Self::Crc16CcittHex => format!("{:04X}", crc16_ccitt(bytes)).into_bytes(),
        }
    }
}

/// CRC-16/ARC: polynomial 8005 reflected, start 0.
fn crc16_arc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 }
        })
    })
}

/// CRC-16/XMODEM: polynomial 1021, start 0.
fn crc16_ccitt(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values_come_out() {
        assert_eq!(Check::Crc16ArcHex.of(b"123456789"), b"BB3D");
        assert_eq!(Check::Crc16CcittHex.of(b"123456789"), b"31C3");
        // IBM 7526: the checksum of "1" is 31 hex.
        assert_eq!(Check::SumHex.of(b"1"), b"31");
        assert_eq!(Check::Lrc.of(b"\x020001234567\x03"), [0x01]);
    }

    #[test]
    fn what_is_sealed_opens_again_and_a_changed_bit_does_not() {
        for check in [
            Check::Lrc,
            Check::XorHex,
            Check::SumHex,
            Check::Crc16ArcHex,
            Check::Crc16CcittHex,
        ] {
            for place in [CheckPlace::AfterEnd, CheckPlace::BeforeEnd] {
                for covers in [Covers::Text, Covers::Frame] {
                    let envelope = Envelope {
                        check,
                        place,
                        covers,
                        end: End::Etx,
                        address: 2,
                    };
                    let mut frame = envelope.seal(b"aa0042");
                    assert_eq!(envelope.open(&frame), Ok(b"0042".as_slice()), "{envelope:?}");
                    if let Some(byte) = frame.get_mut(4) {
                        *byte ^= 1;
                    }
                    assert!(envelope.open(&frame).is_err(), "{envelope:?}");
                }
            }
        }
    }
}
