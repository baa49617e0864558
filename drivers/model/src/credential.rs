use std::fmt;

use serde::{Deserialize, Serialize};

/// Whom or what a device recognised, in the device's own numbering.
///
/// Numbers are strings: leading zeros count (`semantics.md` section 1). `Debug` masks all but the last two
/// characters; use [`Credential::number`] where the whole number is really wanted.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "number")]
pub enum Credential {
    /// The number under which a person is enrolled in the device.
    Enrol(String),
    /// A card number, in the format the device reports.
    Card(String),
    /// A person named directly by a source that knows people (an app, an ERP).
    Person(String),
    /// The device recognised nobody.
    Nobody,
}

impl Credential {
    /// The number in full, or the empty string for [`Credential::Nobody`].
    pub fn number(&self) -> &str {
        match self {
            Self::Enrol(number) | Self::Card(number) | Self::Person(number) => number,
            Self::Nobody => "",
        }
    }

    /// The word that names the kind: `enrol`, `card`, `person` or `nobody`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Enrol(_) => "enrol",
            Self::Card(_) => "card",
            Self::Person(_) => "person",
            Self::Nobody => "nobody",
        }
    }

    /// The number with all but the last two characters hidden, for people to read.
    pub fn masked(&self) -> String {
        let shown: Vec<char> = self.number().chars().collect();
        let hidden = shown.len().saturating_sub(2);
        let tail: String = shown.iter().skip(hidden).filter(|c| !c.is_control()).collect();
        format!("{}{tail}", "*".repeat(hidden.min(8)))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_two_characters_at_most() {
        assert_eq!(
            format!("{:?}", Credential::Card("0012345678".into())),
            "card:********78"
        );
        assert_eq!(format!("{:?}", Credential::Enrol("7".into())), "enrol:7");
        assert_eq!(format!("{:?}", Credential::Nobody), "nobody:");
    }
}
