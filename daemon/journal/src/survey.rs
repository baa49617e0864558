//! Looks at a directory and says which files are segments of which journal. Reads only.

use std::{collections::BTreeMap, io, path::Path};

use crate::{
    opening::Stranger,
    record::{Identity, Link, Seq},
    scan::{Scan, Step},
    segment::{FORMAT, HEADER, Head, Header, first_in_name},
    storage::{Access, Storage},
};

/// A segment that belongs to the journal.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub name: String,
    pub first: Seq,
    /// The link in its header; zeros where both copies are damaged.
    pub link: Link,
    pub len: u64,
    pub damaged_header: bool,
}

/// A directory, read.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    pub identity: Identity,
    /// In order of their first number.
    pub members: Vec<Member>,
    pub strangers: Vec<(String, Stranger)>,
    /// Segments begun and never named.
    pub unfinished: Vec<String>,
    /// The first segment of a newer format, if any.
    pub newer: Option<(String, u16)>,
}

/// Reads the start of every segment.
pub(crate) fn survey(storage: &dyn Storage, dir: &Path, fallback: &Identity) -> io::Result<Survey> {
    let mut heads = Vec::new();
    let mut unfinished = Vec::new();
    let mut newer = None;
    for file in storage.list(dir)? {
        if file.name.ends_with(".pgj.new") {
            unfinished.push(file.name.clone());
        }
        let Some(first) = first_in_name(&file.name) else {
            continue;
        };
        let head = match read_head(storage, &dir.join(&file.name)) {
            Ok(head) => head,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => Head::Unknown,
        };
        if let Head::Newer(version) = head {
            newer.get_or_insert((file.name.clone(), version));
        }
        heads.push((file, first, head));
    }
    let identity = identity(heads.iter().map(|(_, _, head)| head), fallback);
    let mut survey = Survey {
        identity,
        members: Vec::new(),
        strangers: Vec::new(),
        unfinished,
        newer,
    };
    for (file, first, head) in heads {
        let stranger = match head {
            Head::Good { header, .. } if header.identity != identity => Some(Stranger::Foreign),
            Head::Good { header, .. } if header.first != first => Some(Stranger::Misnamed),
            Head::Good { header, damaged } => {
                let Header { link, .. } = header;
                survey.members.push(Member {
                    name: file.name.clone(),
                    first,
                    link,
                    len: file.len,
                    damaged_header: damaged,
                });
                None
            }
            Head::Newer(_) => None,
            Head::Unknown if file.len == 0 => Some(Stranger::Empty),
            Head::Unknown if holds_records(storage, &dir.join(&file.name), &identity, first, file.len) => {
                let link = Link::default();
                survey.members.push(Member {
                    name: file.name.clone(),
                    first,
                    link,
                    len: file.len,
                    damaged_header: true,
                });
                None
            }
            Head::Unknown => Some(Stranger::Unreadable),
        };
        survey.strangers.extend(stranger.map(|why| (file.name, why)));
    }
    Ok(survey)
}

/// The identity most segments carry; among equals the caller's, else that of the oldest.
fn identity<'a>(heads: impl Iterator<Item = &'a Head>, fallback: &Identity) -> Identity {
    let mut votes: BTreeMap<Identity, (usize, bool, std::cmp::Reverse<usize>)> = BTreeMap::new();
    for (order, head) in heads.enumerate() {
        if let Head::Good { header, .. } = head {
            let ours = header.identity == *fallback;
            votes
                .entry(header.identity)
                .or_insert((0, ours, std::cmp::Reverse(order)))
                .0 += 1;
        }
    }
    votes
        .into_iter()
        .max_by_key(|(_, weight)| *weight)
        .map_or(*fallback, |(identity, _)| identity)
}

fn read_head(storage: &dyn Storage, path: &Path) -> io::Result<Head> {
    let file = storage.open(path, Access::Read)?;
    let mut bytes = [0u8; HEADER as usize];
    let mut got = 0;
    while let Some(rest) = bytes.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match file.read_at(got as u64, rest)? {
            0 => break,
            more => got += more,
        }
    }
    Ok(Header::parse(bytes.split_at(got.min(bytes.len())).0))
}

fn holds_records(storage: &dyn Storage, path: &Path, identity: &Identity, first: Seq, len: u64) -> bool {
    let Ok(file) = storage.open(path, Access::Read) else {
        return false;
    };
    let mut scan = Scan::new(&*file, crate::record::seed(identity), ceiling(first, len), HEADER, len);
    loop {
        match scan.next() {
            Ok(Step::Record { .. }) => return true,
            Ok(Step::Damage { before: Some(_), .. }) => {}
            _ => return false,
        }
    }
}

/// The numbers a segment of so many bytes can hold.
pub(crate) fn ceiling(first: Seq, len: u64) -> std::ops::Range<Seq> {
    first..first.saturating_add(len / crate::record::OVERHEAD as u64 + 2)
}

impl Survey {
    /// The newest format this program reads.
    pub(crate) const KNOWN: u16 = FORMAT;
}
