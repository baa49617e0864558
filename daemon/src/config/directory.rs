//! `[directory]` and `[repeats]`: who is who, and what counts as the same punch twice.

use std::{path::PathBuf, time::Duration};

use punchgate_rules::CardFormat;

use super::{
    node::Node,
    problem::{Problem, ProblemKind},
    reader::Reader,
    secret::Surroundings,
    value::{FromNode, word},
};

/// The directory of people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory {
    /// CSV files `person,device,credential,kind,name,department`; default none.
    pub files: Vec<PathBuf>,
    /// What becomes of a punch whose credential nobody has.
    pub unknown: Unknown,
    /// How rows for all devices state cards; default text.
    pub card_format: CardFormat,
    /// Cards that agree in so many of their last bits are one; default: in all, 0.
    pub card_bits: i64,
}

/// What becomes of a punch whose credential nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// Kept, counted and listed; forwarded unresolved (subject `credential:…`), and again once the directory knows it.
    #[default]
    Quarantine,
    /// As quarantine, but held back from upstreams until the directory knows it.
    Hold,
    /// Forwarded unresolved, as a matter of course: whoever receives it knows the people.
    Forward,
}

impl Unknown {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Hold => "hold",
            Self::Forward => "forward",
        }
    }
}

impl FromNode for Unknown {
    fn from_node(key: &str, node: &Node) -> Result<Self, Problem> {
        word(
            key,
            node,
            &[
                ("quarantine", Self::Quarantine),
                ("hold", Self::Hold),
                ("forward", Self::Forward),
            ],
        )
    }
}

/// When a punch repeats another (`semantics.md` section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeats {
    /// At most this long after the anchor, boundary included; default 5 min.
    pub within: Duration,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            within: Duration::from_secs(300),
        }
    }
}

pub(crate) fn read(reader: Reader<'_>, around: &Surroundings<'_>) -> Directory {
    let files: Vec<PathBuf> = reader.or("files", Vec::new());
    let files: Vec<PathBuf> = files.into_iter().map(|file| around.path(file)).collect();
    let directory = Directory {
        files,
        unknown: reader.or("unknown", Unknown::default()),
        card_format: reader.or("card_format", CardFormat::Text),
        card_bits: reader.or("card_bits", 0),
    };
    if !(0..=64).contains(&directory.card_bits) {
        let kind = ProblemKind::OutOfRange {
            key: "card_bits".to_owned(),
            got: directory.card_bits,
            min: 0,
            max: 64,
        };
        reader.findings.push(&reader.place_of("card_bits"), kind);
    }
    reader.finish();
    directory
}

pub(crate) fn read_repeats(reader: Reader<'_>) -> Repeats {
    let repeats = Repeats {
        within: reader.or("within", Repeats::default().within),
    };
    reader.finish();
    repeats
}
