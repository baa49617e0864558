//! Where a record ends. Line, enclosed, fixed length, or whatever of these the bytes look like.
//!
//! A frame is handed on with its envelope, so that a wrong check can be answered and the raw bytes stay with the reading.
//! The gateway's own words (ACK, NAK, polls) are frames of their own at the start of a record: a simulator hears them so, and
//! an echo is known as one. CR, LF, NUL, FF, XON and XOFF between records belong to nobody and are swallowed.
//!
//! A line that is too long comes in pieces, the last one with the terminator; [`Pieces`] knows them, so that the end of such
//! a line is never taken for a record.

use punchgate_kit::{Cut, Framer, Malformed};
use punchgate_model::Span;

use crate::{
    envelope::{CR, ETX, Envelope, LF, LRC, STX, SUM},
    settings::Terminator,
};

/// The most swallowed bytes that wait in front of a record.
const LEAD: usize = 64;

/// How records are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Line(Terminator),
    Enclosed(Envelope),
    Fixed(usize),
    /// Enclosed where it starts with STX, else a line.
    Any,
}

/// Cuts records out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    pub(crate) shape: Shape,
    /// `7f` where the parity bit is to be ignored, else `ff`.
    pub(crate) mask: u8,
    /// Bytes swallowed between records.
    pub(crate) swallowed: Vec<u8>,
    /// What the gateway says on this line.
    pub(crate) words: Vec<Vec<u8>>,
    /// The longest record, in bytes.
    pub(crate) limit: usize,
    pub(crate) idle: Span,
    /// Whether silence ends a line.
    pub(crate) idle_closes: bool,
}

/// A record starts somewhere in the bytes; counted from there.
enum Found {
    /// It ends here; the second number is how many bytes of it are its body.
    End(usize, usize),
    More,
    Junk(usize, &'static str),
}

impl Framer for Records {
    fn longest(&self) -> usize {
        self.limit + LEAD + 8
    }

    fn cut(&self, bytes: &[u8]) -> Cut {
        let lead = bytes.iter().take_while(|b| self.is_swallowed(**b)).count();
        if lead >= LEAD {
            return Cut::Junk {
                skip: LEAD,
                why: Malformed::new(0, "a record", bytes),
            };
        }
        let rest = bytes.get(lead..).unwrap_or_default();
        let found = match self.word(rest) {
            Some(found) => found,
            None if rest.is_empty() => Found::More,
            None => self.record(rest),
        };
        match found {
            Found::More => Cut::More,
            Found::End(take, body) => Cut::Frame {
                take: lead + take,
                body: lead..lead + body,
            },
            Found::Junk(skip, wanted) => Cut::Junk {
                skip: lead + skip,
                why: Malformed::new(lead, wanted, rest),
            },
        }
    }

    fn wrap(&self, body: &[u8]) -> Vec<u8> {
        body.to_vec()
    }

    fn idle(&self) -> Option<Span> {
        Some(self.idle)
    }

    fn idled(&self, bytes: &[u8]) -> Cut {
        let all = bytes.len();
        let lead = bytes.iter().take_while(|b| self.is_swallowed(**b)).count();
        let rest = bytes.get(lead..).unwrap_or_default();
        let last = rest.last().map(|b| b & self.mask);
        let whole = match self.shape {
            Shape::Line(Terminator::Crlf) if last == Some(CR) => true,
            Shape::Line(_) => self.idle_closes && rest.len() < self.limit,
            Shape::Any => last == Some(ETX),
            Shape::Enclosed(_) | Shape::Fixed(_) => false,
        };
        if rest.is_empty() || whole {
            return Cut::Frame {
                take: all,
                body: lead..all,
            };
        }
        Cut::Junk {
            skip: all,
            why: Malformed::within(bytes, all, "the end of the record"),
        }
    }
}

/// Remembers whether a line that was too long has not ended yet.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    unfinished: bool,
}

impl Pieces {
    /// Whether a frame is a piece of a line that is too long.
    pub fn is_piece(&mut self, records: &Records, frame: &[u8]) -> bool {
        let is_line = match records.shape {
            Shape::Line(_) => true,
            Shape::Any => records.at(frame, 0) != Some(STX),
            Shape::Enclosed(_) | Shape::Fixed(_) => false,
        };
        let ended = records
            .at(frame, frame.len().saturating_sub(1))
            .is_some_and(|b| b == CR || b == LF);
        let before = std::mem::replace(&mut self.unfinished, is_line && !ended && frame.len() >= records.limit);
        self.unfinished |= before && is_line && !ended;
        is_line && (before || frame.len() > records.limit || self.unfinished)
    }

    /// Silence or noise ended whatever there was.
    pub fn end(&mut self) {
        self.unfinished = false;
    }
}

impl Records {
    fn is_swallowed(&self, byte: u8) -> bool {
        self.swallowed.contains(&(byte & self.mask))
    }

