//! Many pairs in one value: sled takes about five microseconds and two hundred bytes of memory for each key, so
//! it is given few keys with large values instead of many with small ones.
//!
//! A leaf is pairs in key order, each `key length u32, value length u32, key, value`, little-endian. It is stored under the
//! lowest key it may hold; the first leaf of a tree under the empty key.

use super::Pair;

/// A leaf longer than this is split, in bytes; a single pair may be longer.
const LONGEST: usize = 8 << 10;
/// How full the pieces of a split leaf are: room for what comes between.
const FILLED: usize = LONGEST * 3 / 4;
const LENGTHS: usize = 8;

/// A key and its value within a leaf.
type Borrowed<'a> = (&'a [u8], &'a [u8]);

/// A leaf ends in the middle of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

/// The first pair of a leaf and the rest of it.
fn split_pair(leaf: &[u8]) -> Option<(Borrowed<'_>, &[u8])> {
    let (key_len, rest) = leaf.split_first_chunk::<4>()?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*key_len)).ok()?)?;
    let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*value_len)).ok()?)?;
    Some(((key, value), rest))
}

/// The pairs of a leaf. Total: any bytes, no panic.
pub(crate) fn pairs(leaf: &[u8]) -> impl Iterator<Item = Result<Borrowed<'_>, Damaged>> {
    let mut rest = leaf;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((pair, after)) = split_pair(rest) else {
            rest = &[];
            return Some(Err(Damaged));
        };
        rest = after;
        Some(Ok(pair))
    })
}

/// The value of a key.
pub(crate) fn find(leaf: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Damaged> {
    for pair in pairs(leaf) {
        let (found, value) = pair?;
        match found.cmp(key) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Ok(Some(value.to_vec())),
            std::cmp::Ordering::Greater => return Ok(None),
        }
    }
    Ok(None)
}

/// A leaf with sorted changes made (`None` removes), in as many pieces as it takes; the first keeps the name `under`.
/// No pieces where nothing is left.
pub(crate) fn merge(
    under: &[u8],
    leaf: &[u8],
    changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
) -> Result<Vec<Pair>, Damaged> {
    let mut pieces = Pieces {
        done: Vec::new(),
        under: under.to_vec(),
        bytes: Vec::new(),
        whole: leaf.len(),
    };
    let mut old = pairs(leaf).peekable();
    for (key, value) in changes {
        while let Some(&Ok((before, kept))) = old.peek().filter(|pair| pair.is_ok_and(|(k, _)| k < key.as_slice())) {
            pieces.push(before, kept);
            old.next();
        }
        if old
            .peek()
            .is_some_and(|pair| pair.is_ok_and(|(k, _)| k == key.as_slice()))
        {
            old.next();
        }
        if let Some(value) = value {
            pieces.whole += LENGTHS + key.len() + value.len();
            pieces.push(&key, &value);
        }
    }
    for pair in old {
        let (key, value) = pair?;
        pieces.push(key, value);
    }
    Ok(pieces.finish())
}

struct Pieces {
    done: Vec<Pair>,
    under: Vec<u8>,
    bytes: Vec<u8>,
    /// The most that all pieces together can come to.
    whole: usize,
}

impl Pieces {
    fn push(&mut self, key: &[u8], value: &[u8]) {
        let limit = if self.whole > LONGEST { FILLED } else { LONGEST };
        if !self.bytes.is_empty() && self.bytes.len() + LENGTHS + key.len() + value.len() > limit {
            let under = std::mem::replace(&mut self.under, key.to_vec());
            self.done.push((under, std::mem::take(&mut self.bytes)));
        }
        for len in [key.len(), value.len()] {
            self.bytes
                .extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        }
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    fn finish(mut self) -> Vec<Pair> {
        if !self.bytes.is_empty() {
            self.done.push((self.under, self.bytes));
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_leaf_cut_anywhere_is_damaged_or_shorter_and_never_a_panic() {
        let changes = (0..5u8).map(|n| (vec![n], Some(vec![n; 3])));
        let leaf = merge(b"", b"", changes).expect("whole").remove(0).1;
        for len in 0..leaf.len() {
            let read: Vec<_> = pairs(leaf.split_at(len).0).collect();
            assert!(read.iter().any(Result::is_err) || read.len() * 12 == len);
        }
    }

    #[test]
    fn a_long_leaf_is_split_and_each_piece_is_named_by_its_first_key() {
        let changes = (0..1000u32).map(|n| (n.to_be_bytes().to_vec(), Some(vec![7; 100])));
        let pieces = merge(b"", b"", changes).expect("whole");
        assert!(pieces.len() > 10);
        assert!(pieces.iter().all(|(_, leaf)| leaf.len() <= LONGEST));
        for (under, leaf) in pieces.iter().skip(1) {
            assert_eq!(pairs(leaf).next(), Some(Ok((under.as_slice(), &[7; 100][..]))));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(leaf in proptest::collection::vec(any::<u8>(), 0..200), key in any::<[u8; 2]>()) {
            let _ = find(&leaf, &key);
            let _ = merge(b"", &leaf, [(key.to_vec(), Some(vec![1]))]);
        }
    }
}
