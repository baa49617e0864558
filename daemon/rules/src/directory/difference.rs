//! What another directory would change, and a directory as rows again.

use std::collections::BTreeSet;

use punchgate_model::Credential;

use super::{Directory, Scope};
use crate::Person;

/// One row. Its credential prints masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub person: Person,
    /// On which device, or `*`.
    pub device: String,
    /// Which number.
    pub credential: Credential,
    /// The person's name, or nothing.
    pub name: String,
    /// A department, or nothing.
    pub department: String,
}

/// What is different in another directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Numbers that are somebody's only there: device, number, whose.
    pub added: Vec<(String, Credential, Vec<Person>)>,
    /// Numbers that are somebody's only here.
    pub removed: Vec<(String, Credential, Vec<Person>)>,
    /// Numbers that are others' there: whose here, whose there.
    pub passed_on: Vec<(String, Credential, Vec<Person>, Vec<Person>)>,
    /// People whose name or departments differ.
    pub described: Vec<Person>,
}

impl Difference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Directory {
    /// All rows, by device and number. A person in two departments has a row for each.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.numbers.iter().flat_map(move |((scope, credential), people)| {
            let rows = move |person: &Person| {
                let mut departments: Vec<&str> = self.departments(person).collect();
                if departments.is_empty() {
                    departments.push("");
                }
                let row = |department: &str| Row {
                    person: person.clone(),
                    device: text(scope),
                    credential: credential.clone(),
                    name: self.name(person).unwrap_or_default().to_owned(),
                    department: department.to_owned(),
                };
                departments.into_iter().map(row).collect::<Vec<_>>()
            };
            people.iter().flat_map(rows).collect::<Vec<_>>()
        })
    }

    /// What another directory would change.
    pub fn difference(&self, other: &Self) -> Difference {
        let mut found = Difference::default();
        let numbers: BTreeSet<_> = self.numbers.keys().chain(other.numbers.keys()).collect();
        for number in numbers {
            let (device, credential) = (text(&number.0), number.1.clone());
            let whose = |directory: &Self| {
                directory
                    .numbers
                    .get(number)
                    .map(|people| people.iter().cloned().collect())
            };
            match (whose(self), whose(other)) {
                (None, Some(there)) => found.added.push((device, credential, there)),
                (Some(here), None) => found.removed.push((device, credential, here)),
                (Some(here), Some(there)) if here != there => {
                    found.passed_on.push((device, credential, here, there));
                }
                _ => {}
            }
        }
        let people: BTreeSet<&Person> = [self, other].into_iter().flat_map(Self::described).collect();
        let differ = |person: &&Person| {
            self.name(person) != other.name(person) || self.departments(person).ne(other.departments(person))
        };
        found.described = people.into_iter().filter(differ).cloned().collect();
        found
    }

    fn described(&self) -> impl Iterator<Item = &Person> {
        self.names.keys().chain(self.departments.keys())
    }
}

fn text(scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => "*".to_owned(),
        Scope::Device(name) => name.clone(),
    }
}

impl Directory {
    /// Its rows as CSV, with the header; reads back to the same.
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = ["person", "device", "credential", "kind", "name", "department"];
        // Writing to memory does not fail.
        let _ = writer.write_record(header);
        for row in self.rows() {
            let fields = [
                row.person.as_str(),
                &row.device,
                row.credential.number(),
                row.credential.kind(),
                &row.name,
                &row.department,
            ];
            let _ = writer.write_record(fields);
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}