    /// One of the gateway's own words, or the beginning of one.
    fn word(&self, rest: &[u8]) -> Option<Found> {
        if rest.is_empty() {
            return None;
        }
        if let Some(word) = self.words.iter().find(|word| rest.starts_with(word)) {
            return Some(Found::End(word.len(), word.len()));
        }
        self.words
            .iter()
            .any(|word| word.starts_with(rest))
            .then_some(Found::More)
    }

    fn record(&self, rest: &[u8]) -> Found {
        match &self.shape {
            Shape::Line(terminator) => self.line(rest, *terminator),
            Shape::Enclosed(envelope) => self.enclosed(rest, envelope),
            Shape::Fixed(length) if rest.len() >= *length => Found::End(*length, *length),
            Shape::Fixed(_) => Found::More,
            Shape::Any if self.at(rest, 0) == Some(STX) => self.either_enclosed(rest),
            Shape::Any => match self.seen(rest, self.limit, &[STX, CR, LF]) {
                Some(at) if self.at(rest, at) == Some(STX) => Found::Junk(at, "a record"),
                _ => self.line(rest, Terminator::Any),
            },
        }
    }

    fn at(&self, rest: &[u8], at: usize) -> Option<u8> {
        rest.get(at).map(|b| b & self.mask)
    }

    /// Where the first of these bytes stands among the first `within`.
    fn seen(&self, rest: &[u8], within: usize, wanted: &[u8]) -> Option<usize> {
        rest.iter().take(within).position(|b| wanted.contains(&(b & self.mask)))
    }

    fn line(&self, rest: &[u8], terminator: Terminator) -> Found {
        let ends: &[u8] = match terminator {
            Terminator::Cr => &[CR],
            Terminator::Lf => &[LF],
            Terminator::Crlf | Terminator::Any => &[CR, LF],
        };
        let Some(at) = self.seen(rest, self.limit + 1, ends) else {
            return if rest.len() > self.limit {
                Found::End(self.limit, self.limit)
            } else {
                Found::More
            };
        };
        match (terminator, self.at(rest, at), self.at(rest, at + 1)) {
            (Terminator::Crlf, Some(CR), None) => Found::More,
            (Terminator::Crlf, Some(CR), Some(LF)) => Found::End(at + 2, at + 2),
            (_, Some(CR), Some(LF)) => Found::End(at + 2, at + 1),
            _ => Found::End(at + 1, at + 1),
        }
    }

    fn enclosed(&self, rest: &[u8], envelope: &Envelope) -> Found {
        if self.at(rest, 0) != Some(STX) {
            return Found::Junk(self.noise(rest), "STX");
        }
        let end = envelope.end_byte();
        let seen = self.seen(rest.get(1..).unwrap_or_default(), self.limit, &[STX, end]);
        let Some(at) = seen.map(|at| at + 1) else {
            return if rest.len() > self.limit {
                Found::Junk(1, "a shorter record")
            } else {
                Found::More
            };
        };
        if self.at(rest, at) != Some(end) {
            return Found::Junk(1, "the end of the record before the next STX");
        }
        let take = at + 1 + envelope.trailing();
        let Some(frame) = rest.get(..take) else {
            return Found::More;
        };
        // A check that was lost must not cost the record after it.
        let masked: Vec<u8> = frame.iter().map(|b| b & self.mask).collect();
        let next = masked.iter().skip(at + 1).position(|b| *b == STX);
        match next {
            Some(next) if !envelope.closes(&masked) => Found::End(at + 1 + next, at + 1 + next),
            _ => Found::End(take, take),
        }
    }

    /// How many bytes can be dropped: up to the next one with which something may start.
    fn noise(&self, rest: &[u8]) -> usize {
        let starts = |b: u8| {
            let b = b & self.mask;
            b == STX || self.swallowed.contains(&b) || self.words.iter().any(|word| word.first() == Some(&b))
        };
        rest.iter()
            .skip(1)
            .position(|b| starts(*b))
            .map_or(rest.len(), |at| at + 1)
    }

    /// STX to ETX, with the check of IDTECK or IBM, or to CR.
    fn either_enclosed(&self, rest: &[u8]) -> Found {
        let seen = self.seen(rest.get(1..).unwrap_or_default(), self.limit, &[STX, ETX, CR]);
        let Some(at) = seen.map(|at| at + 1) else {
            return if rest.len() > self.limit {
                Found::Junk(1, "a shorter record")
            } else {
                Found::More
            };
        };
        let closed: Vec<u8> = rest.iter().take(at + 1).map(|b| b & self.mask).collect();
        match self.at(rest, at) {
            Some(STX) => Found::Junk(1, "the end of the record before the next STX"),
            Some(CR) => Found::End(at + 1, at + 1),
            _ if SUM.closes(&closed) => Found::End(at + 1, at + 1),
            _ => match self.at(rest, at + 1) {
                None => Found::More,
                Some(check) if LRC.closes(&[closed, vec![check]].concat()) => Found::End(at + 2, at + 2),
                Some(STX | CR | LF) => Found::End(at + 1, at + 1),
                Some(_) => Found::End(at + 2, at + 2),
            },
        }
    }
}
