//! Where a frame ends: by a prefix and a length on TCP, by the datagram itself on UDP
//! (`zkteco-standalone-4370.md` section 1).

use std::time::Duration;

use punchgate_kit::{Carrier, Cut, Framer, Malformed};

use super::{fields::u32_at, packet::HEADER};

/// What every TCP frame begins with.
const PREFIX: [u8; 4] = [0x50, 0x50, 0x82, 0x7D];
/// Prefix and length.
const ENVELOPE: usize = 8;
/// The longest header and data that is waited for, in bytes: twice the largest DATA frame seen (64 KiB).
const LONGEST_BODY: usize = 128 * 1024;

/// Cuts frames out of what a carrier brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZkFramer {
    /// A byte stream with prefix and length.
    Stream,
    /// One datagram is one frame.
    Datagram,
}

impl ZkFramer {
    /// The framer for a carrier.
    pub fn on(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Udp => Self::Datagram,
            Carrier::Tcp | Carrier::Serial => Self::Stream,
        }
    }
}

impl Framer for ZkFramer {
    fn longest(&self) -> usize {
        LONGEST_BODY + ENVELOPE
    }

    fn cut(&self, bytes: &[u8]) -> Cut {
        match self {
            Self::Datagram if bytes.is_empty() => Cut::More,
            Self::Datagram => Cut::Frame {
                take: bytes.len(),
                body: 0..bytes.len(),
            },
            Self::Stream => cut_stream(bytes),
        }
    }

    fn wrap(&self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Datagram => body.to_vec(),
            Self::Stream => {
                let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
                [&PREFIX[..], &length.to_le_bytes()[..], body].concat()
            }
        }
    }

    /// A frame that stands still for so long will not be finished.
    fn idle(&self) -> Option<Duration> {
        Some(Duration::from_secs(10))
    }
}

fn cut_stream(bytes: &[u8]) -> Cut {
    let skip = before_a_prefix(bytes);
    if skip > 0 {
        let why = Malformed::new(0, "the prefix 5050827d", bytes);
        return Cut::Junk { skip, why };
    }
    let Some(length) = u32_at(bytes, PREFIX.len()) else {
        return Cut::More;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(HEADER..=LONGEST_BODY).contains(&length) {
        let why = Malformed::within(bytes, PREFIX.len(), format!("a length from {HEADER} to {LONGEST_BODY}"));
        // Only the prefix is dropped: what looked like a length may be the beginning of a true frame.
        return Cut::Junk {
            skip: PREFIX.len(),
            why,
        };
    }
    let take = ENVELOPE + length;
    if bytes.len() < take {
        return Cut::More;
    }
    Cut::Frame {
        take,
        body: ENVELOPE..take,
    }
}

/// How many bytes cannot belong to a prefix, whatever follows.
fn before_a_prefix(bytes: &[u8]) -> usize {
    (0..bytes.len())
        .find(|at| {
            let rest = bytes.get(*at..).unwrap_or_default();
            rest.iter().zip(PREFIX).all(|(byte, wanted)| *byte == wanted)
        })
        .unwrap_or(bytes.len())
}
