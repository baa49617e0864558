//! A whole log, read: its rows in storage order, and what in it was no row.

use punchgate_kit::Malformed;
use punchgate_model::{Origin, Reading};

use crate::{
    codec::{Layout, Numbers, Row, user::Users},
    mapping::{Mapping, Ordinals},
};

/// The rows of a log.
#[derive(Debug)]
pub struct Rows<'a> {
    rows: Vec<(Row, &'a [u8])>,
    /// Records that could not be read; offsets are within the entries.
    pub garbled: Vec<Malformed>,
}

impl<'a> Rows<'a> {
    /// Reads entries in a layout. A record that cannot be read, or a rest at the end, is garbled; the others still count.
    pub fn read(entries: &'a [u8], layout: Layout) -> Self {
        let (mut rows, mut garbled) = (Vec::new(), Vec::new());
        for (index, record) in entries.chunks(layout.stride()).enumerate() {
            match layout.row(record) {
                Ok(row) => rows.push((row, record)),
                Err(why) => garbled.push(Malformed {
                    at: why.at + index * layout.stride(),
                    ..why
                }),
            }
        }
        Self { rows, garbled }
    }

    /// The readings of the rows, in storage order, with ordinals among equal ones.
    pub fn readings(&self, mapping: &Mapping, users: Option<&Users>) -> impl Iterator<Item = Reading> {
        let mut ordinals = Ordinals::default();
        self.rows.iter().map(move |(row, record)| {
            let mut reading = mapping.reading(row, record, users, Origin::Log);
            reading.occurrence = ordinals.next(&reading, row.time);
            reading
        })
    }

    /// How many records there are, garbled ones included.
    pub fn count(&self) -> usize {
        self.rows.len() + self.garbled.len()
    }
}

/// The latest time that a record may bear when the clock shows these numbers.
pub fn a_day_later(clock: Numbers) -> Numbers {
    let civil = clock.device_time().civil;
    let later = civil.and_then(|civil| civil.checked_add(jiff::Span::new().days(1)).ok());
    later.map_or(clock, Numbers::from_civil)
}
