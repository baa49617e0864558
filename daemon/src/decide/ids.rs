//! Which punches are held, and where: by id, for deciding and for the intake.
//!
//! Most ids are asked for once, when they are new, so that "not held" must cost next to nothing: ids are kept in
//! generations, each with a Bloom filter in memory, and only where a filter says "perhaps" the buffer is asked. Ids are
//! spread evenly, and a generation keeps those that come together together in the buffer.

use std::{
    ops::Bound,
    sync::{Arc, PoisonError, RwLock},
};

use fastbloom::BloomFilter;
use punchgate_journal::{Buffer, BufferError};
use punchgate_rules::{PunchId, verdict_id};

use super::{
    account::Known,
    tables::{FILTERS, HELD, Place},
};

/// Ids in one generation: with filters of half a megabyte, ten million punches have forty.
const GENERATION: usize = 1 << 18;
/// Ids looked at in one go.
const PAGE: usize = 4096;
/// How often a filter says "perhaps" to an id that its generation does not have.
const FALSE_POSITIVES: f64 = 0.001;

/// The ids held. Clones share them.
#[derive(Debug, Clone)]
pub struct Ids {
    buffer: Buffer,
    /// Ids in one generation.
    size: usize,
    filters: Arc<RwLock<Filters>>,
}

#[derive(Debug, Default)]
struct Filters {
    /// By generation.
    list: Vec<BloomFilter>,
    /// Ids in the last one.
    newest: usize,
}

/// The generation an id is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u32);

impl Ids {
    /// The ids that a buffer holds.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed, or its filters are damaged.
    pub fn open(buffer: Buffer) -> Result<Self, BufferError> {
        Self::in_generations_of(GENERATION, buffer)
    }

    fn in_generations_of(size: usize, buffer: Buffer) -> Result<Self, BufferError> {
        let mut filters = Filters::default();
        for (_, bytes) in buffer.with_prefix(FILTERS, &[], usize::MAX)? {
            let damaged = || BufferError {
                what: "read a filter of ids",
                why: format!("{} bytes are no filter", bytes.len()),
            };
            let (filter, count) = filter_of(&bytes).ok_or_else(damaged)?;
            filters.list.push(filter);
            filters.newest = count;
        }
        Ok(Self {
            buffer,
            size,
            filters: Arc::new(RwLock::new(filters)),
        })
    }

    /// Forgets all of them, for every clone: the buffer was given up.
    pub(crate) fn forget(&self) {
        *self.filters.write().unwrap_or_else(PoisonError::into_inner) = Filters::default();
    }

