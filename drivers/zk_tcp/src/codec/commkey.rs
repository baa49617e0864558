//! How the comm key is shown: a reversible mix that only keeps honest people out
//! (`zkteco-standalone-4370.md` section 4).

/// The ticks byte that is customary; a device takes any.
pub const TICKS: u8 = 50;

/// The four bytes of AUTH for a comm key, a session id and a ticks byte.
///
/// The third byte is overwritten by the ticks, so sessions that differ only in that byte share a hash.
pub fn hash(key: u32, session: u16, ticks: u8) -> [u8; 4] {
    let mixed = key.reverse_bits().wrapping_add(u32::from(session));
    // The lowest byte, mixed with 'Z', would stand third: the ticks take its place.
    let [_, b1, b2, b3] = mixed.to_le_bytes();
    let (first, second, fourth) = (b2 ^ b'S', b3 ^ b'O', b1 ^ b'K');
    [first ^ ticks, second ^ ticks, ticks, fourth ^ ticks]
}

/// Whether these data of an AUTH show the key, with whatever ticks byte they use.
pub fn shows(data: &[u8], key: u32, session: u16) -> bool {
    data.get(2).is_some_and(|ticks| data == hash(key, session, *ticks))
}

#[cfg(test)]
mod tests {
    use super::{hash, shows};

    #[test]
    fn the_worked_examples_of_the_sheet_come_out() {
        let cases = [
            (2468, 0x5A21, [0xF1, 0x58, 0x32, 0x23]),
            (0, 0x5A21, [0x61, 0x7D, 0x32, 0x23]),
            (999_999, 0x0102, [0x23, 0x81, 0x32, 0x88]),
            (1, 1, [0x61, 0xFD, 0x32, 0x79]),
        ];
        for (key, session, bytes) in cases {
            assert_eq!(hash(key, session, 50), bytes, "key {key}");
        }
    }

    #[test]
    fn a_key_is_recognised_with_any_ticks_and_no_other_key_is() {
        for ticks in 0..=255 {
            assert!(shows(&hash(2468, 0x5A21, ticks), 2468, 0x5A21));
            assert!(!shows(&hash(2467, 0x5A21, ticks), 2468, 0x5A21));
        }
        assert!(!shows(b"", 0, 0));
    }
}
