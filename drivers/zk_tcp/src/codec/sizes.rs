//! Counts and capacities: the answer to GET_FREE_SIZES (`zkteco-standalone-4370.md` section 5).

use punchgate_kit::Malformed;

use super::fields::u32_at;

/// The longest answer whose count of punches is believed even when it is 0.
const BELIEVED: usize = 92;

/// What a terminal says it holds and can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FreeSizes {
    /// Users.
    pub users: Option<u32>,
    /// Punches. `None` where it says 0 in a long answer: new firmware was seen to say so although its log was full.
    pub punches: Option<u32>,
    /// Punches it can hold.
    pub capacity: Option<u32>,
}

impl FreeSizes {
    /// Reads the data of the answer: 80, 92, 112 or more bytes, of which older firmware may lack the tail.
    ///
    /// # Errors
    /// When the count of punches is not among them, or is negative.
    pub fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let count = |at| u32_at(data, at).filter(|n| i32::try_from(*n).is_ok());
        let punches = count(32).ok_or_else(|| Malformed::within(data, 32, "the count of punches"))?;
        Ok(Self {
            users: count(16),
            punches: (punches > 0 || data.len() <= BELIEVED).then_some(punches),
            capacity: count(64).filter(|n| *n > 0),
        })
    }

    /// Writes an answer of `length` bytes, as a terminal does.
    pub fn render(users: u32, punches: u32, capacity: u32, length: usize) -> Vec<u8> {
        let mut data = vec![0; length];
        let fields = [
            (16, users),
            (32, punches),
            (60, 3000),
            (64, capacity),
            (72, 3000_u32.saturating_sub(users)),
            (76, capacity.saturating_sub(punches)),
        ];
        for (at, value) in fields {
            if let Some(field) = data.get_mut(at..at + 4) {
                field.copy_from_slice(&value.to_le_bytes());
            }
        }
        data
    }
}
