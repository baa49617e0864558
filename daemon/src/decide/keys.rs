//! How things are found in the buffer: keys that sort by subject, then by time, then by id.

use std::sync::Arc;

use punchgate_model::{Credential, Timestamp};
use punchgate_rules::{Person, Punch};

/// Whose timeline a punch lies on: a person, or a credential nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// A person's.
    pub fn of_person(person: &Person) -> Self {
        Self(format!("p:{person}").into())
    }

    /// A credential's.
    pub fn of_credential(credential: &Credential, device: &str) -> Self {
        Self(format!("c:{}:{device}:{}", credential.kind(), credential.number()).into())
    }

    /// The one on which this punch lies.
    pub fn of(punch: &Punch) -> Self {
        match &punch.person {
            Some(person) => Self::of_person(person),
            None => Self::of_credential(&punch.credential, punch.source.as_str()),
        }
    }

    /// Whose it is, unless it is a credential's.
    pub fn person(&self) -> Option<Person> {
        self.0.strip_prefix("p:").map(Person::from)
    }

    /// Whether it is a credential that nobody is known by.
    pub fn is_credential(&self) -> bool {
        self.0.starts_with("c:")
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From text that [`Subject::as_str`] gave.
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// What all its keys begin with. The length comes first, so that no subject is a prefix of another.
    pub fn prefix(&self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        [&length.to_be_bytes(), self.0.as_bytes()].concat()
    }

    /// The first key at or after an instant.
    pub fn at(&self, at: Timestamp) -> Vec<u8> {
        [self.prefix(), sortable(at).to_vec()].concat()
    }

    /// The key of one thing.
    pub fn key(&self, at: Timestamp, id: &str) -> Vec<u8> {
        [self.at(at), id.as_bytes().to_vec()].concat()
    }

    /// The first key after all of its own.
    pub fn end(&self) -> Vec<u8> {
        [self.prefix(), vec![0xff; 9]].concat()
    }
}

/// An instant as bytes that sort as instants do.
pub fn sortable(at: Timestamp) -> [u8; 8] {
    (at.as_millis().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// The instant of bytes that [`sortable`] gave.
pub fn instant(bytes: [u8; 8]) -> Timestamp {
    Timestamp::from_millis((u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_time_across_the_epoch_and_subjects_do_not_mix() {
        let (a, ab) = (
            Subject::of_person(&Person::from("E1")),
            Subject::of_person(&Person::from("E10")),
        );
        let times = [
            Timestamp::MIN,
            Timestamp::from_millis(-1),
            Timestamp::from_millis(0),
            Timestamp::MAX,
        ];
        let keys: Vec<_> = times.iter().map(|at| a.key(*at, "x")).collect();
        assert!(keys.is_sorted());
        assert!(keys.iter().all(|key| key.starts_with(&a.prefix()) && *key < a.end()));
        assert!(!ab.key(Timestamp::MIN, "x").starts_with(&a.prefix()));
    }
}
