//! Tells a line that carries mostly garbage from one that has a bad record now and then.

use std::time::Duration;

use punchgate_kit::{Moment, Remark};

/// How many pieces are judged together.
const PIECES: u32 = 16;
/// More bad ones than this among them are noise.
const TOLERATED: u32 = 12;
/// How often it is said, and how often the counting of single pieces starts again.
const QUIET: Duration = Duration::from_secs(60);
/// How many single pieces are remarked on in that time.
const SINGLY: u32 = 8;

/// Counts what made sense and what did not.
#[derive(Debug)]
pub(crate) struct Noise {
    pieces: u32,
    bad: u32,
    told: Option<Moment>,
    singly: (Moment, u32),
}

impl Noise {
    pub fn new(now: Moment) -> Self {
        Self {
            pieces: 0,
            bad: 0,
            told: None,
            singly: (now, 0),
        }
    }

    /// A record made sense.
    pub fn good(&mut self) {
        self.count(false);
    }

    /// Something made no sense. What there is to say about the line as a whole, and whether to speak of this piece.
    pub fn bad(&mut self, now: Moment) -> (Option<Remark>, bool) {
        let noisy = self
            .count(true)
            .filter(|_| self.told.is_none_or(|told| now - told >= QUIET));
        let remark = noisy.map(|bad| {
            self.told = Some(now);
            Remark::Event {
                name: "line-noise".to_owned(),
                details: format!(
                    "{bad} of the last {PIECES} pieces made no sense; check baud rate, data bits, parity and wiring, \
                     and the preset"
                ),
            }
        });
        if now - self.singly.0 >= QUIET {
            self.singly = (now, 0);
        }
        self.singly.1 += 1;
        (remark, self.singly.1 <= SINGLY)
    }

    fn count(&mut self, bad: bool) -> Option<u32> {
        self.pieces += 1;
        self.bad += u32::from(bad);
        if self.pieces < PIECES {
            return None;
        }
        let count = self.bad;
        (self.pieces, self.bad) = (0, 0);
        (count > TOLERATED).then_some(count)
    }
}
