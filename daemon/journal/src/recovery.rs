//! Brings a directory back to a journal that can be read and appended to, after any kind of stop.
//!
//! Order matters: everything is read first, so that a refusal changes nothing; then the steps that change
//! something, each of which may be the last before the next power cut.

use std::{io, path::Path, sync::Arc};

use crate::{
    catalogue::Segment,
    error::OpenError,
    opening::{Cut, Opening, SetAside, Stranger},
    options::Options,
    record::{Identity, Link, OVERHEAD, Seq},
    storage::{Access, Storage, StoredFile},
    survey::{Member, Survey, ceiling, survey},
    walk::{Content, gap, walk},
};

/// A directory as the journal takes it over.
pub(crate) struct Recovered {
    pub identity: Identity,
    pub segments: Vec<Arc<Segment>>,
    /// The last segment, open for writing, and where its records end; `None` where a new one must be begun.
    pub open: Option<(Box<dyn StoredFile>, u64)>,
    /// The next number, and the link its record carries.
    pub next: Seq,
    pub link: Link,
    pub opening: Opening,
}

/// Reads and mends.
pub(crate) fn recover(storage: &dyn Storage, dir: &Path, options: &Options) -> Result<Recovered, OpenError> {
    let survey = survey(storage, dir, &options.identity).map_err(|source| at("list", dir, source))?;
    if let Some((segment, found)) = survey.newer {
        return Err(OpenError::Newer {
            segment,
            found,
            known: Survey::KNOWN,
        });
    }
    let mut opening = Opening {
        segments: survey.members.len(),
        ..Opening::default()
    };
    let mut reading = Reading {
        storage,
        dir,
        seed: crate::record::seed(&survey.identity),
        opening: &mut opening,
    };
    let (segments, last) = reading.read_all(&survey.members, options.scan_bytes)?;
    tidy(storage, dir, &survey, &mut opening);

    let mut recovered = Recovered {
        identity: survey.identity,
        segments,
        open: None,
        next: 1,
        link: Link::default(),
        opening,
    };
    if let (Some(member), Some(content)) = (survey.members.last(), last) {
        recovered.take_over(storage, dir, member, content);
    }
    let opening = &mut recovered.opening;
    opening.tail = recovered.next.saturating_sub(1);
    opening.first = recovered
        .segments
        .first()
        .map_or(recovered.next, |segment| segment.first);
    Ok(recovered)
}

struct Reading<'a> {
    storage: &'a dyn Storage,
    dir: &'a Path,
    seed: u32,
    opening: &'a mut Opening,
}

impl Reading<'_> {
    fn read_all(&mut self, members: &[Member], budget: u64) -> Result<(Vec<Arc<Segment>>, Option<Content>), OpenError> {
        let total: u64 = members.iter().map(|member| member.len).sum();
        self.opening.bytes = total;
        let (mut segments, mut last, mut passed) = (Vec::new(), None, 0u64);
        // What the record before a segment's first was, as far as it was read.
        let mut before: Option<(Seq, Option<Link>)> = None;
        for (index, member) in members.iter().enumerate() {
            let generation = index as u64;
            let segment = Segment::new(generation, self.dir, member.first, member.link, member.len);
            if member.damaged_header {
                self.opening.damaged_headers.push(member.name.clone());
            }
            self.compare(before, member);
            let next = members.get(index + 1).map(|next| next.first);
            let scanned = next.is_none() || total - passed <= budget;
            passed += member.len;
            if scanned {
                let content = self.read(member, next, &segment)?;
                before = Some((content.last, content.link));
                last = Some(content);
            } else {
                self.opening.unscanned.push(member.name.clone());
                before = None;
            }
            segments.push(Arc::new(segment));
        }
        Ok((segments, last))
    }

    fn compare(&mut self, before: Option<(Seq, Option<Link>)>, member: &Member) {
        let Some((last, Some(link))) = before else { return };
        let known = member.link != Link::default();
        if last.saturating_add(1) == member.first && known && link != member.link {
            self.opening.broken_links.push(member.first);
        }
    }

    fn read(&mut self, member: &Member, next: Option<Seq>, segment: &Segment) -> Result<Content, OpenError> {
        let path = self.dir.join(&member.name);
        let read = || -> io::Result<Content> {
            let file = self.storage.open(&path, Access::Read)?;
            walk(&*file, self.seed, member, next, |at, record| {
                segment.note(record.seq, at)
            })
        };
        let content = read().map_err(|source| at("read", &path, source))?;
        self.opening.records += content.records;
        self.opening.gaps.extend(content.gaps.iter().cloned());
        self.opening.broken_links.extend(content.broken_links.iter().copied());
        Ok(content)
    }
}

