//! Reads one segment from front to back, over damage.
//!
//! Promises: only records with a true checksum and a number in the wanted range come out, in rising order;
//! what lies between them is reported with its bounds; unreadable blocks count as damage and nothing else
//! stops for them; memory is one window, or one record where that is longer.

use std::{io, ops::Range};

use crate::{
    record::{OVERHEAD, Parsed, RawRecord, Seq, parse},
    storage::StoredFile,
};

/// Bytes fetched at once.
const WINDOW: usize = 256 << 10;
/// The piece in which an unreadable stretch is narrowed down.
const BLOCK: usize = 4096;

/// One step through a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// A record, at this offset.
    Record { at: u64, record: RawRecord<'a> },
    /// Bytes that are no record, or (with `from == to`) a jump in the numbers. `before` is the number of the
    /// record that follows, `None` when the segment ends in it.
    Damage {
        from: u64,
        to: u64,
        before: Option<Seq>,
        unreadable: bool,
    },
    /// The end, or the first number that is not wanted.
    End,
}

/// A walk through one segment's records.
#[derive(Debug)]
pub(crate) struct Scan<'f> {
    file: &'f dyn StoredFile,
    seed: u32,
    /// The next number expected, and the first that is not wanted any more.
    wanted: Range<Seq>,
    /// Where reading stops.
    until: u64,
    buffer: Vec<u8>,
    /// Offset in the file of the buffer's first byte.
    base: u64,
    /// Place in the buffer.
    at: usize,
    /// Start of the damage being crossed.
    lost_from: Option<u64>,
    unreadable: bool,
    /// Length of the record handed out last, to be stepped over.
    given: usize,
}

impl<'f> Scan<'f> {
    /// Begins at `from`, where a record with the number `wanted.start` is expected.
    pub(crate) fn new(file: &'f dyn StoredFile, seed: u32, wanted: Range<Seq>, from: u64, until: u64) -> Self {
        Self::with_buffer(file, seed, wanted, from, until, Vec::new())
    }

    /// The same, with a buffer to use again.
    pub(crate) fn with_buffer(
        file: &'f dyn StoredFile,
        seed: u32,
        wanted: Range<Seq>,
        from: u64,
        until: u64,
        mut buffer: Vec<u8>,
    ) -> Self {
        buffer.clear();
        Self {
            file,
            seed,
            wanted,
            until,
            buffer,
            base: from,
            at: 0,
            lost_from: None,
            unreadable: false,
            given: 0,
        }
    }

    /// Gives the buffer back.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Where the next record begins.
    pub(crate) fn offset(&self) -> u64 {
        self.base + (self.at + self.given) as u64
    }

    /// The next record, damage, or the end.
    ///
    /// # Errors
    /// Only what no block-wise reading can get around (a closed or vanished file).
    pub(crate) fn next(&mut self) -> io::Result<Step<'_>> {
        self.at += std::mem::take(&mut self.given);
        let mut need = OVERHEAD;
        loop {
            if self.buffer.len().saturating_sub(self.at) < need {
                self.fill(need)?;
            }
            let here = self.base + self.at as u64;
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if rest.is_empty() || self.wanted.is_empty() {
                return Ok(self.finish(here));
            }
            let found = match parse(rest, self.seed, &self.wanted) {
                Parsed::Whole(record) => Some((record.seq, record.whole.len())),
                Parsed::Needs(more) if more > need && here + more as u64 <= self.until => {
                    need = more;
                    continue;
                }
                Parsed::Needs(_) | Parsed::Bad => None,
            };
            need = OVERHEAD;
            match found {
                Some((seq, len)) => return Ok(self.arrive(here, seq, len)),
                None => {
                    self.lost_from.get_or_insert(here);
                    self.at += 1;
                }
            }
        }
    }

    fn finish(&mut self, here: u64) -> Step<'_> {
        match self.lost_from.take() {
            Some(from) => Step::Damage {
                from,
                to: here,
                before: None,
                unreadable: std::mem::take(&mut self.unreadable),
            },
            None => Step::End,
        }
    }

    fn arrive(&mut self, here: u64, seq: Seq, len: usize) -> Step<'_> {
        let lost = self.lost_from.take();
        if lost.is_some() || seq != self.wanted.start {
            self.wanted.start = seq;
            let unreadable = std::mem::take(&mut self.unreadable);
            return Step::Damage {
                from: lost.unwrap_or(here),
                to: here,
                before: Some(seq),
                unreadable,
            };
        }
        self.wanted.start = seq.saturating_add(1);
        self.given = len;
        let bytes = self.buffer.get(self.at..self.at + len).unwrap_or_default();
        // Parsed a moment ago; parsing again is how the borrow of the buffer can leave this function.
        match parse(bytes, self.seed, &(seq..seq.saturating_add(1))) {
            Parsed::Whole(record) => Step::Record { at: here, record },
            _ => Step::End,
        }
    }

    /// Drops what was read and reads until `need` bytes lie ahead, or to the end.
    fn fill(&mut self, need: usize) -> io::Result<()> {
        self.buffer.drain(..self.at.min(self.buffer.len()));
        self.base += self.at as u64;
        self.at = 0;
        while self.buffer.len() < need {
            let from = self.base + self.buffer.len() as u64;
            let left = usize::try_from(self.until.saturating_sub(from)).unwrap_or(usize::MAX);
            let want = WINDOW.max(need - self.buffer.len()).min(left);
            if want == 0 || !self.fetch(from, want)? {
                break;
            }
        }
        Ok(())
    }

    /// Appends up to `want` bytes from `from`; false at the end of the file.
    fn fetch(&mut self, from: u64, want: usize) -> io::Result<bool> {
        let start = self.buffer.len();
        self.buffer.resize(start + want, 0);
        let target = self.buffer.get_mut(start..).unwrap_or_default();
        let got = match self.file.read_at(from, target) {
            Ok(got) => got,
            Err(error) if is_bad_block(&error) => {
                self.unreadable = true;
                // To the end of this block only: the zeros stand for what cannot be read.
                let block = BLOCK - usize::try_from(from % BLOCK as u64).unwrap_or(0);
                let piece = block.min(want);
                let target = self.buffer.get_mut(start..start + piece).unwrap_or_default();
                match self.file.read_at(from, target) {
                    Ok(got) => got,
                    Err(_) => {
                        target.fill(0);
                        piece
                    }
                }
            }
            Err(error) => return Err(error),
        };
        self.buffer.truncate(start + got);
        Ok(got > 0)
    }
}

/// `EIO` and its like: the medium, not the request.
fn is_bad_block(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) || error.kind() == io::ErrorKind::InvalidData
}
