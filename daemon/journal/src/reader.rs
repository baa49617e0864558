//! Reads records back while the writer goes on. Only durable records are seen.

use std::{ops::Range, sync::Arc, sync::atomic::Ordering};

use crate::{
    catalogue::{Catalogue, Segment},
    error::ReadError,
    opening::Gap,
    record::{Link, Record, Seq, link_after},
    scan::{Scan, Step},
    storage::{Access, StoredFile},
};

/// How far something has read a journal: the last record's number and its hash, so that a journal that was
/// cut or restored and went on differently is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The last record read, 0 before the first.
    pub seq: Seq,
    /// The hash of that record; zeros where it is not known (the start, or the far side of a gap).
    pub link: Link,
}

impl Position {
    /// Before the first record.
    pub const START: Self = Self { seq: 0, link: [0; 16] };
}

/// What one [`Reader::after`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Records in rising order, none twice.
    pub records: Vec<Record>,
    /// Damage met on the way. The numbers between are lost; each is told every time it is crossed.
    pub gaps: Vec<Gap>,
    /// Where to go on. Equal to where reading began only at the end of the journal.
    pub through: Position,
}

/// A reader of a journal; clones are independent.
#[derive(Debug)]
pub struct Reader {
    catalogue: Arc<Catalogue>,
    place: Option<Place>,
    buffer: Vec<u8>,
}

/// Where the last reading stopped.
#[derive(Debug)]
struct Place {
    generation: u64,
    file: Box<dyn StoredFile>,
    next: Seq,
    at: u64,
}

impl Clone for Reader {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.catalogue))
    }
}

impl Reader {
    pub(crate) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self {
            catalogue,
            place: None,
            buffer: Vec::new(),
        }
    }

    /// The last durable record's number, 0 when there is none.
    pub fn tail(&self) -> Seq {
        self.catalogue.tail()
    }

    /// The first number kept; `tail + 1` when there is none.
    pub fn first(&self) -> Seq {
        self.catalogue
            .segments()
            .first()
            .map_or_else(|| self.tail() + 1, |segment| segment.first)
    }

    /// Records after a number: at most `records`, and no more once `bytes` of payload are together (but at least one).
    ///
    /// # Errors
    /// [`ReadError`] when a segment cannot be opened; damage is no error but a [`Gap`].
    pub fn after(&mut self, seq: Seq, records: usize, bytes: usize) -> Result<Page, ReadError> {
        let mut page = Page {
            through: Position {
                seq,
                link: Link::default(),
            },
            ..Page::default()
        };
        let mut left = Left { records, bytes };
        let tail = self.tail();
        while page.through.seq < tail && left.any() {
            let Some((segment, next)) = self.catalogue.holding(page.through.seq.saturating_add(1)) else {
                break;
            };
            let end = next.unwrap_or(tail.saturating_add(1)).min(tail.saturating_add(1));
            let start = page.through.seq.saturating_add(1).max(segment.first);
            if start > page.through.seq.saturating_add(1) {
                // Retention removed what was asked for; what is left begins here.
                page.through = Position {
                    seq: segment.first - 1,
                    link: segment.link,
                };
            }
            let more = self.read(&segment, start..end, &mut left, &mut page);
            let more = more.map_err(|source| ReadError {
                after: seq,
                path: segment.path.clone(),
                source,
            })?;
            if more && page.through.seq.saturating_add(1) < end {
                // The segment ended early: its last records are lost.
                let lost_before = Some(end).filter(|_| next.is_some());
                close(&mut page, &segment, lost_before);
                page.through = Position {
                    seq: end - 1,
                    link: Link::default(),
                };
            }
        }
        Ok(page)
    }

    /// Whether a position lies on this journal: its record is there, or was removed by retention, and has that hash.
    ///
    /// # Errors
    /// [`ReadError`] when a segment cannot be opened.
    pub fn fits(&mut self, position: Position) -> Result<bool, ReadError> {
        let Position { seq, link } = position;
        if seq > self.tail() {
            return Ok(false);
        }
        if seq.saturating_add(1) < self.first() || link == Link::default() {
            return Ok(true);
        }
        if seq.saturating_add(1) == self.first() {
            let first = self.catalogue.segments().first().map(|segment| segment.link);
            return Ok(first.is_none_or(|known| known == link || known == Link::default()));
        }
        let page = self.after(seq.saturating_sub(1), 1, 1)?;
        Ok(page.through == position)
    }

    /// Reads one segment; true when it was read to its end.
    fn read(
        &mut self,
        segment: &Segment,
        wanted: Range<Seq>,
        left: &mut Left,
        page: &mut Page,
    ) -> std::io::Result<bool> {
        let skip_below = wanted.start;
        let (file, from) = match self.place.take() {
            Some(place) if place.generation == segment.generation && place.next == wanted.start => {
                (place.file, (place.next, place.at))
            }
            Some(place) if place.generation == segment.generation => (place.file, segment.near(wanted.start)),
            _ => (
                self.catalogue.storage.open(&segment.path, Access::Read)?,
                segment.near(wanted.start),
            ),
        };
        let buffer = std::mem::take(&mut self.buffer);
        let until = segment.durable.load(Ordering::Acquire);
        let mut scan = Scan::with_buffer(&*file, self.catalogue.seed, from.0..wanted.end, from.1, until, buffer);
        let mut last = from.0.saturating_sub(1);
        let mut ended = false;
        let mut hash = None;
        while left.any() {
            match scan.next()? {
                Step::Record { record, .. } => {
                    last = record.seq;
                    if record.seq < skip_below {
                        continue;
                    }
                    left.take(record.payload.len());
                    if !left.any() || record.seq + 1 >= wanted.end {
                        hash = Some(link_after(record.whole));
                    }
                    page.records.push(record.to_record());
                    page.through = Position {
                        seq: record.seq,
                        link: hash.unwrap_or_default(),
                    };
                }
                Step::Damage {
                    from,
                    to,
                    before,
                    unreadable,
                } => {
                    let told = before.is_none_or(|before| before > skip_below);
                    if told {
                        let segment = segment.name.clone();
                        page.gaps.push(Gap {
                            segment,
                            from_byte: from,
                            to_byte: to,
                            after_seq: last,
                            before_seq: before,
                            unreadable,
                        });
                    }
                }
                Step::End => {
                    ended = true;
                    break;
                }
            }
        }
        let at = scan.offset();
        self.buffer = scan.into_buffer();
        self.place = Some(Place {
            generation: segment.generation,
            file,
            next: last.saturating_add(1),
            at,
        });
        Ok(ended)
    }
}

/// Bounds the last gap of a segment that ended too early, or tells one.
fn close(page: &mut Page, segment: &Segment, before: Option<Seq>) {
    match page.gaps.last_mut() {
        Some(gap) if gap.segment == segment.name && gap.before_seq.is_none() => gap.before_seq = before,
        _ => {
            let end = segment.durable.load(Ordering::Acquire);
            page.gaps.push(Gap {
                segment: segment.name.clone(),
                from_byte: end,
                to_byte: end,
                after_seq: page.through.seq,
                before_seq: before,
                unreadable: false,
            });
        }
    }
}

/// What may still be put on a page.
struct Left {
    records: usize,
    bytes: usize,
}

impl Left {
    fn any(&self) -> bool {
        self.records > 0 && self.bytes > 0
    }

    fn take(&mut self, payload: usize) {
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(payload.max(1));
    }
}
