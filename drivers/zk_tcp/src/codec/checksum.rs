//! The checksum of a packet (`zkteco-standalone-4370.md` section 2).

/// The checksum over header and data, with the checksum field itself counted as zero.
///
/// Little-endian words are added with end-around carry and the sum is inverted; an odd last byte is the low byte of a word.
pub fn checksum(code: u16, session: u16, reply: u16, data: &[u8]) -> u16 {
    let head = [code, session, reply].into_iter();
    let body = data.chunks(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        [low] => u16::from(*low),
        _ => 0,
    });
    !head.chain(body).fold(0, with_carry)
}

fn with_carry(sum: u16, word: u16) -> u16 {
    let (sum, carried) = sum.overflowing_add(word);
    // A sum that wrapped is at most 0xFFFE, so the carry always fits.
    sum.wrapping_add(u16::from(carried))
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_worked_example_of_the_sheet_comes_out() {
        assert_eq!(checksum(201, 0x5A21, 4, &[]), 0xA511);
    }

    #[test]
    fn an_odd_last_byte_counts_as_a_low_byte() {
        assert_eq!(checksum(12, 0x5A21, 2, b"SDKBuild=1\0"), 0x2013);
    }
}
