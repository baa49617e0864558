use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A word that is not in the list of words expected at that place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// What kind of word was expected, for example `factor`.
    pub expected: &'static str,
    /// The words that would have been understood, separated by spaces.
    pub known: &'static str,
    /// What was there.
    pub got: String,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown {} {:?}, wanted one of: {}",
            self.expected, self.got, self.known
        )
    }
}

impl std::error::Error for UnknownWord {}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $known:literal: $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in configuration, events and metrics.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.word()) }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(s: &str) -> Result<Self, UnknownWord> {
                match s {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { expected: $expected, known: $known, got: s.chars().take(40).collect() }),
                }
            }
        }
    };
}

words! {
    /// How a person was recognised (`semantics.md` section 1).
    Factor, "factor", "face fingerprint palm card pin qr gps wifi ble manual other":
    /// Face recognition.
    Face = "face",
    /// Fingerprint.
    Fingerprint = "fingerprint",
    /// Palm or hand geometry.
    Palm = "palm",
    /// Card, tag, or a phone that answers as one.
    Card = "card",
    /// Number or password typed on a keypad.
    Pin = "pin",
    /// QR or bar code.
    Qr = "qr",
    /// Position reported by an app.
    Gps = "gps",
    /// Wi-Fi network reported by an app.
    Wifi = "wifi",
    /// Bluetooth badge or beacon.
    Ble = "ble",
    /// Entered by a person.
    Manual = "manual",
    /// Something the device reported that has no word here.
    Other = "other",
}

words! {
    /// Which way a punch went; a device's "undefined" stays unknown and never becomes "in".
    Direction, "direction", "in out unknown":
    /// Coming in.
    In = "in",
    /// Going out.
    Out = "out",
    /// The device did not say.
    Unknown = "unknown",
}

words! {
    /// What the device or source decided. Only granted punches take part in merging and verification.
    Outcome, "result", "granted denied pending":
    /// Access or attendance was granted.
    Granted = "granted",
    /// It was refused.
    Denied = "denied",
    /// It awaits approval.
    Pending = "pending",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for factor in Factor::ALL {
            assert_eq!(factor.word().parse::<Factor>().as_ref(), Ok(factor));
        }
        let error = "finger".parse::<Factor>().expect_err("not a factor");
        assert!(error.to_string().contains("fingerprint"), "{error}");
    }
}