impl Recovered {
    /// Makes the last segment ready for appending, or decides that a new one must be begun.
    fn take_over(&mut self, storage: &dyn Storage, dir: &Path, member: &Member, content: Content) {
        #[cfg(feature = "sabotage")]
        let content = if content.tail.is_some() && punchgate_sabotage::is_planted(punchgate_sabotage::Bug::CutTooMuch) {
            Content {
                end: crate::segment::HEADER,
                last: member.first.saturating_sub(1),
                link: Some(member.link),
                ..content
            }
        } else {
            content
        };
        self.next = content.last.saturating_add(1);
        self.link = content.link.unwrap_or_default();
        if !fits(member, content.end, self.next) {
            // Neither cut nor added to: it would be too short for the numbers in it.
            let tail = content.tail.map(|bounds| gap(member, bounds, content.last, None));
            self.opening.gaps.extend(tail);
            self.opening.suspect = true;
            return;
        }
        let torn = match content.tail {
            Some((from, to, true)) => {
                // Unreadable now is not gone for good: leave it, and number what follows beyond anything in it.
                self.opening
                    .gaps
                    .push(gap(member, (from, to, true), content.last, None));
                self.opening.suspect = true;
                self.next = self.next.saturating_add((to - from) / OVERHEAD as u64 + 1);
                self.link = Link::default();
                return;
            }
            Some((from, to, false)) => Some(Cut {
                segment: member.name.clone(),
                from_byte: from,
                to_byte: to,
                after_seq: content.last,
            }),
            None => None,
        };
        match settle(storage, dir, &member.name, content.end, torn.is_some()) {
            Ok(file) if content.end >= crate::segment::HEADER => self.open = Some((file, content.end)),
            Ok(_) => self.opening.suspect = true,
            Err(error) => {
                tracing::warn!(segment = member.name, %error, "the end of the journal could not be made durable");
                self.opening.suspect = true;
            }
        }
        if let Some(segment) = self.segments.last() {
            segment.durable.store(content.end, std::sync::atomic::Ordering::Release);
        }
        self.opening.cut = torn;
    }
}

/// Whether a record may follow in the segment: its number must be one that so many bytes can reach, or reading would
/// take it for rubbish. Only bytes that were taken out before it make that otherwise.
fn fits(member: &Member, end: u64, next: Seq) -> bool {
    ceiling(member.first, end.saturating_add(OVERHEAD as u64)).contains(&next)
}

/// Cuts, and makes durable what a killed process had written but not synced: it is about to be believed. That goes for the
/// segment's name as well: the process may have been killed between giving it and syncing the directory.
fn settle(storage: &dyn Storage, dir: &Path, name: &str, end: u64, cut: bool) -> io::Result<Box<dyn StoredFile>> {
    let file = storage.open(&dir.join(name), Access::Write)?;
    if cut {
        file.set_len(end)?;
    }
    if let Err(error) = write_again(&*file, end) {
        // A disk without room may not take what it holds already. The sync still tells whether it holds the rest.
        tracing::warn!(segment = name, %error, "the end of the journal could not be written again");
    }
    file.sync()?;
    storage.sync_dir(dir)?;
    Ok(file)
}

/// So much of a segment's end can be a batch whose sync failed, with what was lazy before it.
const DOUBTFUL: u64 = 16 << 20;

/// Writes what is there once more, in place. After a sync that failed the system takes its pages for clean: they can be
/// read, are not on the disk, and no later sync puts them there, also in the name of the next process. Only a write
/// does.
fn write_again(file: &dyn StoredFile, end: u64) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    let mut at = end.saturating_sub(DOUBTFUL);
    while at < end {
        let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(piece.len());
        let got = file.read_at(at, piece.split_at_mut(most).0)?;
        if got == 0 {
            break;
        }
        file.write_at(at, piece.split_at(got).0)?;
        at += got as u64;
    }
    Ok(())
}

/// Puts strangers aside and removes what was never a segment. Failing at it is no reason not to start.
fn tidy(storage: &dyn Storage, dir: &Path, survey: &Survey, opening: &mut Opening) {
    for (name, why) in &survey.strangers {
        let renamed_to = aside_name(storage, dir, name, *why);
        let renamed = storage.rename(&dir.join(name), &dir.join(&renamed_to));
        let renamed_to = renamed.map_or_else(|_| name.clone(), |()| renamed_to);
        opening.set_aside.push(SetAside {
            name: name.clone(),
            renamed_to,
            why: *why,
        });
    }
    for name in &survey.unfinished {
        if storage.remove(&dir.join(name)).is_ok() {
            opening.unfinished.push(name.clone());
        }
    }
    let tidied = !(survey.strangers.is_empty() && survey.unfinished.is_empty());
    let synced = if tidied { storage.sync_dir(dir) } else { Ok(()) };
    if let Err(error) = synced {
        tracing::warn!(?dir, %error, "the tidied directory could not be made durable; it will be tidied again");
    }
}

fn aside_name(storage: &dyn Storage, dir: &Path, name: &str, why: Stranger) -> String {
    let word = match why {
        Stranger::Empty => "empty",
        Stranger::Foreign => "foreign",
        Stranger::Misnamed => "misnamed",
        Stranger::Unreadable => "unreadable",
    };
    let taken = storage.list(dir).unwrap_or_default();
    let mut tries = (1u32..).map(|n| format!("{name}.{word}-{n}"));
    tries
        .find(|candidate| !taken.iter().any(|file| file.name == *candidate))
        .unwrap_or_else(|| format!("{name}.{word}"))
}

pub(crate) fn at(what: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
