//! Data that do not fit one packet (`zkteco-standalone-4370.md` section 6).

use std::borrow::Cow;

use punchgate_kit::Malformed;

use super::fields::{u8_at, u32_at};

/// The most that is believed of a data set, in bytes: more than 300 000 records of the longest layout.
pub const LONGEST_SET: usize = 16 * 1024 * 1024;

/// The size in the answer that a data set was prepared: a zero byte, the size twice, and a number of no known meaning.
/// `None` for an answer without data, which says that there is nothing.
///
/// # Errors
/// When the size is missing, or more than [`LONGEST_SET`].
pub fn prepared(data: &[u8]) -> Result<Option<usize>, Malformed> {
    if data.is_empty() {
        return Ok(None);
    }
    size(data, 1).map(|size| (size > 0).then_some(size))
}

/// Whether these data are the answer that a data set was prepared.
pub fn is_prepared(data: &[u8]) -> bool {
    matches!(data.len(), 9 | 13) && u8_at(data, 0) == Some(0) && u32_at(data, 1) == u32_at(data, 5)
}

/// The size that PREPARE_DATA announces.
///
/// # Errors
/// When the size is missing, or more than [`LONGEST_SET`].
pub fn announced(data: &[u8]) -> Result<usize, Malformed> {
    size(data, 0)
}

fn size(data: &[u8], at: usize) -> Result<usize, Malformed> {
    let size = u32_at(data, at).and_then(|size| usize::try_from(size).ok());
    size.filter(|size| *size <= LONGEST_SET)
        .ok_or_else(|| Malformed::within(data, at, format!("a size of at most {LONGEST_SET} bytes")))
}

/// The frames of one answer, put together in the order of their chunk numbers.
#[derive(Debug, Default)]
pub struct Series {
    chunks: Vec<(u16, Vec<u8>)>,
    length: usize,
}

impl Series {
    /// Adds a DATA frame.
    pub fn add(&mut self, chunk: u16, data: &[u8]) {
        // The same chunk again is a repeated datagram; equal numbers with other data are firmware that does not count.
        if !self
            .chunks
            .iter()
            .any(|(number, held)| *number == chunk && held == data && chunk > 0)
        {
            self.length = self.length.saturating_add(data.len());
            self.chunks.push((chunk, data.to_vec()));
        }
    }

    /// How many bytes are there.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is there yet.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// All bytes. Sorted only where every number from 0 occurs once, so firmware that counts otherwise is left alone.
    pub fn into_bytes(mut self) -> Vec<u8> {
        let mut numbers: Vec<u16> = self.chunks.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        if numbers.iter().zip(0..).all(|(number, wanted)| *number == wanted) {
            self.chunks.sort_by_key(|(number, _)| *number);
        }
        self.chunks.into_iter().flat_map(|(_, data)| data).collect()
    }
}

/// The entries of a data set: a count of bytes, then the entries.
#[derive(Debug, PartialEq, Eq)]
pub struct Entries<'a> {
    /// The entries' bytes.
    pub bytes: Cow<'a, [u8]>,
    /// How many bytes were announced but are not there.
    pub missing: usize,
}

impl<'a> Entries<'a> {
    /// Reads a data set. Nothing at all is an empty one; a count that stands there twice is taken once.
    ///
    /// # Errors
    /// When there are fewer bytes than a count takes.
    pub fn parse(set: &'a [u8]) -> Result<Self, Malformed> {
        let Some((head, mut bytes)) = set.split_at_checked(4).filter(|_| !set.is_empty()) else {
            return match set {
                [] => Ok(Self {
                    bytes: Cow::default(),
                    missing: 0,
                }),
                _ => Err(Malformed::new(0, "a count of bytes", set)),
            };
        };
        let announced = u32_at(head, 0)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(usize::MAX);
        if bytes.len() == announced.saturating_add(4) && bytes.starts_with(head) {
            bytes = bytes.get(4..).unwrap_or_default();
        }
        let kept = bytes.get(..announced).unwrap_or(bytes);
        Ok(Self {
            bytes: Cow::Borrowed(kept),
            missing: announced.saturating_sub(kept.len()),
        })
    }
}