    /// Where a punch lies, and in which generation its id is kept, if it is held.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn find(&self, id: &PunchId) -> Result<Option<(Generation, Place)>, BufferError> {
        for generation in self.perhaps(id) {
            let bytes = self.buffer.get(HELD, &key(generation, id))?;
            if let Some(place) = bytes.and_then(|bytes| Place::from_bytes(&bytes)) {
                return Ok(Some((generation, place)));
            }
        }
        Ok(None)
    }

    /// The punch after which a verdict of one of these policies is named. Looks at every id there is: for people who ask,
    /// seconds where there are millions.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn named_after(&self, verdict: &str, policies: &[String]) -> Result<Option<PunchId>, BufferError> {
        let mut from: Bound<Vec<u8>> = Bound::Unbounded;
        loop {
            let page = self
                .buffer
                .range(HELD, from.as_ref().map(Vec::as_slice), Bound::Unbounded, PAGE)?;
            let Some((last, _)) = page.last() else {
                return Ok(None);
            };
            from = Bound::Excluded(last.clone());
            for id in page.iter().filter_map(|(key, _)| id_in(key)) {
                let named = |policy: &String| verdict_id(policy, &id).as_str() == verdict;
                if policies.iter().any(named) {
                    return Ok(Some(id));
                }
            }
        }
    }

    /// What is known of the reports of a punch. A failing buffer knows nothing: deciding notices duplicates anyway.
    pub fn known(&self, id: &PunchId) -> Option<Known> {
        self.find(id).ok().flatten().map(|(_, place)| place.known)
    }

    /// Remembers where a punch lies; a new one has no generation yet.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn put(&self, id: &PunchId, generation: Option<Generation>, place: &Place) -> Result<(), BufferError> {
        let generation = match generation {
            Some(generation) => generation,
            None => self.begin(id)?,
        };
        self.buffer.insert(HELD, &key(generation, id), &place.to_bytes())
    }

    /// Puts the filter that still grows into the buffer, so that the buffer can be closed.
    ///
    /// # Errors
    /// [`BufferError`] when the buffer failed.
    pub fn flush(&self) -> Result<(), BufferError> {
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        self.save(&filters)
    }

    fn save(&self, filters: &Filters) -> Result<(), BufferError> {
        let Some(last) = filters.list.last() else {
            return Ok(());
        };
        let number = number(filters.list.len().saturating_sub(1));
        self.buffer
            .insert(FILTERS, &number.to_be_bytes(), &bytes_of(last, filters.newest))
    }

    /// Generations that may have an id, the newest first.
    fn perhaps(&self, id: &PunchId) -> Vec<Generation> {
        let hash = hash(id);
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        let by_age = filters.list.iter().enumerate().rev();
        by_age
            .filter(|(_, filter)| filter.contains_hash(hash))
            .map(|(place, _)| Generation(number(place)))
            .collect()
    }

    /// The generation of a new id.
    fn begin(&self, id: &PunchId) -> Result<Generation, BufferError> {
        let mut filters = self.filters.write().unwrap_or_else(PoisonError::into_inner);
        if filters.list.is_empty() || filters.newest >= self.size {
            self.save(&filters)?;
            filters.newest = 0;
            filters.list.push(
                BloomFilter::with_false_pos(FALSE_POSITIVES)
                    .seed(&0)
                    .expected_items(self.size),
            );
        }
        filters.newest = filters.newest.saturating_add(1);
        let place = filters.list.len().saturating_sub(1);
        if let Some(filter) = filters.list.last_mut() {
            filter.insert_hash(hash(id));
        }
        Ok(Generation(number(place)))
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Ids are hashes already, in hex digits: half of one is enough.
fn hash(id: &PunchId) -> u64 {
    let half = id.as_str().get(..16);
    half.and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

/// The generation, then the id in half as many bytes as digits where that is possible.
fn key(generation: Generation, id: &PunchId) -> Vec<u8> {
    let mut key = Vec::with_capacity(20);
    key.extend_from_slice(&generation.0.to_be_bytes());
    match u128::from_str_radix(id.as_str(), 16) {
        Ok(number) if id.as_str().len() == 32 => key.extend_from_slice(&number.to_be_bytes()),
        _ => key.extend_from_slice(id.as_str().as_bytes()),
    }
    key
}

/// The id in a key.
fn id_in(key: &[u8]) -> Option<PunchId> {
    let (_, id) = key.split_first_chunk::<4>()?;
    let text = match <[u8; 16]>::try_from(id) {
        Ok(number) => format!("{:032x}", u128::from_be_bytes(number)),
        Err(_) => std::str::from_utf8(id).ok()?.to_owned(),
    };
    Some(PunchId::from(text.as_str()))
}

fn bytes_of(filter: &BloomFilter, count: usize) -> Vec<u8> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let words = [count, u64::from(filter.num_hashes())].into_iter();
    words.chain(filter.iter()).flat_map(u64::to_be_bytes).collect()
}

pub(crate) fn filter_of(bytes: &[u8]) -> Option<(BloomFilter, usize)> {
    let mut words = bytes
        .chunks_exact(8)
        .filter_map(|word| Some(u64::from_be_bytes(word.try_into().ok()?)));
    let count = usize::try_from(words.next()?).ok()?;
    let hashes = u32::try_from(words.next()?)
        .ok()
        .filter(|hashes| (1..64).contains(hashes))?;
    let bits: Vec<u64> = words.collect();
    if bits.is_empty() {
        return None;
    }
    Some((BloomFilter::from_vec(bits).seed(&0).hashes(hashes), count))
}

#[cfg(test)]
mod tests {
    use punchgate_model::{Outcome, Timestamp};
    use punchgate_rules::{Person, punch_id};

    use super::*;
    use crate::decide::keys::Subject;

    fn id(n: u64) -> PunchId {
        let mut reading = punchgate_model::Reading::new(
            punchgate_model::Credential::Enrol("1".into()),
            punchgate_model::Factor::Card,
        );
        reading.sequence = Some(n);
        punch_id(&"gate".into(), 0, &reading, Timestamp::from_millis(0))
    }

    fn place(at: i64) -> Place {
        Place {
            at: Timestamp::from_millis(at),
            subject: Subject::of_person(&Person::from("E001")),
            known: Known {
                result: Outcome::Granted,
                held_out: false,
                hashes: vec![7],
            },
        }
    }

    #[test]
    fn what_was_put_is_found_also_after_the_buffer_was_opened_again() {
        let buffer = Buffer::in_memory();
        let ids = Ids::in_generations_of(64, buffer.clone()).expect("empty");
        for n in 0..500 {
            assert_eq!(ids.find(&id(n)).expect("memory"), None);
            ids.put(&id(n), None, &place(n.cast_signed())).expect("memory");
        }
        ids.flush().expect("memory");
        let again = Ids::in_generations_of(64, buffer).expect("flushed");
        assert_eq!(
            again.find(&id(130)).expect("memory").map(|(at, _)| at),
            Some(Generation(2))
        );
        for n in 0..500 {
            let found = again.find(&id(n)).expect("memory").expect("held").1;
            assert_eq!(found, place(n.cast_signed()));
        }
        assert_eq!(again.find(&id(500)).expect("memory"), None);
    }

    #[test]
    fn a_punch_that_moves_is_found_where_it_lies_now() {
        let ids = Ids::open(Buffer::in_memory()).expect("empty");
        ids.put(&id(1), None, &place(1)).expect("memory");
        let (generation, _) = ids.find(&id(1)).expect("memory").expect("held");
        ids.put(&id(1), Some(generation), &place(2)).expect("memory");
        assert_eq!(ids.find(&id(1)).expect("memory"), Some((generation, place(2))));
    }

    #[test]
    fn a_damaged_filter_is_an_error_and_no_panic() {
        for bytes in [vec![], vec![1; 8], vec![0; 16], vec![0; 24], vec![0xff; 40]] {
            let buffer = Buffer::in_memory();
            buffer.insert(FILTERS, &[0; 4], &bytes).expect("memory");
            assert!(Ids::open(buffer).is_err(), "{bytes:?}");
        }
    }
}
