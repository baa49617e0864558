//! One record as bytes, format version 1. All numbers little-endian.
//!
//! | at | size | what |
//! | --- | --- | --- |
//! | 0 | 4 | `len`: bytes after the first eight, 25 to 25 + [`MAX_PAYLOAD`] |
//! | 4 | 4 | CRC32C of: journal identity, `len`, everything from 8 on |
//! | 8 | 8 | sequence number, from 1 |
//! | 16 | 16 | link: first 16 bytes of SHA-256 of the whole record before it |
//! | 32 | 1 | payload version |
//! | 33 | … | payload |
//!
//! The identity is part of the checksum, so that bytes of another journal, or of a deleted file whose
//! blocks came back after a power cut, are never taken for a record of this one.

use sha2::{Digest, Sha256};

/// Bytes before the payload.
pub const OVERHEAD: usize = 33;
/// The longest payload, in bytes.
pub const MAX_PAYLOAD: usize = 8 << 20;
/// Bytes of `len` and checksum, which `len` does not count.
const PREFIX: usize = 8;

/// A record's place: from 1, without holes except where records were lost.
pub type Seq = u64;

/// The hash that ties a record to the one before it.
pub type Link = [u8; 16];

/// The random number that names a journal; every segment and every checksum carries it.
pub type Identity = [u8; 16];

/// What a caller stores: bytes and the version of their meaning. The journal looks at neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Version of the payload's format; [`crate::Entry::VERSION`] for entries.
    pub version: u8,
    /// The payload, at most [`MAX_PAYLOAD`] bytes.
    pub bytes: Vec<u8>,
}

/// A record as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its sequence number.
    pub seq: Seq,
    /// What was stored.
    pub payload: Payload,
}

/// The checksum's start value for a journal.
pub(crate) fn seed(identity: &Identity) -> u32 {
    crc32c::crc32c(identity)
}

/// The link the record after these bytes carries.
pub(crate) fn link_after(record: &[u8]) -> Link {
    let digest = Sha256::digest(record);
    let mut link = Link::default();
    for (to, from) in link.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    link
}

/// Appends a record to `out` and returns the link for the next one.
pub(crate) fn encode(out: &mut Vec<u8>, seed: u32, seq: Seq, link: &Link, payload: &Payload) -> Link {
    let mut head = [0u8; OVERHEAD];
    let body = OVERHEAD - PREFIX + payload.bytes.len();
    // Callers check the length; a payload beyond 4 GiB cannot get here.
    let len = u32::try_from(body).unwrap_or(u32::MAX).to_le_bytes();
    let fields: [(usize, &[u8]); 4] = [(0, &len), (8, &seq.to_le_bytes()), (16, link), (32, &[payload.version])];
    for (at, bytes) in fields {
        head.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
    }
    let rest = head.split_at(PREFIX).1;
    let crc = checksum(seed, &len, rest, &payload.bytes).to_le_bytes();
    head.iter_mut().skip(4).zip(crc).for_each(|(to, from)| *to = from);
    let start = out.len();
    out.extend_from_slice(&head);
    out.extend_from_slice(&payload.bytes);
    link_after(out.split_at(start).1)
}

fn checksum(seed: u32, len: &[u8], head: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c_append(seed, len), head), payload)
}

/// A record still in the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawRecord<'a> {
    pub seq: Seq,
    pub link: Link,
    pub version: u8,
    pub payload: &'a [u8],
    /// All bytes, for the next link.
    pub whole: &'a [u8],
}

impl RawRecord<'_> {
    pub(crate) fn to_record(self) -> Record {
        Record {
            seq: self.seq,
            payload: Payload {
                version: self.version,
                bytes: self.payload.to_vec(),
            },
        }
    }
}

/// What some bytes turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// A record with a true checksum.
    Whole(RawRecord<'a>),
    /// It may be one, once this many bytes are there.
    Needs(usize),
    /// No record.
    Bad,
}

/// Reads the record at the start of `bytes`, if its number lies in `wanted`. Total: any bytes, no panic.
pub(crate) fn parse<'a>(bytes: &'a [u8], seed: u32, wanted: &std::ops::Range<Seq>) -> Parsed<'a> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
        return Parsed::Needs(OVERHEAD);
    };
    let Some((seq, after)) = rest.split_first_chunk::<8>() else {
        return Parsed::Needs(OVERHEAD);
    };
    let seq = Seq::from_le_bytes(*seq);
    // First, because it is cheap and turns nearly every wrong offset away.
    if !wanted.contains(&seq) {
        return Parsed::Bad;
    }
    let Some((link, after)) = after.split_first_chunk::<16>() else {
        return Parsed::Needs(OVERHEAD);
    };
    let Some((version, _)) = after.split_first() else {
        return Parsed::Needs(OVERHEAD);
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *prefix;
    let len = [l0, l1, l2, l3];
    let body = usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX);
    if !(OVERHEAD - PREFIX..=OVERHEAD - PREFIX + MAX_PAYLOAD).contains(&body) {
        return Parsed::Bad;
    }
    let total = PREFIX + body;
    let Some((whole, _)) = bytes.split_at_checked(total) else {
        return Parsed::Needs(total);
    };
    let Some((head, payload)) = whole.split_at_checked(OVERHEAD) else {
        return Parsed::Bad;
    };
    if checksum(seed, &len, head.split_at(PREFIX).1, payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Parsed::Bad;
    }
    Parsed::Whole(RawRecord {
        seq,
        link: *link,
        version: *version,
        payload,
        whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1 as it lies on disks. Do not change the test: journals written since must stay readable.
    #[test]
    fn golden_bytes_of_version_1() {
        let mut out = Vec::new();
        let payload = Payload {
            version: 1,
            bytes: b"{\"kind\":\"x\"}".to_vec(),
        };
        let next = encode(&mut out, seed(b"0123456789abcdef"), 7, b"the link before!", &payload);
        let hex: String = out.iter().map(|b| format!("{b:02x}")).collect();
        let wanted = concat!(
            "25000000",                         // len 37 = 25 + 12
            "d8deb471",                         // crc32c over identity, len and what follows
            "0700000000000000",                 // sequence 7
            "746865206c696e6b206265666f726521", // link
            "01",                               // payload version
            "7b226b696e64223a2278227d",         // payload
        );
        assert_eq!(hex, wanted);
        let link: String = next.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(link, "1f11207935243bd0e7ad61fcb9202009");
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let mut out = Vec::new();
        let seed = seed(&[7; 16]);
        encode(
            &mut out,
            seed,
            1,
            &[0; 16],
            &Payload {
                version: 1,
                bytes: b"E001".to_vec(),
            },
        );
        for bit in 0..out.len() * 8 {
            let mut bad = out.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !matches!(parse(&bad, seed, &(0..u64::MAX)), Parsed::Whole(_)),
                "bit {bit}"
            );
        }
    }
}
