//! One card, however a reader states it (`wiegand.md`).
//!
//! Readers state the same card as the hex of its UID in either byte order, as a decimal number, or as Wiegand bits. Where the
//! configuration says which ([`CardFormat`]), a number becomes the bits it stands for, and equal bits are one card. Nothing
//! is guessed: without a format a number is a text, and a number that does not fit its format stays one.
//!
//! Deliberately absent: formats told apart by their length, which tells nothing (36 bits are one of three, 37 of two).

use std::{collections::BTreeMap, fmt, str::FromStr};

use punchgate_model::{Credential, DeviceName};
use serde::{Deserialize, Serialize};

/// How a device states card numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardFormat {
    /// As a text that means nothing else.
    #[default]
    Text,
    /// The UID in hex, first byte first; separators `:`, `-` and spaces are passed over.
    UidHex,
    /// The UID in hex, last byte first.
    UidHexReversed,
    /// The UID as a decimal number, its first byte the most significant; leading zeros mean nothing.
    UidDecimal,
    /// The UID as a decimal number, its first byte the least significant.
    UidDecimalReversed,
    /// H10301, 26 bits, as `facility,number`, bits of 0 and 1, or left-aligned hex as OSDP has it.
    #[serde(rename = "wiegand-26")]
    Wiegand26,
    /// H10306, 34 bits, likewise; 16 bits facility and 16 bits number, or a 4-byte UID.
    #[serde(rename = "wiegand-34")]
    Wiegand34,
    /// Corporate 1000, 35 bits, likewise.
    #[serde(rename = "wiegand-35")]
    Wiegand35,
    /// C15001 KeyScan, 36 bits, likewise.
    #[serde(rename = "wiegand-36")]
    Wiegand36,
    /// H10302, 37 bits, a number without a facility, likewise.
    #[serde(rename = "wiegand-37")]
    Wiegand37,
    /// H10304, 37 bits with a facility, likewise.
    #[serde(rename = "wiegand-37-facility")]
    Wiegand37Facility,
}

impl CardFormat {
    /// Every format, with its word in the configuration.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("text", Self::Text),
        ("uid-hex", Self::UidHex),
        ("uid-hex-reversed", Self::UidHexReversed),
        ("uid-decimal", Self::UidDecimal),
        ("uid-decimal-reversed", Self::UidDecimalReversed),
        ("wiegand-26", Self::Wiegand26),
        ("wiegand-34", Self::Wiegand34),
        ("wiegand-35", Self::Wiegand35),
        ("wiegand-36", Self::Wiegand36),
        ("wiegand-37", Self::Wiegand37),
        ("wiegand-37-facility", Self::Wiegand37Facility),
    ];

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, format)| *format == self);
        known.map_or("text", |(word, _)| word)
    }

    fn wiegand(self) -> Option<Wiegand> {
        let wiegand = |bits, facility: (u32, u32), number: (u32, u32), parities| Wiegand {
            bits,
            facility,
            number,
            parities,
        };
        Some(match self {
            Self::Wiegand26 => wiegand(26, (1, 8), (9, 24), &[(0, 1, 12, false), (25, 13, 24, true)]),
            Self::Wiegand34 => wiegand(34, (1, 16), (17, 32), &[(0, 1, 16, false), (33, 17, 32, true)]),
            Self::Wiegand35 => wiegand(35, (2, 13), (14, 33), &[]),
            Self::Wiegand36 => wiegand(36, (11, 18), (19, 34), &[(0, 1, 17, false), (35, 18, 34, true)]),
            Self::Wiegand37 => wiegand(37, (1, 0), (1, 35), &[(0, 1, 18, false), (36, 18, 35, true)]),
            Self::Wiegand37Facility => wiegand(37, (1, 16), (17, 35), &[(0, 1, 18, false), (36, 18, 35, true)]),
            _ => return None,
        })
    }

    /// The card that a number in this format means; `None` when it is no such number, or its parity is wrong.
    pub fn read(self, number: &str) -> Option<Card> {
        match self {
            Self::Text => None,
            Self::UidHex => uid(number, false),
            Self::UidHexReversed => uid(number, true),
            Self::UidDecimal => decimal(number, false),
            Self::UidDecimalReversed => decimal(number, true),
            _ => self.wiegand()?.read(number),
        }
    }

    /// The card as this format states it: hex, decimal, or bits with their parity. `None` where it does not fit.
    pub fn write(self, card: Card) -> Option<String> {
        let bytes = usize::try_from(card.bits / 8).ok()?;
        let digits = bytes * 2;
        match self {
            Self::Text => None,
            Self::UidHex => (card.bits.is_multiple_of(8)).then(|| format!("{:0digits$X}", card.value)),
            Self::UidHexReversed => {
                (card.bits.is_multiple_of(8)).then(|| format!("{:0digits$X}", card.reversed().value))
            }
            Self::UidDecimal => Some(format!("{:010}", card.value)).filter(|_| card.bits == 32),
            Self::UidDecimalReversed => Some(format!("{:010}", card.reversed().value)).filter(|_| card.bits == 32),
            _ => self.wiegand()?.write(card),
        }
    }
}

