//! Changes that have not reached the store below yet, and the view of both together.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use super::{BufferError, Pair, shelf::Shelf};

/// Pending changes of one tree; `None` is a removal.
pub(crate) type Pending = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What a map entry costs beside its bytes, roughly.
const ENTRY: usize = 96;

/// Changes by tree.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    trees: HashMap<&'static str, (Pending, usize)>,
    bytes: usize,
}

impl Overlay {
    pub(crate) fn get(&self, tree: &str, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.trees.get(tree)?.0.get(key)
    }

    pub(crate) fn put(&mut self, tree: &'static str, key: Vec<u8>, value: Option<Vec<u8>>) {
        // An overwritten value is counted twice until the next flush: a bound may be pessimistic.
        let size = key.len() + value.as_ref().map_or(0, Vec::len) + ENTRY;
        self.bytes += size;
        let (pending, bytes) = self.trees.entry(tree).or_default();
        *bytes += size;
        pending.insert(key, value);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn take(&mut self) -> HashMap<&'static str, Pending> {
        self.bytes = 0;
        std::mem::take(&mut self.trees)
            .into_iter()
            .map(|(name, (pending, _))| (name, pending))
            .collect()
    }

    /// Only the tree with the most bytes.
    pub(crate) fn take_largest(&mut self) -> HashMap<&'static str, Pending> {
        let largest = self
            .trees
            .iter()
            .max_by_key(|(name, (_, bytes))| (*bytes, **name))
            .map(|(name, _)| *name);
        let taken = largest.and_then(|name| self.trees.remove_entry(name));
        let Some((name, (pending, bytes))) = taken else {
            return self.take();
        };
        self.bytes = self.bytes.saturating_sub(bytes);
        HashMap::from([(name, pending)])
    }
}

/// A pair from below, or what went wrong on the way.
type Below<'a> = Box<dyn Iterator<Item = Result<Pair, BufferError>> + 'a>;

/// Pairs of both, the pending ones winning, in key order or the reverse.
pub(crate) fn merge(
    overlay: &Overlay,
    shelf: &Shelf,
    tree: &str,
    bounds: (Bound<&[u8]>, Bound<&[u8]>),
    limit: usize,
    backwards: bool,
) -> Result<Vec<Pair>, BufferError> {
    let mut out = Vec::new();
    if is_empty(bounds) {
        return Ok(out);
    }
    let empty = Pending::new();
    let pending = overlay
        .trees
        .get(tree)
        .map_or(&empty, |(pending, _)| pending)
        .range::<[u8], _>(bounds);
    let pending: Box<dyn Iterator<Item = _>> = if backwards {
        Box::new(pending.rev())
    } else {
        Box::new(pending)
    };
    let mut pending = pending.peekable();
    let below: Below<'_> = shelf.range(tree, bounds, backwards);
    let mut below = below.peekable();
    while out.len() < limit {
        let from_below = match (pending.peek(), below.peek()) {
            (None, None) => break,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(_), Some(Err(_))) => true,
            (Some((key, _)), Some(Ok((other, _)))) if *key == other => {
                below.next();
                false
            }
            (Some((key, _)), Some(Ok((other, _)))) => (other < *key) != backwards,
        };
        if from_below {
            out.extend(below.next().transpose()?);
        } else if let Some((key, Some(value))) = pending.next() {
            out.push((key.clone(), value.clone()));
        }
    }
    Ok(out)
}

/// Whether bounds hold nothing; the standard map panics on those that are the wrong way round.
fn is_empty(bounds: (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match bounds {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from), Bound::Excluded(to)) | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
        (Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
        _ => false,
    }
}
