//! The user table, as far as it is needed: which user id stands behind an internal index
//! (`zkteco-standalone-4370.md` section 8). Names and passwords in it are passed over.

use std::collections::HashMap;

use punchgate_kit::Malformed;

use super::fields::{padded, text_at, u16_at, u32_at};

/// How long a user entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserLayout {
    /// 28 bytes, the user id a number.
    Short,
    /// 72 bytes, the user id a text.
    Long,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The internal index, which differs from device to device.
    pub uid: u16,
    /// The number under which the person is enrolled.
    pub id: String,
}

impl UserLayout {
    /// Both, in the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::Long, Self::Short];

    /// The length of an entry, in bytes.
    pub const fn stride(self) -> usize {
        match self {
            Self::Short => 28,
            Self::Long => 72,
        }
    }

    /// The layout of entries of `total` bytes, of which there should be `count`.
    pub fn choose(entries: &[u8], count: Option<u32>) -> Option<Self> {
        let counted = count.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let hinted = counted.and_then(|n| Self::ALL.into_iter().find(|l| l.stride() * n == entries.len()));
        hinted.or_else(|| {
            let readable = |layout: &Self| entries.chunks(layout.stride()).all(|e| layout.user(e).is_ok());
            let fits = |layout: &Self| entries.len().is_multiple_of(layout.stride()) && readable(layout);
            Self::ALL.into_iter().find(fits)
        })
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// When it is too short or holds no user id.
    pub fn user(self, entry: &[u8]) -> Result<User, Malformed> {
        let wanted = |at| move || Malformed::within(entry, at, "a user id");
        let uid = u16_at(entry, 0).ok_or_else(|| Malformed::within(entry, 0, "a user index"))?;
        let id = match self {
            Self::Short => {
                let number = u32_at(entry, 24).filter(|n| *n > 0).ok_or_else(wanted(24))?;
                number.to_string()
            }
            Self::Long => text_at(entry, 48, 24).ok_or_else(wanted(48))?,
        };
        Ok(User { uid, id })
    }

    /// Writes one entry with a name, as a terminal does; privilege and password are empty.
    pub fn render(self, user: &User, name: &str) -> Vec<u8> {
        let uid = user.uid.to_le_bytes();
        match self {
            Self::Short => {
                let number: u32 = user.id.parse().unwrap_or_default();
                [
                    &uid[..],
                    &[0; 6],
                    &padded(name, 7),
                    &[0; 6],
                    &[1, 0, 0],
                    &number.to_le_bytes(),
                ]
                .concat()
            }
            Self::Long => [
                &uid[..],
                &[0; 9],
                &padded(name, 23),
                &[0; 5],
                &[1],
                &[0; 8],
                &padded(&user.id, 23),
                &[0],
            ]
            .concat(),
        }
    }
}

/// Which user id stands behind which internal index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Users(HashMap<u16, String>);

impl Users {
    /// Reads the entries of a user data set; entries that are none are passed over.
    pub fn parse(entries: &[u8], count: Option<u32>) -> Self {
        let Some(layout) = UserLayout::choose(entries, count) else {
            return Self::default();
        };
        let users = entries
            .chunks_exact(layout.stride())
            .filter_map(|e| layout.user(e).ok());
        Self(users.map(|user| (user.uid, user.id)).collect())
    }

    /// The user id behind an index.
    pub fn id_of(&self, uid: u16) -> Option<&str> {
        self.0.get(&uid).map(String::as_str)
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
