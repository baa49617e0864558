//! Rows that are valid and probably not meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use punchgate_model::Credential;

use super::Scope;
use crate::Person;

/// Something in the directory to look at. Numbers print masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// One number, two people: it resolves to nobody.
    TwoPeople {
        /// The device, or `*`.
        device: String,
        /// The number.
        credential: Credential,
        /// The people.
        people: Vec<Person>,
    },
    /// Numbers that differ only in leading zeros belong to different people.
    LeadingZeros {
        /// The device, or `*`.
        device: String,
        /// The numbers.
        credentials: Vec<Credential>,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoPeople {
                device,
                credential,
                people,
            } => {
                let people: Vec<&str> = people.iter().map(Person::as_str).collect();
                write!(
                    f,
                    "{credential:?} on device {device} is {}: it means nobody until one is left",
                    people.join(" and ")
                )
            }
            Self::LeadingZeros { device, credentials } => {
                let count = credentials.len();
                write!(f, "{count} numbers on device {device} differ only in leading zeros: ")?;
                let widths: Vec<String> = credentials
                    .iter()
                    .map(|c| format!("{c:?} ({} digits)", c.number().len()))
                    .collect();
                f.write_str(&widths.join(", "))
            }
        }
    }
}

type Row<'a> = (&'a Credential, &'a BTreeSet<Person>);

pub(super) fn lint(numbers: &BTreeMap<(Scope, Credential), BTreeSet<Person>>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut stems: BTreeMap<(&Scope, &str, &str), Vec<Row<'_>>> = BTreeMap::new();
    for ((scope, credential), people) in numbers {
        if people.len() > 1 {
            let people = people.iter().cloned().collect();
            remarks.push(Remark::TwoPeople {
                device: device(scope),
                credential: credential.clone(),
                people,
            });
        }
        let stem = credential.number().trim_start_matches('0');
        stems
            .entry((scope, credential.kind(), stem))
            .or_default()
            .push((credential, people));
    }
    for ((scope, ..), rows) in stems {
        let people: BTreeSet<&Person> = rows.iter().flat_map(|(_, people)| people.iter()).collect();
        if rows.len() > 1 && people.len() > 1 {
            let credentials = rows.into_iter().map(|(credential, _)| credential.clone()).collect();
            remarks.push(Remark::LeadingZeros {
                device: device(scope),
                credentials,
            });
        }
    }
    remarks
}

fn device(scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => "*".to_owned(),
        Scope::Device(name) => name.clone(),
    }
}