/// Which bits a Wiegand format has where; bits are counted from 0, the first that is transmitted.
struct Wiegand {
    bits: u32,
    /// First and last bit of the facility; none where the last comes before the first.
    facility: (u32, u32),
    number: (u32, u32),
    /// A parity bit, the first and the last bit it is over, and whether it is odd. None: those of Corporate 1000.
    parities: &'static [(u32, u32, u32, bool)],
}

impl Wiegand {
    fn width((first, last): (u32, u32)) -> u32 {
        (last + 1).saturating_sub(first)
    }

    fn data_bits(&self) -> u32 {
        Self::width(self.facility) + Self::width(self.number)
    }

    fn read(&self, number: &str) -> Option<Card> {
        if let Some((facility, number)) = number.split_once([',', '-', ':']) {
            let (facility, number): (u64, u64) = (facility.trim().parse().ok()?, number.trim().parse().ok()?);
            let (wide, room) = (Self::width(self.number), Self::width(self.facility));
            let fits = number >> wide == 0 && facility.checked_shr(room).unwrap_or(0) == 0;
            return fits.then_some(Card {
                bits: self.data_bits(),
                value: facility << wide | number,
            });
        }
        let frame = self.frame(number)?;
        (self.with_parity(frame) == frame).then(|| Card {
            bits: self.data_bits(),
            value: self.field(frame, (self.facility.0.min(self.number.0), self.number.1)),
        })
    }

    fn write(&self, card: Card) -> Option<String> {
        let data = (card.bits == self.data_bits()).then_some(card.value)?;
        let frame = self.with_parity(data << (self.bits - 1 - self.number.1));
        let width = usize::try_from(self.bits).ok()?;
        Some(format!("{frame:0width$b}"))
    }

    /// Bits as text, or left-aligned hex.
    fn frame(&self, text: &str) -> Option<u64> {
        let width = usize::try_from(self.bits).ok()?;
        if text.len() == width && text.bytes().all(|byte| matches!(byte, b'0' | b'1')) {
            return u64::from_str_radix(text, 2).ok();
        }
        let digits = width.div_ceil(8) * 2;
        let padding = u32::try_from(digits * 4).ok()?.checked_sub(self.bits)?;
        let hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let all = u64::from_str_radix(text, 16).ok().filter(|_| hex)?;
        (all & ((1 << padding) - 1) == 0).then_some(all >> padding)
    }

    fn field(&self, frame: u64, (first, last): (u32, u32)) -> u64 {
        let width = Self::width((first, last));
        frame >> (self.bits - 1 - last) & ((1 << width) - 1)
    }

