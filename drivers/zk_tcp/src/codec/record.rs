//! One punch as the log stores it, in each of the five layouts (`zkteco-standalone-4370.md` section 7).

use std::fmt;

use punchgate_kit::Malformed;

use super::{
    fields::{padded, text_at, u8_at, u16_at, u32_at},
    time::Numbers,
};

/// Whom a punch names.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// The number under which a person is enrolled; leading zeros count.
    Id(String),
    /// The index of a user entry, which means nothing without that device's user table.
    Index(u16),
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<who>")
    }
}

/// One punch, as a record of the log or an event holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub who: Who,
    /// The verify type, as it stands.
    pub verify: u8,
    /// The punch state, as it stands.
    pub state: u8,
    /// When, by the terminal's clock.
    pub time: Numbers,
    /// The work code, where the layout has one.
    pub work_code: u32,
}

/// How the records of a log are laid out. The stride changes with model and firmware: it is found at every read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// 8 bytes, index, verify, time, state.
    EightA,
    /// 8 bytes, index, verify, state, time: MA300.
    EightB,
    /// 16 bytes, the user id a number.
    Sixteen,
    /// 40 bytes, the user id a text: most of the market.
    Forty,
    /// 49 bytes, as 40 with 9 more.
    FortyNine,
}

impl Layout {
    /// All, those with the strongest structure first.
    pub const ALL: [Self; 5] = [Self::Forty, Self::FortyNine, Self::Sixteen, Self::EightA, Self::EightB];

    /// The length of a record, in bytes.
    pub const fn stride(self) -> usize {
        match self {
            Self::EightA | Self::EightB => 8,
            Self::Sixteen => 16,
            Self::Forty => 40,
            Self::FortyNine => 49,
        }
    }

    /// Its name in messages: the stride, and the variant where there are two.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EightA => "8a",
            Self::EightB => "8b",
            Self::Sixteen => "16",
            Self::Forty => "40",
            Self::FortyNine => "49",
        }
    }

    /// Whether its records name an index that only the user table can resolve.
    pub const fn needs_users(self) -> bool {
        matches!(self, Self::EightA | Self::EightB)
    }

    /// Reads one record. An impossible date is no error: it keeps its numbers.
    ///
    /// # Errors
    /// When the record is too short, is empty, or holds no readable user id.
    pub fn row(self, record: &[u8]) -> Result<Row, Malformed> {
        let whole = record.get(..self.stride());
        let record = whole.ok_or_else(|| Malformed::new(0, format!("a record of {} bytes", self.stride()), record))?;
        if record.iter().all(|byte| *byte == 0) {
            return Err(Malformed::new(0, "a punch, not an empty record", record));
        }
        let row = match self {
            Self::EightA => indexed(record, 3, 7),
            Self::EightB => indexed(record, 4, 3),
            Self::Sixteen => numbered(record),
            Self::Forty | Self::FortyNine => named(record),
        };
        row.ok_or_else(|| Malformed::new(2, "a printable user id", record.get(2..).unwrap_or_default()))
    }

    /// Writes one record, as a terminal does that knows the person under this index.
    pub fn render(self, uid: u16, row: &Row) -> Vec<u8> {
        let (uid, time) = (uid.to_le_bytes(), row.time.pack().to_le_bytes());
        let Who::Id(id) = &row.who else {
            return vec![0; self.stride()];
        };
        match self {
            Self::EightA => [&uid[..], &[row.verify], &time, &[row.state]].concat(),
            Self::EightB => [&uid[..], &[row.verify, row.state], &time].concat(),
            Self::Sixteen => {
                let number = id.parse::<u32>().unwrap_or_default().to_le_bytes();
                let work_code = row.work_code.to_le_bytes();
                [&number[..], &time, &[row.verify, row.state, 0, 0], &work_code].concat()
            }
            Self::Forty | Self::FortyNine => {
                let head = [&uid[..], &padded(id, 24), &[row.verify], &time, &[row.state]].concat();
                let mut record = [&head[..], &[0, 0, 0, 0, 0xFF, 0, 0, 0]].concat();
                record.resize(self.stride(), 0);
                record
            }
        }
    }
}

/// 8 bytes: only the places of time and state differ.
fn indexed(record: &[u8], time_at: usize, state_at: usize) -> Option<Row> {
    Some(Row {
        who: Who::Index(u16_at(record, 0)?),
        verify: u8_at(record, 2)?,
        state: u8_at(record, state_at)?,
        time: Numbers::unpack(u32_at(record, time_at)?),
        work_code: 0,
    })
}

fn numbered(record: &[u8]) -> Option<Row> {
    Some(Row {
        who: Who::Id(u32_at(record, 0)?.to_string()),
        verify: u8_at(record, 8)?,
        state: u8_at(record, 9)?,
        time: Numbers::unpack(u32_at(record, 4)?),
        work_code: u32_at(record, 12)?,
    })
}

fn named(record: &[u8]) -> Option<Row> {
    Some(Row {
        who: Who::Id(text_at(record, 2, 24)?),
        verify: u8_at(record, 26)?,
        state: u8_at(record, 31)?,
        time: Numbers::unpack(u32_at(record, 27)?),
        // A work code at 32 was seen on some models only, and what others keep there is no work code.
        work_code: 0,
    })
}
