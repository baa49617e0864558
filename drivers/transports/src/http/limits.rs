use punchgate_model::Span;

/// What one listener gives its callers before it stops waiting or listening.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the first byte of a head to its end.
    pub head: Span,
    /// How long a connection may stay open between two requests, or before its first.
    pub idle: Span,
    /// From the end of a head to the end of its body.
    pub body: Span,
    /// How long a body may stand still.
    pub stall: Span,
    /// How long an answer may wait for a caller that does not read.
    pub write: Span,
    /// Bytes of a head; a longer one is answered 431.
    pub head_bytes: usize,
    /// Bytes of a request target; a longer one is answered 414.
    pub target_bytes: usize,
    /// Bytes of a body; a longer one is refused before it is read.
    pub body_bytes: usize,
    /// Bytes of all large bodies (above 64 KiB) that may be in memory at once; more is answered as busy.
    pub bodies_bytes: usize,
    /// Connections at once. A newcomer takes the seat of the one that has been idle longest.
    pub connections: usize,
    /// Connections at once from one address, in the same way.
    pub per_address: usize,
    /// The last seats, kept for addresses that have none yet.
    pub reserved: usize,
    /// How long requests in hand may take when the listener closes.
    pub farewell: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Span::from_secs(10),
            idle: Span::from_secs(75),
            body: Span::from_secs(30),
            stall: Span::from_secs(10),
            write: Span::from_secs(30),
            head_bytes: 64 * 1024,
            target_bytes: 8 * 1024,
            body_bytes: 4 * 1024 * 1024,
            bodies_bytes: 32 * 1024 * 1024,
            connections: 256,
            per_address: 192,
            reserved: 16,
            farewell: Span::from_secs(5),
        }
    }
}

impl Limits {
    /// So many connections at once: one address gets three quarters of the seats, and one seat in sixteen is kept for
    /// newcomers.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self {
            connections,
            per_address: (connections / 4 * 3).max(1),
            reserved: connections / 16,
            ..self
        }
    }

    /// Bodies of so many bytes; at least one of that length is read at a time.
    #[must_use]
    pub fn with_body(self, bytes: usize) -> Self {
        Self {
            body_bytes: bytes,
            bodies_bytes: self.bodies_bytes.max(bytes),
            ..self
        }
    }
}
