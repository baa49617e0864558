//! Goes through one segment and says what is in it; the same for opening, verifying and exporting.

use std::{io, ops::Range};

use crate::{
    opening::Gap,
    record::{Link, RawRecord, Seq, link_after},
    scan::{Scan, Step},
    segment::HEADER,
    storage::StoredFile,
    survey::{Member, ceiling},
};

/// What one segment turned out to hold.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub records: u64,
    /// The last record's number; `first - 1` where there is none.
    pub last: Seq,
    /// The link the record after the last must carry; `None` where it cannot be known.
    pub link: Option<Link>,
    /// Where the last record ends.
    pub end: u64,
    pub gaps: Vec<Gap>,
    pub broken_links: Vec<Seq>,
    /// Bytes after the last record, if any: from, to, unreadable.
    pub tail: Option<(u64, u64, bool)>,
}

/// Reads a segment whole. `next` is the first number of the segment behind it: what this one holds from there
/// on was never acknowledged, and was written again there.
pub(crate) fn walk(
    file: &dyn StoredFile,
    seed: u32,
    member: &Member,
    next: Option<Seq>,
    mut each: impl FnMut(u64, &RawRecord<'_>),
) -> io::Result<Content> {
    let mut content = Content {
        last: member.first.saturating_sub(1),
        link: Some(member.link).filter(|link| *link != Link::default() || member.first == 1),
        end: HEADER.min(member.len),
        ..Content::default()
    };
    let mut scan = Scan::new(file, seed, wanted(member, next), HEADER, member.len);
    loop {
        let step = scan.next()?;
        match step {
            Step::Record { at, record } => {
                if content.link.is_some_and(|link| link != record.link) {
                    content.broken_links.push(record.seq);
                }
                each(at, &record);
                content.records += 1;
                content.last = record.seq;
                content.link = Some(link_after(record.whole));
                content.end = at + record.whole.len() as u64;
            }
            Step::Damage {
                from,
                to,
                before: Some(before),
                unreadable,
            } => {
                // Rubbish without a missing number (bytes in between) is damage to nothing, but is told.
                content
                    .gaps
                    .push(gap(member, (from, to, unreadable), content.last, Some(before)));
                content.link = content.link.filter(|_| content.last.saturating_add(1) == before);
            }
            Step::Damage {
                from,
                to,
                before: None,
                unreadable,
            } => content.tail = Some((from, to, unreadable)),
            Step::End => break,
        }
    }
    if let Some(next) = next {
        close(&mut content, member, next);
    }
    Ok(content)
}

/// What a segment with another behind it lacks at its end.
fn close(content: &mut Content, member: &Member, next: Seq) {
    let tail = content.tail.take();
    if content.last.saturating_add(1) < next {
        let bounds = tail.unwrap_or((content.end, content.end, false));
        content.gaps.push(gap(member, bounds, content.last, Some(next)));
        content.link = None;
    }
}

pub(crate) fn gap(member: &Member, bounds: (u64, u64, bool), after_seq: Seq, before_seq: Option<Seq>) -> Gap {
    let (from_byte, to_byte, unreadable) = bounds;
    Gap {
        segment: member.name.clone(),
        from_byte,
        to_byte,
        after_seq,
        before_seq,
        unreadable,
    }
}

fn wanted(member: &Member, next: Option<Seq>) -> Range<Seq> {
    next.map_or_else(|| ceiling(member.first, member.len), |next| member.first..next)
}
