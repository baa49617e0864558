//! A segment's name and header, format version 1. All numbers little-endian.
//!
//! `journal/<first sequence number, 20 digits>.pgj` begins with the same 64 bytes twice, so that one bad
//! block or bit does not hide the identity that every record's checksum needs:
//!
//! | at | size | what |
//! | --- | --- | --- |
//! | 0 | 8 | `PGJRNL\r\n` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 6 | zeros |
//! | 16 | 16 | journal identity |
//! | 32 | 8 | first sequence number |
//! | 40 | 16 | link: hash of the last record before this segment, zeros before the first |
//! | 56 | 4 | zeros |
//! | 60 | 4 | CRC32C of the 60 bytes before |
//!
//! Every later format keeps the first ten bytes, so that an older program can say which version it met.

use crate::record::{Identity, Link, Seq};

/// The format this program writes, and the newest it reads.
pub const FORMAT: u16 = 1;
/// Bytes before the first record: the header twice.
pub const HEADER: u64 = 128;
const COPY: usize = 64;
const MAGIC: &[u8; 8] = b"PGJRNL\r\n";

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub identity: Identity,
    pub first: Seq,
    pub link: Link,
}

/// What the first bytes of a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// A header; `damaged` when only one of its two copies is true.
    Good { header: Header, damaged: bool },
    /// A format this program does not know.
    Newer(u16),
    /// Nothing that was ever a header, or both copies damaged.
    Unknown,
}

impl Header {
    /// The 128 bytes a segment begins with.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(2 * COPY);
        copy.extend_from_slice(MAGIC);
        copy.extend_from_slice(&FORMAT.to_le_bytes());
        copy.extend_from_slice(&[0; 6]);
        copy.extend_from_slice(&self.identity);
        copy.extend_from_slice(&self.first.to_le_bytes());
        copy.extend_from_slice(&self.link);
        copy.extend_from_slice(&[0; 4]);
        let crc = crc32c::crc32c(&copy);
        copy.extend_from_slice(&crc.to_le_bytes());
        copy.repeat(2)
    }

    /// Reads the start of a file. Total: any bytes, no panic.
    pub(crate) fn parse(bytes: &[u8]) -> Head {
        let one = decode_copy(bytes);
        let two = bytes.get(COPY..).and_then(decode_copy);
        match (one, two) {
            (Some(header), Some(other)) if header == other => Head::Good { header, damaged: false },
            (Some(header), _) | (None, Some(header)) => Head::Good { header, damaged: true },
            (None, None) => newer(bytes).map_or(Head::Unknown, Head::Newer),
        }
    }
}

fn decode_copy(bytes: &[u8]) -> Option<Header> {
    let (covered, rest) = bytes.split_at_checked(60)?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    let (magic, after) = covered.split_first_chunk::<8>()?;
    let (format, after) = after.split_first_chunk::<2>()?;
    let (_, after) = after.split_first_chunk::<6>()?;
    let (identity, after) = after.split_first_chunk::<16>()?;
    let (first, after) = after.split_first_chunk::<8>()?;
    let (link, _) = after.split_first_chunk::<16>()?;
    let true_sum = crc32c::crc32c(covered) == u32::from_le_bytes(*crc);
    (magic == MAGIC && u16::from_le_bytes(*format) == FORMAT && true_sum).then(|| Header {
        identity: *identity,
        first: Seq::from_le_bytes(*first),
        link: *link,
    })
}

fn newer(bytes: &[u8]) -> Option<u16> {
    let (magic, after) = bytes.split_first_chunk::<8>()?;
    let (format, _) = after.split_first_chunk::<2>()?;
    let format = u16::from_le_bytes(*format);
    (magic == MAGIC && format > FORMAT).then_some(format)
}

/// The file name of the segment that begins with a number.
pub(crate) fn name(first: Seq) -> String {
    format!("{first:020}.pgj")
}

/// The number in a segment's file name; `None` for any other name.
pub(crate) fn first_in_name(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(".pgj")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            identity: *b"0123456789abcdef",
            first: 7,
            link: *b"the link before!",
        }
    }

    /// Version 1 as it lies on disks. Do not change the test: journals written since must stay readable.
    #[test]
    fn golden_bytes_of_version_1() {
        let hex: String = header().encode().iter().take(64).map(|b| format!("{b:02x}")).collect();
        let wanted = concat!(
            "50474a524e4c0d0a",                 // PGJRNL\r\n
            "0100",                             // format 1
            "000000000000",                     // zeros
            "30313233343536373839616263646566", // identity
            "0700000000000000",                 // first sequence number
            "746865206c696e6b206265666f726521", // link
            "00000000",                         // zeros
            "794b10b4",                         // crc32c
        );
        assert_eq!(hex, wanted);
        assert_eq!(name(7), "00000000000000000007.pgj");
        assert_eq!(first_in_name(&name(u64::MAX)), Some(u64::MAX));
    }

    #[test]
    fn one_flipped_bit_never_hides_the_header() {
        let bytes = header().encode();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                Header::parse(&bad),
                Head::Good {
                    header: header(),
                    damaged: true
                },
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_newer_format_is_named() {
        let mut bytes = header().encode();
        bytes[8] = 9;
        bytes[72] = 9;
        assert_eq!(Header::parse(&bytes), Head::Newer(9));
        assert_eq!(Header::parse(b"PGJRNL"), Head::Unknown);
    }
}
