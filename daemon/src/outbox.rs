//! The events on their way out: chunks in the buffer, in order of their numbers, and each upstream's place in them.
//!
//! A chunk is events one after another: length, number and kind, so that events can be counted and passed over unread, then
//! the event.

use std::ops::Bound;

use punchgate_journal::{Buffer, BufferError, Changes};
use punchgate_upstream::{EventKind, Outgoing};

use crate::decide::tables::OUTBOX;

/// Events in one chunk at most.
const CHUNK: usize = 256;

/// Adds events, which come in order of their numbers.
pub fn put(changes: &mut Changes, events: &[Outgoing]) {
    for chunk in events.chunks(CHUNK) {
        let Some(first) = chunk.first() else { continue };
        let mut bytes = Vec::with_capacity(chunk.len() * 512);
        for event in chunk {
            // An event that cannot be written as text cannot have been made of text.
            let Ok(body) = event.to_bytes() else { continue };
            bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(&event.seq.to_be_bytes());
            bytes.push(byte_of(event.kind));
            bytes.extend_from_slice(&body);
        }
        changes.insert(OUTBOX, first.seq.to_be_bytes().to_vec(), bytes);
    }
}

/// Events after a number, in order: at most `limit` of those that are `wanted`, with the number up to which all were
/// looked at.
///
/// # Errors
/// [`BufferError`] when the buffer failed.
pub fn after(
    buffer: &Buffer,
    seq: u64,
    limit: usize,
    wanted: impl Fn(EventKind) -> bool,
) -> Result<(Vec<Outgoing>, u64), BufferError> {
    let mut found = Vec::new();
    let mut through = seq;
    let mut from = chunk_with(buffer, seq.saturating_add(1))?;
    while found.len() < limit {
        let chunks = buffer.range(OUTBOX, Bound::Included(&from), Bound::Unbounded, 4)?;
        let Some((last, _)) = chunks.last() else { break };
        from = [last.as_slice(), &[0]].concat();
        for event in chunks
            .iter()
            .flat_map(|(_, chunk)| events(chunk))
            .filter(|event| event.seq > seq)
        {
            if found.len() >= limit {
                break;
            }
            through = event.seq;
            if wanted(event.kind) {
                // A damaged event is passed over; the journal has what it was made of.
                found.extend(Outgoing::from_bytes(event.body).ok());
            }
        }
    }
    Ok((found, through))
}

/// Removes chunks of which every number is at most `through`; returns how many.
///
/// # Errors
/// [`BufferError`] when the buffer failed.
pub fn trim(buffer: &Buffer, through: u64) -> Result<usize, BufferError> {
    let next = through.saturating_add(1).to_be_bytes();
    let older = buffer.range(OUTBOX, Bound::Unbounded, Bound::Excluded(&next), usize::MAX)?;
    let Some((last, chunk)) = older.last() else {
        return Ok(0);
    };
    let whole = events(chunk).last().is_none_or(|event| event.seq <= through);
    let gone = older.iter().map(|(key, _)| key).filter(|key| whole || *key != last);
    let mut count = 0;
    for key in gone {
        buffer.remove(OUTBOX, key)?;
        count += 1;
    }
    Ok(count)
}

/// The chunk that holds a number begins at it or before.
fn chunk_with(buffer: &Buffer, seq: u64) -> Result<Vec<u8>, BufferError> {
    let key = seq.to_be_bytes();
    let before = buffer.range_back(OUTBOX, Bound::Unbounded, Bound::Included(&key), 1)?;
    Ok(before.into_iter().next().map_or(key.to_vec(), |(key, _)| key))
}

/// An event in a chunk.
struct Lying<'a> {
    seq: u64,
    kind: EventKind,
    body: &'a [u8],
}

fn byte_of(kind: EventKind) -> u8 {
    let place = EventKind::ALL.iter().position(|known| *known == kind);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

/// The events of a chunk. A damaged chunk ends early.
fn events(chunk: &[u8]) -> impl Iterator<Item = Lying<'_>> {
    let mut rest = chunk;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (seq, after) = after.split_first_chunk::<8>()?;
        let (kind, after) = after.split_first()?;
        let (body, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        rest = after;
        Some(Lying {
            seq: u64::from_be_bytes(*seq),
            kind: *EventKind::ALL.get(usize::from(*kind))?,
            body,
        })
    })
}

