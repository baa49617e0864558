//! The marker of a store that was closed in order: what it had applied, which format it has, and a checksum of every file.
//!
//! | size | what (little-endian) |
//! | --- | --- |
//! | 8 | `PGBUFF\r\n` |
//! | 2 | format of the store, [`FORMAT`] |
//! | 2 | format of what the caller keeps in it, [`super::BufferOptions::contents`] |
//! | 24 | position: number (big-endian) and hash of the last record applied |
//! | … | for each file: length of its name u16, name, size u64, CRC32C u32 |
//! | 4 | CRC32C of all before |
//!
//! A store of any other format, older or newer, is put aside and built again: there is nothing in it to migrate.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::shelf::{decode, encode};
use crate::reader::Position;

/// The format of the store below: how leaves are packed and sealed.
const FORMAT: u16 = 2;
const MAGIC: &[u8; 8] = b"PGBUFF\r\n";

/// Size and checksum of each file, by its path within the store.
pub(crate) type Files = BTreeMap<String, (u64, u32)>;

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seal {
    pub position: Position,
    pub files: Files,
}

impl Seal {
    pub(crate) fn bytes(&self, contents: u16) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&contents.to_le_bytes());
        bytes.extend_from_slice(&encode(self.position));
        for (name, (size, sum)) in &self.files {
            bytes.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&size.to_le_bytes());
            bytes.extend_from_slice(&sum.to_le_bytes());
        }
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads a marker. Total: any bytes, no panic. The error is a sentence for people.
    pub(crate) fn read(bytes: &[u8], contents: u16) -> Result<Self, String> {
        let damaged = || "its marker is damaged".to_owned();
        let older = || format!("it is of an older format, this program keeps {FORMAT}.{contents}");
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            // The first format was 24 bytes of position and their checksum.
            return Err(if bytes.len() == 28 { older() } else { damaged() });
        };
        let (covered, sum) = bytes
            .len()
            .checked_sub(4)
            .and_then(|at| bytes.split_at_checked(at))
            .ok_or_else(damaged)?;
        if crc32c::crc32c(covered).to_le_bytes() != *sum {
            return Err(damaged());
        }
        let (format, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
        let (kept, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
        let (format, kept) = (u16::from_le_bytes(*format), u16::from_le_bytes(*kept));
        if (format, kept) != (FORMAT, contents) {
            return Err(format!(
                "it has format {format}.{kept}, this program keeps {FORMAT}.{contents}"
            ));
        }
        let position = decode(rest).ok_or_else(damaged)?;
        let mut rest = rest.get(24..rest.len().saturating_sub(4)).ok_or_else(damaged)?;
        let mut files = Files::new();
        while !rest.is_empty() {
            let (name, about, after) = split_file(rest).ok_or_else(damaged)?;
            files.insert(name, about);
            rest = after;
        }
        Ok(Self { position, files })
    }
}

/// The first file of a list: its name, its size and checksum, and the rest of the list.
fn split_file(rest: &[u8]) -> Option<(String, (u64, u32), &[u8])> {
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let about = (u64::from_le_bytes(*size), u32::from_le_bytes(*sum));
    Some((std::str::from_utf8(name).ok()?.to_owned(), about, rest))
}

/// Every file below a folder, read whole.
pub(crate) fn files(store: &Path) -> io::Result<Files> {
    let (mut found, mut buffer) = (Files::new(), vec![0; 1 << 20]);
    gather(store, "", &mut found, &mut buffer)?;
    Ok(found)
}

fn gather(folder: &Path, prefix: &str, found: &mut Files, buffer: &mut [u8]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &format!("{name}/"), found, buffer)?;
        } else {
            found.insert(name, checked(&entry.path(), buffer)?);
        }
    }
    Ok(())
}

fn checked(path: &Path, buffer: &mut [u8]) -> io::Result<(u64, u32)> {
    let mut file = File::open(path)?;
    let (mut size, mut sum) = (0, 0);
    loop {
        let got = match file.read(buffer) {
            Ok(0) => return Ok((size, sum)),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        size += got as u64;
        sum = crc32c::crc32c_append(sum, buffer.split_at(got).0);
    }
}

/// The first file that is in one list and not, or not equally, in the other.
pub(crate) fn difference(wanted: &Files, found: &Files) -> Option<String> {
    let changed = wanted.iter().find(|(name, about)| found.get(*name) != Some(about));
    let added = || found.iter().find(|(name, _)| !wanted.contains_key(*name));
    changed.or_else(added).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Seal {
        Seal {
            position: Position {
                seq: 7,
                link: *b"the link before!",
            },
            files: Files::from([("conf".to_owned(), (63, 5)), ("blobs/17".to_owned(), (9, 6))]),
        }
    }

    #[test]
    fn what_is_written_reads_the_same_and_another_format_says_which() {
        let bytes = sample().bytes(3);
        assert_eq!(Seal::read(&bytes, 3), Ok(sample()));
        let other = Seal::read(&bytes, 4).expect_err("another format");
        assert_eq!(other, "it has format 2.3, this program keeps 2.4");
        let older = Seal::read(&[0; 28], 3).expect_err("an older format");
        assert_eq!(older, "it is of an older format, this program keeps 2.3");
    }

    #[test]
    fn a_flipped_bit_and_a_cut_anywhere_are_noticed() {
        let bytes = sample().bytes(3);
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Seal::read(&bad, 3).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Seal::read(bytes.split_at(len).0, 3).is_err(), "cut to {len}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), sealed in any::<bool>()) {
            let mut bytes = bytes;
            if sealed {
                bytes.splice(0..0, *MAGIC);
                let sum = crc32c::crc32c(&bytes);
                bytes.extend_from_slice(&sum.to_le_bytes());
            }
            let _ = Seal::read(&bytes, 3);
        }
    }
}
