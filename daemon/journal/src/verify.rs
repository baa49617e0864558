//! Reads a whole journal without changing it, also while a daemon writes: the full check, and the export.

use std::{io, path::Path, sync::Arc};

use serde::Serialize;

use crate::{
    error::ReadError,
    opening::{Gap, Stranger},
    record::{Identity, Link, Record, Seq},
    storage::{Access, Storage},
    survey::{Member, Survey, survey},
    walk::{Content, walk},
};

/// The report of [`verify`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Whether every record from the first to the last is there and true.
    pub sound: bool,
    /// The first and the last number; 0 for an empty journal.
    pub first: Seq,
    /// The last number read.
    pub last: Seq,
    /// Records read and found true.
    pub records: u64,
    /// Hash of the last record, as hex: equal on a copy, unequal after anything was rewritten.
    pub head: String,
    /// One line per segment.
    pub segments: Vec<SegmentVerified>,
    /// What is lost.
    pub gaps: Vec<Gap>,
    /// Records whose link does not fit the record before.
    pub broken_links: Vec<Seq>,
    /// Segments with a damaged header copy.
    pub damaged_headers: Vec<String>,
    /// Files with a segment's name that are not of this journal.
    pub strangers: Vec<(String, Stranger)>,
    /// Segments of a newer format: nothing of them was read.
    pub newer: Vec<(String, u16)>,
    /// Bytes after the last record: an append in progress, or one that was cut short.
    pub unfinished_bytes: u64,
}

/// One segment of a [`Verified`] journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentVerified {
    /// Its file name.
    pub name: String,
    /// Its first number, by its name.
    pub first: Seq,
    /// The last number read; `first - 1` when there is none.
    pub last: Seq,
    /// Records read.
    pub records: u64,
    /// Its size in bytes when it was listed.
    pub bytes: u64,
}

/// Checks checksums, numbers and links of every record in `dir`. Needs no lock and changes nothing.
///
/// # Errors
/// [`ReadError`] when the directory or a segment cannot be opened.
pub fn verify(storage: &dyn Storage, dir: &Path) -> Result<Verified, ReadError> {
    let found = look(storage, dir)?;
    let mut report = Verified {
        strangers: found.strangers.clone(),
        ..Verified::default()
    };
    report.newer.extend(found.newer.clone());
    report.first = found.members.first().map_or(0, |member| member.first);
    let mut before: Option<(Seq, Option<Link>)> = None;
    for (index, member) in found.members.iter().enumerate() {
        let next = found.members.get(index + 1).map(|next| next.first);
        let Some(content) = read(storage, dir, &found.identity, member, next)? else {
            continue;
        };
        if let Some((last, Some(link))) = before
            && last.saturating_add(1) == member.first
            && member.link != Link::default()
            && link != member.link
        {
            report.broken_links.push(member.first);
        }
        before = Some((content.last, content.link));
        report.add(member, content);
    }
    report.head = before
        .and_then(|(_, link)| link)
        .unwrap_or_default()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    report.sound = report.gaps.is_empty()
        && report.broken_links.is_empty()
        && report.damaged_headers.is_empty()
        && report.strangers.is_empty()
        && report.newer.is_empty();
    Ok(report)
}

impl Verified {
    fn add(&mut self, member: &Member, content: Content) {
        self.records += content.records;
        self.last = self.last.max(content.last);
        self.unfinished_bytes = content.tail.map_or(0, |(from, to, _)| to - from);
        self.gaps.extend(content.gaps);
        self.broken_links.extend(content.broken_links);
        if member.damaged_header {
            self.damaged_headers.push(member.name.clone());
        }
        let (name, first) = (member.name.clone(), member.first);
        let segment = SegmentVerified {
            name,
            first,
            last: content.last,
            records: content.records,
            bytes: member.len,
        };
        self.segments.push(segment);
    }
}

fn look(storage: &dyn Storage, dir: &Path) -> Result<Survey, ReadError> {
    survey(storage, dir, &Identity::default()).map_err(|source| ReadError {
        after: 0,
        path: dir.to_owned(),
        source,
    })
}

/// A segment's content; `None` when retention removed it meanwhile.
fn read(
    storage: &dyn Storage,
    dir: &Path,
    identity: &Identity,
    member: &Member,
    next: Option<Seq>,
) -> Result<Option<Content>, ReadError> {
    let path = dir.join(&member.name);
    let content = storage
        .open(&path, Access::Read)
        .and_then(|file| walk(&*file, crate::record::seed(identity), member, next, |_, _| ()));
    match content {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadError {
            after: member.first.saturating_sub(1),
            path,
            source,
        }),
    }
}

