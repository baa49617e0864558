//! Reads one request body whole, within its limit and the listener's memory.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use punchgate_kit::Refused;
use tokio::time::timeout;

/// Bodies up to this size are not counted: their memory is bounded by the number of connections.
const SMALL: usize = 64 * 1024;

/// Why a body was not read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unread {
    /// The handler does not want it, it is too large, or other bodies take up the memory.
    Refused(Refused),
    /// The request target is longer than allowed.
    TargetTooLong,
    /// It ended early, broke its encoding, or came too slowly.
    Broken,
}

/// The memory that large bodies may take together.
#[derive(Debug)]
pub(super) struct Store {
    left: AtomicUsize,
}

impl Store {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
        }
    }

    /// Sets memory aside until the share is dropped.
    fn share(&self, bytes: usize) -> Option<Share<'_>> {
        let take = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).ok()?;
        Some(Share { store: self, bytes })
    }
}

/// Memory set aside for one body; must live as long as the body.
#[derive(Debug)]
pub(super) struct Share<'a> {
    store: &'a Store,
    bytes: usize,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.store.left.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

/// Reads a body; one that arrives in one piece is not copied.
pub(super) async fn read<'a>(
    body: &mut Incoming,
    limit: usize,
    store: &'a Store,
) -> Result<(Bytes, Option<Share<'a>>), Unread> {
    if body.is_end_stream() {
        return Ok((Bytes::new(), None));
    }
    // Chunked bodies do not tell their length; they may take the whole limit.
    let length = match body.size_hint().exact() {
        Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
        None => limit,
    };
    if length > limit {
        return Err(Unread::Refused(Refused::TooLarge { limit }));
    }
    let share = match length > SMALL {
        true => Some(store.share(length).ok_or(Unread::Refused(Refused::Busy))?),
        false => None,
    };
    let Some(first) = piece(body).await? else {
        return Ok((Bytes::new(), share));
    };
    if body.is_end_stream() && first.len() <= limit {
        return Ok((first, share));
    }
    let mut whole = BytesMut::with_capacity(length.min(SMALL).max(first.len()));
    let mut next = Some(first);
    while let Some(bytes) = next {
        if whole.len() + bytes.len() > limit {
            return Err(Unread::Refused(Refused::TooLarge { limit }));
        }
        whole.extend_from_slice(&bytes);
        next = piece(body).await?;
    }
    Ok((whole.freeze(), share))
}

/// The most of a refused body that is still read, in bytes.
const LITTLE: u64 = 256 << 10;

/// How long the rest of a refused body is waited for.
const MOMENT: Duration = Duration::from_secs(1);

/// Reads a refused body to its end if it is short: whoever is still sending when the connection closes may never see
/// the answer. A long one is not waited for, nor one that does not come.
pub(super) async fn pass_over(body: &mut Incoming) {
    if body.size_hint().exact().is_none_or(|left| left > LITTLE) {
        return;
    }
    let rest = async { while let Ok(Some(_)) = piece(body).await {} };
    // Answered either way.
    let _ = timeout(MOMENT, rest).await;
}

/// The next piece of data; trailers are thrown away.
async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, Unread> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_set_aside_comes_back() {
        let store = Store::new(100);
        let share = store.share(60).expect("there is room");
        assert!(store.share(60).is_none());
        drop(share);
        assert!(store.share(100).is_some());
    }
}