/// How many wanted events have numbers above `after` and up to `through`.
///
/// # Errors
/// [`BufferError`] when the buffer failed.
pub fn count(
    buffer: &Buffer,
    after: u64,
    through: u64,
    wanted: impl Fn(EventKind) -> bool,
) -> Result<u64, BufferError> {
    let mut count = 0;
    let mut from = chunk_with(buffer, after.saturating_add(1))?;
    let end = through.saturating_add(1).to_be_bytes();
    loop {
        let chunks = buffer.range(OUTBOX, Bound::Included(&from), Bound::Excluded(&end), 16)?;
        let Some((last, _)) = chunks.last() else {
            return Ok(count);
        };
        from = [last.as_slice(), &[0]].concat();
        let events = chunks.iter().flat_map(|(_, chunk)| events(chunk));
        let within = events.filter(|event| event.seq > after && event.seq <= through && wanted(event.kind));
        count += u64::try_from(within.count()).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use punchgate_journal::Position;
    use punchgate_model::Timestamp;

    use super::*;

    fn event(seq: u64) -> Outgoing {
        Outgoing {
            seq,
            kind: if seq.is_multiple_of(2) {
                EventKind::Punch
            } else {
                EventKind::Verdict
            },
            id: format!("event {seq}"),
            revision: 1,
            subject: "E001".to_owned(),
            person_key: "E001".to_owned(),
            time: Timestamp::from_millis(0),
            queued_at: Timestamp::from_millis(0),
            data: serde_json::value::RawValue::from_string("{}".to_owned()).expect("JSON"),
        }
    }

    /// Numbers as deciding gives them: with holes, several chunks, one of them longer than a chunk may be.
    fn filled() -> (Buffer, Vec<u64>) {
        let buffer = Buffer::in_memory();
        let pages = [vec![16, 17, 32], vec![48], (64..700).collect(), vec![1024, 1030]];
        for page in &pages {
            let mut changes = Changes::default();
            put(&mut changes, &page.iter().map(|seq| event(*seq)).collect::<Vec<_>>());
            buffer.apply(changes, Position::default()).expect("applied");
        }
        (buffer, pages.concat())
    }

    #[test]
    fn what_was_put_in_comes_out_after_any_number() {
        let (buffer, all) = filled();
        for after_seq in (0..1032).step_by(5).chain([699, 700, 1023, 1024]) {
            let (found, _) = after(&buffer, after_seq, 7, |_| true).expect("read");
            let wanted: Vec<u64> = all.iter().copied().filter(|seq| *seq > after_seq).take(7).collect();
            assert_eq!(
                found.iter().map(|event| event.seq).collect::<Vec<_>>(),
                wanted,
                "after {after_seq}"
            );
        }
    }

    #[test]
    fn an_upstream_that_wants_some_gets_only_those() {
        let (buffer, all) = filled();
        let verdicts = |kind| kind == EventKind::Verdict;
        let (found, _) = after(&buffer, 0, 10_000, verdicts).expect("read");
        let wanted = all.iter().filter(|seq| !seq.is_multiple_of(2)).count();
        assert_eq!(found.len(), wanted);
        let counted = count(&buffer, 0, u64::MAX - 1, verdicts).expect("read");
        assert_eq!(usize::try_from(counted), Ok(wanted));
    }

    #[test]
    fn trimming_keeps_everything_after_the_cursor() {
        let (buffer, all) = filled();
        for through in [0, 16, 17, 31, 47, 48, 300, 699, 1024, 1029] {
            trim(&buffer, through).expect("trimmed");
            let (found, _) = after(&buffer, through, 10_000, |_| true).expect("read");
            assert_eq!(
                found.len(),
                all.iter().filter(|seq| **seq > through).count(),
                "through {through}"
            );
        }
        assert!(trim(&buffer, 1030).expect("trimmed") > 0);
        assert_eq!(after(&buffer, 0, 1, |_| true).expect("read").0.len(), 0);
    }
}
