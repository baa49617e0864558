//! What every upstream has, read from the end of the journal: a buffer that is built again need not make those events
//! once more only to throw them away.

use punchgate_journal::{Entry, Reader, Seq};

/// How many of the last records are looked at. Whoever delivers says so often; of an upstream that has not said so for
/// that long nothing is assumed.
const LAST: Seq = 1 << 14;

/// The number of the last event that all of these upstreams are known to have; 0 when one is not known to have any.
pub fn by_all<'a>(reader: &mut Reader, upstreams: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut known: Vec<(&str, u64)> = upstreams.into_iter().map(|name| (name, 0)).collect();
    let mut seq = reader.tail().saturating_sub(LAST);
    while let Ok(page) = reader.after(seq, 4096, 4 << 20) {
        for record in &page.records {
            if let Entry::Delivered { upstream, through, .. } = Entry::from_payload(&record.payload) {
                let named = known.iter_mut().filter(|(name, _)| *name == upstream);
                named.for_each(|(_, had)| *had = through.max(*had));
            }
        }
        if page.through.seq <= seq {
            break;
        }
        seq = page.through.seq;
    }
    known.into_iter().map(|(_, had)| had).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use punchgate_journal::{DiskStorage, Journal, Options};
    use punchgate_model::Timestamp;

    use super::*;

    fn delivered(upstream: &str, through: u64) -> Entry {
        Entry::Delivered {
            upstream: upstream.to_owned(),
            through,
            at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn the_slowest_upstream_decides_and_one_that_never_said_anything_has_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let opened = Journal::open(Arc::new(DiskStorage), dir.path(), Options::new([1; 16]));
        let (mut journal, _) = opened.expect("a new journal");
        let entries = [delivered("erp", 3), delivered("bi", 9), delivered("erp", 7)];
        let payloads: Vec<_> = entries.iter().map(Entry::to_payload).collect();
        journal.append(&payloads).expect("written");
        let mut reader = journal.reader();
        assert_eq!(by_all(&mut reader, ["erp", "bi"]), 7);
        assert_eq!(by_all(&mut reader, ["bi"]), 9);
        assert_eq!(by_all(&mut reader, ["erp", "new"]), 0);
        assert_eq!(by_all(&mut reader, []), 0);
    }
}
