//! What an operator writes, before anything of it was checked. [`crate::Options`] is what comes out of it.
//!
//! A preset is the same thing, shipped with the driver: `presets/*.toml`.

use std::collections::BTreeMap;

use punchgate_model::{Direction, Factor, Span};
use serde::Deserialize;

/// Everything that can be set. A section that is given replaces the same section of the preset as a whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub preset: Option<String>,
    pub frame: Option<FrameSettings>,
    pub clean: Option<CleanSettings>,
    pub fields: Option<FieldSettings>,
    pub id: Option<IdSettings>,
    pub time: Option<TimeSettings>,
    pub direction: Option<BTreeMap<String, Direction>>,
    pub factor: Option<Factor>,
    pub acknowledge: Option<Acknowledge>,
    pub nak: Option<bool>,
    pub poll: Option<PollSettings>,
}

impl Settings {
    /// These settings, with what they leave out taken from a preset.
    pub fn over(self, preset: Self) -> Self {
        Self {
            preset: self.preset,
            frame: self.frame.or(preset.frame),
            clean: self.clean.or(preset.clean),
            fields: self.fields.or(preset.fields),
            id: self.id.or(preset.id),
            time: self.time.or(preset.time),
            direction: self.direction.or(preset.direction),
            factor: self.factor.or(preset.factor),
            acknowledge: self.acknowledge.or(preset.acknowledge),
            nak: self.nak.or(preset.nak),
            poll: self.poll.or(preset.poll),
        }
    }
}

/// How a record is cut out of the stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameSettings {
    pub kind: FrameKind,
    #[serde(default)]
    pub terminator: Terminator,
    pub check: Option<Check>,
    pub check_place: Option<CheckPlace>,
    pub covers: Option<Covers>,
    #[serde(default)]
    pub end: End,
    #[serde(default)]
    pub address: usize,
    pub length: Option<usize>,
    #[serde(default = "usual_longest")]
    pub longest: usize,
    #[serde(default = "usual_idle", with = "punchgate_kit::span")]
    pub idle: Span,
    #[serde(default)]
    pub idle_closes: bool,
}

pub(crate) const fn usual_longest() -> usize {
    256
}

pub(crate) const fn usual_idle() -> Span {
    Span::from_secs(2)
}

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FrameKind {
    Line,
    Enclosed,
    Fixed,
}

/// What ends a line. A LF after a CR never makes a record of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Terminator {
    Cr,
    Lf,
    Crlf,
    #[default]
    Any,
}

/// What closes an enclosed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    #[default]
    Etx,
    Cr,
}

/// How an enclosed record is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    None,
    Lrc,
    XorHex,
    SumHex,
    #[serde(rename = "crc16-arc-hex")]
    Crc16ArcHex,
    #[serde(rename = "crc16-ccitt-hex")]
    Crc16CcittHex,
}

/// Where the check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CheckPlace {
    BeforeEnd,
    AfterEnd,
}

/// What the check covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Covers {
    /// From the first character after STX to the last before check or end.
    Text,
    /// The same with STX and the end character.
    Frame,
}

/// What is done to a record before it is read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CleanSettings {
    pub strip_parity: bool,
    pub drop: Option<Vec<Dropped>>,
    pub upper: bool,
    pub trim: bool,
    pub ignore: Vec<String>,
}

/// Characters that mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Dropped {
    Nul,
    Ff,
    Xon,
    Xoff,
}

/// How items are found in a record.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum FieldSettings {
    Delimited {
        delimiter: Option<char>,
        separator: Option<String>,
        quote: Option<char>,
        #[serde(default)]
        apostrophe: bool,
        line: Option<String>,
        items: BTreeMap<String, usize>,
    },
    Columns {
        line: Option<String>,
        items: BTreeMap<String, (usize, usize)>,
    },
    Regex {
        pattern: String,
    },
}

/// What becomes of the item `id`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdSettings {
    pub kind: IdKind,
    pub form: IdForm,
    pub strip_zeros: bool,
    pub prefix: String,
}

/// What the number is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IdKind {
    #[default]
    Card,
    Enrol,
    Person,
}

/// What the characters of an id are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IdForm {
    /// Anything printable.
    #[default]
    Text,
    /// Decimal digits, kept as they are.
    Decimal,
    /// Hex digits, kept in capitals.
    Hex,
    /// Hex digits, turned into a decimal number.
    HexToDecimal,
    /// Six hex digits: facility and card of a 26-bit card. Kept in capitals; both numbers go to the details.
    FacilityCard,
    /// Hex: a byte that counts bits, then the bits, left-aligned.
    BitCount,
    /// Hex: the id, then a byte that makes the sum of all bytes zero.
    HexWithSum,
}

/// How the items `date`, `time` and `datetime` are written; the first format that fits counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TimeSettings {
    pub date: Vec<String>,
    pub time: Vec<String>,
    pub datetime: Vec<String>,
}

/// What a clock wants to hear when its record is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledge {
    /// Nothing.
    #[default]
    None,
    /// The character ACK (06).
    Ack,
    /// The letter A and CR.
    ACr,
}

/// How a clock is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PollSettings {
    pub say: String,
    #[serde(with = "punchgate_kit::span")]
    pub every: Span,
    #[serde(default)]
    pub after_record: bool,
    #[serde(default)]
    pub addresses: Vec<String>,
}
