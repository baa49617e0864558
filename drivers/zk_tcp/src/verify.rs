//! What a verify type means: two tables, of which the older one contradicts the newer below 5
//! (`zkteco-standalone-4370.md` section 7, `zkteco-adms-push.md` section 2.6).

use punchgate_model::Factor;
use serde::Deserialize;

/// Which table a terminal uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifyTable {
    /// By the platform: ZEM is old, all others are new.
    #[default]
    Auto,
    /// 0 password, 1 fingerprint, 2 card.
    Old,
    /// 1 fingerprint, 2 user id, 3 password, 4 card, and so on.
    New,
}

impl VerifyTable {
    /// The table for a platform as the terminal names it, for example `ZMM220_TFT`.
    #[must_use]
    pub fn for_platform(self, platform: Option<&str>) -> Self {
        match (self, platform) {
            (Self::Auto, Some(platform)) if platform.starts_with("ZEM") => Self::Old,
            (Self::Auto, _) => Self::New,
            (chosen, _) => chosen,
        }
    }

    /// The factor of a verify type. Of several factors at once the strongest counts: face, palm, fingerprint, card, number.
    /// Where the type leaves open which of two it was, it is [`Factor::Other`].
    pub fn factor(self, verify: u8) -> Factor {
        match (self, verify) {
            (Self::Old, 0) => Factor::Pin,
            (Self::Old, 2) => Factor::Card,
            (_, 1 | 8 | 9 | 10 | 12 | 13 | 14) => Factor::Fingerprint,
            (_, 2 | 3) => Factor::Pin,
            (_, 4 | 11) => Factor::Card,
            (_, 15..=20) => Factor::Face,
            (_, 25 | 26 | 28) => Factor::Palm,
            (_, 27 | 29) => Factor::Face,
            // The MA300 has flags in the high nibble: 28 (hex) was seen for a finger. Only where the whole byte means nothing.
            (_, 30..=199) if verify & 0x0F != 0 => self.factor(verify & 0x0F),
            // 0 automatic; 5, 6, 7 one of two; 21 to 24 finger vein, which has no word; 200 other.
            _ => Factor::Other,
        }
    }

    /// The verify type of a factor, as a terminal would store it.
    pub fn verify(self, factor: Factor) -> u8 {
        match (self, factor) {
            (Self::Old, Factor::Pin) => 0,
            (Self::Old, Factor::Card) => 2,
            (_, Factor::Fingerprint) => 1,
            (_, Factor::Pin) => 3,
            (_, Factor::Card) => 4,
            (_, Factor::Face) => 15,
            (_, Factor::Palm) => 25,
            _ => 200,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_decides_what_two_means() {
        let auto = VerifyTable::Auto;
        assert_eq!(auto.for_platform(Some("ZEM560_TFT")).factor(2), Factor::Card);
        assert_eq!(auto.for_platform(Some("ZMM220_TFT")).factor(2), Factor::Pin);
        assert_eq!(auto.for_platform(None).factor(4), Factor::Card);
        assert_eq!(VerifyTable::New.for_platform(Some("ZEM560")).factor(0), Factor::Other);
    }

    #[test]
    fn flags_in_the_high_nibble_do_not_hide_the_finger() {
        for table in [VerifyTable::Old, VerifyTable::New] {
            assert_eq!(
                [0x08, 0x28].map(|verify| table.factor(verify)),
                [Factor::Fingerprint; 2]
            );
            assert_eq!([0x20, 200, 255].map(|verify| table.factor(verify)), [Factor::Other; 3]);
        }
    }

    #[test]
    fn what_a_terminal_stores_for_a_factor_reads_back() {
        for table in [VerifyTable::Old, VerifyTable::New] {
            for factor in [
                Factor::Fingerprint,
                Factor::Card,
                Factor::Pin,
                Factor::Face,
                Factor::Palm,
                Factor::Other,
            ] {
                assert_eq!(table.factor(table.verify(factor)), factor, "{table:?}");
            }
        }
    }
}
