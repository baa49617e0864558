//! What of retired records still counts, written down before they go: settings, the directory, the latest clock of each
//! device, how far data were complete, and readings that wait for somebody to be known by.
//!
//! A rebuild that begins in the middle of the history takes these first, and then decides the rest as the first run did. What
//! it does not have are the punches and verdicts that were retired: they were delivered, and a verdict is decided from
//! punches of a day, not of a month.

use std::ops::Bound;

use punchgate_journal::{Buffer, Entry, ReadError, Reader, Seq};
use punchgate_model::Timestamp;
use punchgate_rules::identity;

use crate::decide::{Decider, ids::Ids, settings, tables};

/// Records read at once.
const PAGE: usize = 4096;
const PAGE_BYTES: usize = 4 << 20;
/// What the payload of a [`Entry::Retired`] begins with.
const RETIRED: &[u8] = b"{\"retired\"";

/// The latest retirement that a journal tells of: what was carried over, and below which number everything is gone.
///
/// # Errors
/// [`ReadError`] when a segment cannot be opened.
pub fn latest(reader: &mut Reader) -> Result<Option<(Seq, Vec<Entry>)>, ReadError> {
    let (mut seq, mut found) = (0, None);
    loop {
        let page = reader.after(seq, PAGE, PAGE_BYTES)?;
        for record in page
            .records
            .iter()
            .filter(|record| record.payload.bytes.starts_with(RETIRED))
        {
            if let Entry::Retired { before, carried, .. } = Entry::from_payload(&record.payload) {
                found = Some((before, carried));
            }
        }
        if page.through.seq <= seq {
            return Ok(found);
        }
        seq = page.through.seq;
    }
}

/// What has to be carried over when everything below `before` goes.
///
/// # Errors
/// [`ReadError`] when a segment cannot be opened.
pub fn gather(
    buffer: &Buffer,
    ids: &Ids,
    reader: &mut Reader,
    before: Seq,
    at: Timestamp,
) -> Result<Vec<Entry>, ReadError> {
    let mut carried = facts(buffer, before, at);
    let mut seq = 0;
    loop {
        let page = reader.after(seq, PAGE, PAGE_BYTES)?;
        for record in page.records.iter().take_while(|record| record.seq < before) {
            match Entry::from_payload(&record.payload) {
                Entry::Retired { carried: older, .. } => {
                    carried.extend(older.into_iter().filter_map(|entry| waiting(ids, entry)))
                }
                entry => carried.extend(waiting(ids, entry)),
            }
        }
        if page.through.seq <= seq || page.through.seq >= before.saturating_sub(1) {
            return Ok(carried);
        }
        seq = page.through.seq;
    }
}

/// What is in force, as entries that bring it into force again.
fn facts(buffer: &Buffer, before: Seq, at: Timestamp) -> Vec<Entry> {
    let fact = |name: &str| buffer.get(tables::FACTS, name.as_bytes()).ok().flatten();
    let mut entries = Vec::new();
    // Not the one in force: what is left begins its epochs by itself.
    if let Ok(epoch @ 1..) = Decider::epoch_before(buffer, before) {
        let why = "retired".to_owned();
        entries.push(Entry::Began { at, epoch, why });
    }
    if let Some(policy) = Decider::history(buffer) {
        let name = settings::HISTORY.to_owned();
        entries.push(Entry::Policy { at, name, policy });
    }
    if let Some(policy) = fact("settings").and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        let name = settings::NAME.to_owned();
        entries.push(Entry::Policy { at, name, policy });
    }
    if let Some(rows) = fact("directory").and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        let digest = String::new();
        entries.push(Entry::Directory { at, digest, rows });
    }
    if let Some(complete_until) = fact("complete_until").and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        entries.push(Entry::Watermark { at, complete_until });
    }
    entries.extend(Decider::latest_clocks(buffer));
    let cursors = buffer.range(
        tables::FACTS,
        Bound::Included(b"cursor:"),
        Bound::Excluded(b"cursor;"),
        usize::MAX,
    );
    for (key, value) in cursors.unwrap_or_default() {
        let upstream = String::from_utf8_lossy(&key).trim_start_matches("cursor:").to_owned();
        if let Ok(through) = serde_json::from_slice(&value) {
            entries.push(Entry::Delivered { upstream, through, at });
        }
    }
    entries
}

/// The readings of an entry that are held for want of somebody they belong to: nobody was told of them yet.
fn waiting(ids: &Ids, entry: Entry) -> Option<Entry> {
    let (device, epoch, received_at, readings) = match entry {
        Entry::Reading {
            device,
            epoch,
            received_at,
            reading,
        } => (device, epoch, received_at, vec![reading]),
        Entry::Readings {
            device,
            epoch,
            received_at,
            readings,
        } => (device, epoch, received_at, readings),
        _ => return None,
    };
    let waits = |reading: &punchgate_model::Reading| {
        let id = identity::punch_id(&device, epoch, reading, received_at);
        Decider::waits_for_somebody(ids, &id)
    };
    let readings: Vec<_> = readings.into_iter().filter(waits).collect();
    (!readings.is_empty()).then_some(Entry::Readings {
        device,
        epoch,
        received_at,
        readings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fold over entries numbered from `first` on, after what was carried over.
    fn folded(carried: &[Entry], first: Seq, entries: &[Entry]) -> (Decider, Buffer) {
        let buffer = Buffer::in_memory();
        let ids = Ids::open(buffer.clone()).expect("empty");
        let mut decider = Decider::new(buffer.clone(), ids).expect("empty");
        for entry in carried {
            decider.step(first - 1, entry).expect("in memory");
        }
        for (seq, entry) in (first..).zip(entries) {
            decider.step(seq, entry).expect("in memory");
        }
        (decider, buffer)
    }

    #[test]
    fn a_history_whose_begin_was_retired_ends_in_the_epoch_of_the_whole_one() {
        let at = Timestamp::from_millis(0);
        let history: Vec<Entry> = (1..=12)
            .map(|seq| match seq {
                3 | 9 => Entry::Began {
                    at,
                    epoch: seq / 6 + 1,
                    why: "copied".to_owned(),
                },
                _ => Entry::Watermark {
                    at,
                    complete_until: Timestamp::from_millis(seq.into()),
                },
            })
            .collect();
        let (whole, buffer) = folded(&[], 1, &history);
        assert_eq!(whole.epoch(), 2);
        for before in 2..=13 {
            let carried = facts(&buffer, before, at);
            let left = history
                .get(usize::try_from(before - 1).expect("small")..)
                .expect("there");
            let (again, _) = folded(&carried, before, left);
            assert_eq!(again.epoch(), 2, "everything below {before} was retired");
        }
    }
}
