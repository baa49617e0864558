//! What a terminal tells unasked (`zkteco-standalone-4370.md` section 10).

use punchgate_kit::Malformed;

use super::{
    Layout, Packet, Row, Who,
    fields::{padded, text_at, u8_at, u16_at, u32_at},
    stride::is_plausible,
    time::Numbers,
};

/// The mask for punches alone.
pub const PUNCHES: u32 = 1;
/// The mask for all events, as vendor software sends it.
pub const ALL: u32 = 0xFFFF;

/// The lengths of one punch in an event, those with the strongest structure first.
const LENGTHS: [usize; 7] = [32, 36, 37, 52, 12, 10, 14];

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody punched; almost always one row. Each comes with its bytes.
    Punches(Vec<(Row, Vec<u8>)>),
    /// Something else.
    Notice(Notice),
}

/// An event that is no punch, so that nothing has to be stored before it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    bit: u16,
    code: Option<u32>,
}

impl Notice {
    /// The protocol's name for it.
    pub const fn name(&self) -> &'static str {
        match self.bit {
            2 => "FINGER",
            4 => "ENROLLUSER",
            8 => "ENROLLFINGER",
            16 => "BUTTON",
            32 => "UNLOCK",
            128 => "VERIFY",
            256 => "FPFTR",
            512 => "ALARM",
            _ => "EVENT",
        }
    }

    /// Whether a person should know: an alarm.
    pub const fn is_alarm(&self) -> bool {
        self.bit == 512
    }

    /// What is known of it, in words. Names no person.
    pub fn details(&self) -> String {
        let meaning = match (self.bit, self.code) {
            (512, Some(0x3A)) => "misoperation",
            (512, Some(0x37)) => "tamper",
            (512, Some(0x35)) => "exit button",
            (512, Some(0x54)) => "door closed",
            (512, Some(0x20)) => "duress",
            (512, Some(0x22)) => "passback",
            (128, Some(u32::MAX)) => "not recognised",
            (128, _) => "recognised",
            _ => return format!("event bit {}", self.bit),
        };
        meaning.to_owned()
    }
}

impl Event {
    /// Reads an event: the bit stands in the session field.
    ///
    /// # Errors
    /// When it says that somebody punched, but no known layout fits.
    pub fn parse(packet: &Packet) -> Result<Self, Malformed> {
        match packet.session {
            1 => punches(&packet.data).map(Self::Punches),
            bit => Ok(Self::Notice(Notice {
                bit,
                code: code_of(bit, &packet.data),
            })),
        }
    }
}

/// The number that says what happened: behind `FFFFFFFF` in the long alarms.
fn code_of(bit: u16, data: &[u8]) -> Option<u32> {
    match (bit, u32_at(data, 0)) {
        (512, Some(u32::MAX)) => u16_at(data, 4).map(u32::from),
        (_, first) => first,
    }
}

/// One punch of a known length; several when the length is an exact multiple and all of them make sense; else one of 32
/// bytes with more behind it.
fn punches(data: &[u8]) -> Result<Vec<(Row, Vec<u8>)>, Malformed> {
    let single = LENGTHS.contains(&data.len()).then(|| row(data, data.len())).flatten();
    if let Some(row) = single {
        return Ok(vec![(row, data.to_vec())]);
    }
    let several = LENGTHS
        .into_iter()
        .filter(|length| data.len().is_multiple_of(*length) && data.len() > *length);
    for length in several {
        let rows: Option<Vec<_>> = data
            .chunks(length)
            .map(|c| row(c, length).map(|r| (r, c.to_vec())))
            .collect();
        match rows {
            Some(rows) if rows.iter().all(|(row, _)| is_plausible(row, Layout::Forty, None)) => return Ok(rows),
            _ => {}
        }
    }
    let long = if data.len() >= 52 { row(data, 32) } else { None };
    long.map(|row| vec![(row, data.to_vec())])
        .ok_or_else(|| Malformed::new(0, "a punch of 10, 12, 14, 32, 36, 37 or at least 52 bytes", data))
}

fn row(data: &[u8], length: usize) -> Option<Row> {
    let (who, at) = match length {
        10 | 14 => (Who::Index(u16_at(data, 0)?), 2),
        12 => (Who::Id(u32_at(data, 0)?.to_string()), 4),
        _ => (Who::Id(text_at(data, 0, 24)?), 24),
    };
    let time: [u8; 6] = data.get(at + 2..at + 8)?.try_into().ok()?;
    Some(Row {
        who,
        verify: u8_at(data, at)?,
        state: u8_at(data, at + 1)?,
        time: Numbers::from_event(time),
        work_code: 0,
    })
}

/// Writes the data of a punch event of `length` bytes, as a terminal does that knows the person under this index.
pub fn render(uid: u16, row: &Row, length: usize) -> Vec<u8> {
    let Who::Id(id) = &row.who else { return Vec::new() };
    let who = match length {
        10 | 14 => uid.to_le_bytes().to_vec(),
        12 => id.parse::<u32>().unwrap_or_default().to_le_bytes().to_vec(),
        _ => padded(id, 24),
    };
    let mut data = [&who[..], &[row.verify, row.state], &row.time.to_event()].concat();
    data.resize(length.max(data.len()), 0);
    data
}
