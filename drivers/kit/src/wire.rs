//! Bytes and their meaning. Everything here is pure: same bytes, same answer, no clock, no panic.

use std::{borrow::Cow, fmt, ops::Range};

use crate::driver::Finding;
use punchgate_model::Span;

/// Finds where a frame ends in a stream of bytes, and puts a body into a frame.
///
/// Laws, checked by [`crate::laws`]: any bytes, no panic; any chunking gives the same frames; every cut makes progress;
/// never [`Cut::More`] once [`Framer::longest`] bytes are there.
pub trait Framer: Send + Sync + 'static {
    /// The longest frame this framer will wait for, in bytes, envelope included.
    fn longest(&self) -> usize;

    /// Looks at the bytes not yet consumed.
    fn cut(&self, bytes: &[u8]) -> Cut;

    /// Puts a body into the envelope that [`Framer::cut`] takes away.
    fn wrap(&self, body: &[u8]) -> Vec<u8>;

    /// How long an unfinished frame may stand still before [`Framer::idled`] is asked; `None` means for ever.
    fn idle(&self) -> Option<Span> {
        None
    }

    /// What becomes of an unfinished frame after [`Framer::idle`]. By default it is thrown away as junk.
    fn idled(&self, bytes: &[u8]) -> Cut {
        Cut::Junk {
            skip: bytes.len(),
            why: Malformed::new(bytes.len(), "the rest of a frame", bytes),
        }
    }
}

/// What a [`Framer`] found at the start of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// A whole frame.
    Frame {
        /// How many bytes it takes up, envelope included; at least 1.
        take: usize,
        /// Where in those bytes the body lies.
        body: Range<usize>,
    },
    /// Nothing can be said before more bytes arrive.
    More,
    /// Bytes that belong to no frame. Noise is normal on a bus; it is counted, not thrown.
    Junk {
        /// How many bytes to drop; at least 1.
        skip: usize,
        /// Why.
        why: Malformed,
    },
}

/// Meaning. One type for each direction of a protocol.
///
/// Laws: `parse(render(x)) == x`; any raw value, no panic.
pub trait Wire: Sized + Send + Sync + fmt::Debug + 'static {
    /// What carries it: the body of a frame, an HTTP request …
    type Raw: Send + Sync + Clone + 'static;

    /// Reads one message.
    ///
    /// # Errors
    /// [`Malformed`] says where, what was wanted and what was there.
    fn parse(raw: &Self::Raw) -> Result<Self, Malformed>;

    /// Writes one message.
    fn render(&self) -> Self::Raw;

    /// Its name and fields, for `punchgate decode` and for people. Credentials appear in full.
    fn describe(&self) -> Described;
}

/// A message as `punchgate decode` prints it.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The protocol's own name of the message.
    pub name: String,
    /// Its fields, in the protocol's own words.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Described {
    /// A message without fields.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            fields: serde_json::Map::new(),
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<serde_json::Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }
}

/// Input that is not what the protocol allows: where, what was wanted, what was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Offset of the offending byte within the frame or body.
    pub at: usize,
    /// What the protocol wants there.
    pub wanted: Cow<'static, str>,
    /// What was there.
    pub got: Snippet,
}

impl Malformed {
    /// `wanted` at offset `at`, but the bytes from there on were `got`.
    pub fn new(at: usize, wanted: impl Into<Cow<'static, str>>, got: &[u8]) -> Self {
        Self {
            at,
            wanted: wanted.into(),
            got: Snippet::new(got),
        }
    }

    /// The same, with the bytes taken from `all` at offset `at`.
    pub fn within(all: &[u8], at: usize, wanted: impl Into<Cow<'static, str>>) -> Self {
        Self::new(at, wanted, all.get(at..).unwrap_or_default())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: wanted {}, got {}", self.at, self.wanted, self.got)
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for Finding {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

/// The first few bytes of something, safe to print: hex, never control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    bytes: Vec<u8>,
    more: usize,
}

impl Snippet {
    /// How many bytes are kept.
    pub const LIMIT: usize = 16;

    /// Keeps the first [`Snippet::LIMIT`] bytes and the number of the rest.
    pub fn new(bytes: &[u8]) -> Self {
        let kept: Vec<u8> = bytes.iter().take(Self::LIMIT).copied().collect();
        Self {
            more: bytes.len() - kept.len(),
            bytes: kept,
        }
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bytes.is_empty() {
            return f.write_str("nothing");
        }
        for byte in &self.bytes {
            write!(f, "{byte:02x}")?;
        }
        if self.more > 0 {
            write!(f, "… ({} more bytes)", self.more)
        } else {
            Ok(())
        }
    }
}