    /// The frame with the parity it should have.
    fn with_parity(&self, frame: u64) -> u64 {
        let at = |bit: u32| 1_u64 << (self.bits - 1 - bit);
        let set = |frame: u64, bit: u32, over: u64, odd: bool| {
            let ones = (frame & over).count_ones() % 2 == 1;
            if ones != odd { frame | at(bit) } else { frame & !at(bit) }
        };
        if self.bits == 35 {
            // Corporate 1000: bit 1 and bit 34 are over two of every three, bit 0 over all.
            let pairs = |from: u32| {
                (from..=33)
                    .filter(move |bit| (bit - from) % 3 != 2)
                    .map(at)
                    .fold(0, |a, b| a | b)
            };
            let frame = set(frame, 1, pairs(2), false);
            let frame = set(frame, 34, pairs(1), true);
            return set(frame, 0, (1..=34).map(at).fold(0, |a, b| a | b), true);
        }
        self.parities.iter().fold(frame, |frame, (bit, first, last, odd)| {
            let over = (*first..=*last).map(at).fold(0, |a, b| a | b);
            set(frame, *bit, over, *odd)
        })
    }
}

/// What a card says, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Card {
    /// How many there are, 1 to 64.
    pub bits: u32,
    /// Their value, the first bit the most significant.
    pub value: u64,
}

impl Card {
    /// The same bytes the other way round.
    fn reversed(self) -> Self {
        let shift = 64_u32.saturating_sub(self.bits);
        Self {
            bits: self.bits,
            value: self.value.swap_bytes() >> shift,
        }
    }

    /// Only the last bits, where there are more.
    pub fn last(self, bits: u32) -> Self {
        if bits >= self.bits {
            return self;
        }
        Self {
            bits,
            value: self.value & ((1 << bits) - 1),
        }
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:X}", self.bits, self.value)
    }
}

/// 1 to 8 bytes in hex.
fn uid(number: &str, reversed: bool) -> Option<Card> {
    let digits: String = number.chars().filter(|c| !matches!(c, ':' | '-' | ' ')).collect();
    let good = (2..=16).contains(&digits.len())
        && digits.len().is_multiple_of(2)
        && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let card = Card {
        bits: u32::try_from(digits.len()).ok()? * 4,
        value: u64::from_str_radix(&digits, 16).ok().filter(|_| good)?,
    };
    Some(if reversed { card.reversed() } else { card })
}

/// 4 bytes as a decimal number.
fn decimal(number: &str, reversed: bool) -> Option<Card> {
    let good = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let value = u32::from_str(number).ok().filter(|_| good)?;
    let card = Card {
        bits: 32,
        value: value.into(),
    };
    Some(if reversed { card.reversed() } else { card })
}

/// Which cards are one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cards {
    /// How each device states cards; one that is not listed does as rows for all devices.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, CardFormat>,
    /// How rows for all devices (`*`) do.
    pub shared: CardFormat,
    /// Only so many of the last bits are compared: a reader for Wiegand 26 drops the first byte of a UID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_bits: Option<u32>,
}

impl Cards {
    /// Whether nothing is said of any card.
    pub fn is_empty(&self) -> bool {
        self.shared == CardFormat::Text && self.devices.values().all(|format| *format == CardFormat::Text)
    }

    /// Whether cards on a device, or on all (`None`), are stated in a format.
    pub fn states_format(&self, device: Option<&DeviceName>) -> bool {
        self.format(device) != CardFormat::Text
    }

    fn format(&self, device: Option<&DeviceName>) -> CardFormat {
        let stated = device.and_then(|device| self.devices.get(device.as_str()));
        stated.copied().unwrap_or(self.shared)
    }

    /// A credential as it is compared: on a device, or on all (`None`).
    pub fn alike(&self, device: Option<&DeviceName>, credential: &Credential) -> Credential {
        let Credential::Card(number) = credential else {
            return credential.clone();
        };
        match self.format(device).read(number) {
            // A space tells it from every number that somebody could write: fields of rows have none around them.
            Some(card) => Credential::Card(format!(" {}", self.last_bits.map_or(card, |bits| card.last(bits)))),
            None => credential.clone(),
        }
    }
}