/// Every readable record of a journal in order, segment by segment, without a lock.
#[derive(Debug)]
pub struct Export {
    storage: Arc<dyn Storage>,
    dir: std::path::PathBuf,
    survey: Survey,
    segment: usize,
    ready: std::vec::IntoIter<Record>,
    from: Option<(Seq, u64)>,
    /// The last number read, the one before the first segment at the start.
    last: Option<Seq>,
    gaps: Vec<Gap>,
    /// Records up to here are not wanted.
    skip: Seq,
}

/// Records read ahead by an export.
const AHEAD: usize = 1024;

impl Export {
    /// Begins at the oldest record.
    ///
    /// # Errors
    /// [`ReadError`] when the directory cannot be read.
    pub fn open(storage: Arc<dyn Storage>, dir: &Path) -> Result<Self, ReadError> {
        let survey = look(&*storage, dir)?;
        Ok(Self {
            storage,
            dir: dir.to_owned(),
            survey,
            segment: 0,
            ready: Vec::new().into_iter(),
            from: None,
            last: None,
            gaps: Vec::new(),
            skip: 0,
        })
    }

    /// Begins after a number instead of at the oldest record: an export that was interrupted goes on where it stopped.
    #[must_use]
    pub fn after(mut self, seq: Seq) -> Self {
        let behind = |member: &Member| member.first <= seq.saturating_add(1);
        self.segment = self.survey.members.iter().rposition(behind).unwrap_or(0);
        self.last = self
            .survey
            .members
            .get(self.segment)
            .map(|member| member.first.saturating_sub(1));
        self.skip = seq;
        self
    }

    /// What could not be read on the way so far.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn lost(&mut self, segment: &str, bounds: (u64, u64, bool), before: Seq) {
        let after_seq = self.last.unwrap_or(0);
        let (from_byte, to_byte, unreadable) = bounds;
        if before > self.skip.saturating_add(1) {
            self.gaps.push(Gap {
                segment: segment.to_owned(),
                from_byte,
                to_byte,
                after_seq: after_seq.max(self.skip),
                before_seq: Some(before),
                unreadable,
            });
        }
    }

    /// Reads on; false at the end.
    fn fetch(&mut self) -> Result<bool, ReadError> {
        let Some(member) = self.survey.members.get(self.segment) else {
            return Ok(false);
        };
        let member = member.clone();
        let next = self.survey.members.get(self.segment + 1).map(|next| next.first);
        let path = self.dir.join(&member.name);
        let after = self.from.map_or(member.first, |(seq, _)| seq).saturating_sub(1);
        let failed = |source| ReadError {
            after,
            path: path.clone(),
            source,
        };
        let file = match self.storage.open(&path, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (self.segment, self.from) = (self.segment + 1, None);
                return Ok(true);
            }
            Err(source) => return Err(failed(source)),
        };
        let (seq, at) = self.from.unwrap_or((member.first, crate::segment::HEADER));
        let end = next.unwrap_or_else(|| crate::survey::ceiling(member.first, member.len).end);
        let seed = crate::record::seed(&self.survey.identity);
        let mut scan = crate::scan::Scan::new(&*file, seed, seq..end, at, member.len);
        let (mut records, mut damage, mut last) = (Vec::new(), Vec::new(), self.last);
        let (mut tail, mut ended) = ((member.len, member.len, false), false);
        while records.len() < AHEAD {
            match scan.next().map_err(failed)? {
                crate::scan::Step::Record { record, .. } => {
                    last = Some(record.seq);
                    if record.seq > self.skip {
                        records.push(record.to_record());
                    }
                }
                crate::scan::Step::Damage {
                    from,
                    to,
                    before: Some(before),
                    unreadable,
                } => {
                    damage.push((last, (from, to, unreadable), before));
                }
                crate::scan::Step::Damage {
                    from, to, unreadable, ..
                } => tail = (from, to, unreadable),
                crate::scan::Step::End => {
                    ended = true;
                    break;
                }
            }
        }
        let (went_on, offset) = (records.last().map(|last| last.seq.saturating_add(1)), scan.offset());
        for (before_it, bounds, before) in damage {
            self.last = before_it.or_else(|| Some(member.first.saturating_sub(1)));
            self.lost(&member.name, bounds, before);
        }
        self.last = last.or_else(|| Some(member.first.saturating_sub(1)));
        match (went_on, ended) {
            (Some(seq), false) => self.from = Some((seq, offset)),
            _ => {
                (self.segment, self.from) = (self.segment + 1, None);
                if let Some(next) = next.filter(|next| self.last.is_none_or(|last| last.saturating_add(1) < *next)) {
                    self.lost(&member.name, tail, next);
                    self.last = Some(next.saturating_sub(1));
                }
            }
        }
        self.ready = records.into_iter();
        Ok(true)
    }
}

impl Iterator for Export {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.next() {
                return Some(Ok(record));
            }
            match self.fetch() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // Once told, the rest is still worth having.
                    (self.segment, self.from) = (self.segment + 1, None);
                    return Some(Err(error));
                }
            }
        }
    }
}
