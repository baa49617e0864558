//! Legacy time clocks that print each punch as a short line of text: one driver, many formats (`ascii-line-clocks.md`).
//!
//! Three layers, all pure: a [`Records`] framer cuts the stream, fields are found in a record, and a mapper makes a reading
//! of them. Real formats are [`presets`], written in nothing but configuration; without one, every preset is tried on every
//! record. Promises: any bytes, no panic; a clock hears ACK only when its record is on the disk; what is missing in a
//! printed time is filled in from the time of arrival, never from a default.
//!
//! Deliberately absent: ports and line settings (the transport's), time zones beyond "what time is it where the clock stands"
//! (the rules'), and clocks with a protocol of their own (HandPunch, Synel, Anviz, ZKTeco).

#![forbid(unsafe_code)]

mod codec;
mod driver;
mod envelope;
mod fields;
mod format;
mod framer;
mod id;
mod noise;
mod options;
pub mod presets;
mod print;
mod settings;
pub mod simulator;
mod stamp;

use std::future::Future;

use punchgate_kit::{
    About, Bytestream, Carrier, Custody, Driver, Fault, Finding, Intake, Malformed, Maturity, Reader, Session,
    StreamDriver,
};

pub use codec::{Record, Word};
pub use framer::Records;
pub use options::Options;
pub use settings::Acknowledge;

use format::Entry;
use framer::Pieces;

/// The driver of clocks that print lines.
#[derive(Debug)]
pub struct SerialLine;

impl Driver for SerialLine {
    const ABOUT: About = About {
        name: "serial_line",
        devices: "time clocks and readers that print each punch as text",
        // The careful word: a clock that waits for ACK is kept waiting all the same.
        custody: Custody::NobodyHolds,
        maturity: Maturity::Written,
        has_clock: true,
        secrets: &[],
    };
    type Link = Bytestream;
    type Heard = Record;
    type Said = Word;
    type Options = Options;
    type Reader = Lines;

    fn reader(options: &Options) -> Lines {
        Lines {
            options: options.clone(),
            pieces: Pieces::default(),
        }
    }

    fn converse(
        session: Session<Record, Word>,
        intake: Intake,
        options: Options,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        driver::converse(session, intake, options)
    }
}

impl StreamDriver for SerialLine {
    type Framer = Records;
    /// TCP for converters of serial lines.
    const CARRIERS: &'static [Carrier] = &[Carrier::Serial, Carrier::Tcp];

    fn framer(options: &Options, _carrier: Carrier) -> Records {
        options.records().clone()
    }
}

/// Reads records that somebody else heard. Nothing is known of the time of arrival, so a missing year stays missing.
#[derive(Debug)]
pub struct Lines {
    options: Options,
    pieces: Pieces,
}

impl Reader<Record, Word> for Lines {
    fn hear(&mut self, record: &Record) -> Vec<Finding> {
        if record.is_blank() || record.is_answer() {
            return Vec::new();
        }
        if self.pieces.is_piece(self.options.records(), record.bytes()) {
            return vec![Finding::Malformed(Malformed::new(
                0,
                "a shorter record",
                record.bytes(),
            ))];
        }
        match self.options.read(record.bytes(), None) {
            Ok(Entry::Reading(reading)) => vec![Finding::Reading(*reading)],
            Ok(Entry::Ignored) => Vec::new(),
            Err(misread) => vec![Finding::Malformed(misread.into_malformed())],
        }
    }
}
