//! Who is who: the people directory (`semantics.md` section 1, `surface.md` Contract).
//!
//! Numbers are strings: leading zeros count. A number that means two people resolves to nobody, and is reported.
//! Deliberately absent: reading files, and guessing.

mod csv_file;
mod difference;
mod lint;

use std::collections::{BTreeMap, BTreeSet};

use punchgate_model::{Credential, DeviceName};

use crate::{Cards, Groups, Person};
pub use csv_file::{CsvProblem, What};
pub use difference::{Difference, Row};
pub use lint::Remark;

/// Whose a credential is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// This person's.
    Person(Person),
    /// Nobody's that the directory knows.
    Unknown,
    /// Two people's; nobody is guessed.
    Ambiguous,
}

impl Resolution {
    /// The person, if there is exactly one.
    pub fn person(self) -> Option<Person> {
        match self {
            Self::Person(person) => Some(person),
            Self::Unknown | Self::Ambiguous => None,
        }
    }
}

/// Where a number is valid: on one device, or on all (`*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Everywhere,
    Device(String),
}

/// The people, their numbers, and their departments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory {
    numbers: BTreeMap<(Scope, Credential), BTreeSet<Person>>,
    departments: BTreeMap<Person, BTreeSet<String>>,
    names: BTreeMap<Person, String>,
    cards: Cards,
}

impl Directory {
    /// Reads one CSV file with the header `person,device,credential,kind,name,department`.
    ///
    /// Rows that cannot be used are left out and reported with their line; the others count.
    pub fn parse(bytes: &[u8]) -> (Self, Vec<CsvProblem>) {
        csv_file::parse(bytes)
    }

    /// A file as text, whatever it was saved as: UTF-8 with or without a BOM, or GBK.
    pub fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
        csv_file::decode(bytes).0
    }

    /// Adds the rows of another file.
    pub fn extend(&mut self, other: Self) {
        for (number, people) in other.numbers {
            self.numbers.entry(number).or_default().extend(people);
        }
        for (person, departments) in other.departments {
            self.departments.entry(person).or_default().extend(departments);
        }
        self.names.extend(other.names);
    }

    /// The same, for looking up cards by what they say: rows and what devices state are compared as the bits they mean.
    #[must_use]
    pub fn with_cards(mut self, cards: &Cards) -> Self {
        for ((scope, credential), people) in std::mem::take(&mut self.numbers) {
            let device = match &scope {
                Scope::Everywhere => None,
                Scope::Device(name) => Some(DeviceName::from(name.as_str())),
            };
            let number = (scope, cards.alike(device.as_ref(), &credential));
            self.numbers.entry(number).or_default().extend(people);
        }
        self.cards = cards.clone();
        self
    }

    /// Whose a credential is on a device. A row for the device goes before a row for all devices; a person named
    /// by the source needs no row.
    pub fn resolve(&self, device: &DeviceName, credential: &Credential) -> Resolution {
        match credential {
            Credential::Nobody => return Resolution::Unknown,
            Credential::Person(person) => return Resolution::Person(Person::new(person.as_str())),
            Credential::Enrol(_) | Credential::Card(_) => {}
        }
        let alike = self.cards.alike(Some(device), credential);
        let on = |scope| self.numbers.get(&(scope, alike.clone()));
        let people = on(Scope::Device(device.as_str().to_owned())).or_else(|| on(Scope::Everywhere));
        let mut people = people.into_iter().flatten();
        match (people.next(), people.next()) {
            (None, _) => Resolution::Unknown,
            (Some(person), None) => Resolution::Person(person.clone()),
            (Some(_), Some(_)) => Resolution::Ambiguous,
        }
    }

    /// The name of a person, where a row states it.
    pub fn name(&self, person: &Person) -> Option<&str> {
        self.names.get(person).map(String::as_str)
    }

    /// The departments of a person; more than one only where rows differ.
    pub fn departments(&self, person: &Person) -> impl Iterator<Item = &str> {
        self.departments.get(person).into_iter().flatten().map(String::as_str)
    }

    /// Everybody who is in one of these groups by one of the two directories only.
    pub fn moved(&self, other: &Self, groups: &BTreeSet<&str>) -> Vec<Person> {
        let people: BTreeSet<&Person> = self.departments.keys().chain(other.departments.keys()).collect();
        let differ = |person: &&Person| {
            let one = groups.iter().map(|group| self.belongs(person, group));
            one.ne(groups.iter().map(|group| other.belongs(person, group)))
        };
        people.into_iter().filter(differ).cloned().collect()
    }

    /// How many numbers it knows.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether it knows no number.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// What an operator should look at: numbers that differ only in leading zeros, or mean two people.
    pub fn lint(&self) -> Vec<Remark> {
        lint::lint(&self.numbers)
    }
}

/// Groups are departments.
impl Groups for Directory {
    fn belongs(&self, person: &Person, group: &str) -> bool {
        self.departments
            .get(person)
            .is_some_and(|departments| departments.contains(group))
    }
}
