//! Reads one table of the configuration, key by key, and afterwards complains of the keys nobody asked for.
//!
//! Promises: a wrong value is reported and treated as absent, so that one run lists every fault.

use std::cell::RefCell;

use super::{
    nearest::nearest,
    node::{Entry, Node, Table, Value},
    place::Place,
    problem::{Problem, ProblemKind, Wanted},
    value::FromNode,
};

/// Collects what is wrong while the sections are read.
#[derive(Default)]
pub(crate) struct Findings(RefCell<Vec<Problem>>);

impl Findings {
    pub(crate) fn push(&self, at: &Place, kind: ProblemKind) {
        self.0.borrow_mut().push(Problem::at(at.clone(), kind));
    }

    pub(crate) fn extend(&self, problems: Vec<Problem>) {
        self.0.borrow_mut().extend(problems);
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

pub(crate) struct Reader<'a> {
    table: &'a Table,
    section: String,
    asked: RefCell<Vec<&'static str>>,
    pub(crate) findings: &'a Findings,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(table: &'a Table, section: impl Into<String>, findings: &'a Findings) -> Self {
        Self {
            table,
            section: section.into(),
            asked: RefCell::default(),
            findings,
        }
    }

    pub(crate) fn at(&self) -> &'a Place {
        &self.table.at
    }

    /// The entry as written; the key then counts as known.
    pub(crate) fn entry(&self, key: &'static str) -> Option<&'a Entry> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    pub(crate) fn get<T: FromNode>(&self, key: &'static str) -> Option<T> {
        let entry = self.entry(key)?;
        match T::from_node(key, &entry.node) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.findings.extend(vec![problem]);
                None
            }
        }
    }

    pub(crate) fn or<T: FromNode>(&self, key: &'static str, default: T) -> T {
        self.get(key).unwrap_or(default)
    }

    /// A key without which the section means nothing.
    pub(crate) fn need<T: FromNode>(&self, key: &'static str) -> Option<T> {
        if self.table.get(key).is_none() {
            self.asked.borrow_mut().push(key);
            self.missing(key);
        }
        self.get(key)
    }

    pub(crate) fn missing(&self, key: &str) {
        self.findings.push(
            self.at(),
            ProblemKind::Missing {
                key: key.to_owned(),
                section: self.section.clone(),
            },
        );
    }

    /// A whole number within bounds.
    pub(crate) fn number(&self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number: i64 = self.get(key)?;
        if range.contains(&number) {
            return Some(number);
        }
        let at = self.place_of(key);
        self.findings.push(
            &at,
            ProblemKind::OutOfRange {
                key: key.to_owned(),
                got: number,
                min: *range.start(),
                max: *range.end(),
            },
        );
        None
    }

    /// Where a key's value stands, or the section when it is absent.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.table
            .get(key)
            .map_or_else(|| self.table.at.clone(), |entry| entry.node.at.clone())
    }

    /// A table inside this one.
    pub(crate) fn table(&self, key: &'static str) -> Option<Reader<'a>> {
        let entry = self.entry(key)?;
        match &entry.node.value {
            Value::Table(table) => Some(Reader::new(table, self.inner(key), self.findings)),
            other => {
                self.wrong(key, &entry.node, Wanted::Table, other);
                None
            }
        }
    }

    /// The tables of an array of tables, `[[key]]`.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Reader<'a>> {
        let Some(entry) = self.entry(key) else {
            return Vec::new();
        };
        let Value::List(list) = &entry.node.value else {
            self.wrong(key, &entry.node, Wanted::List, &entry.node.value);
            return Vec::new();
        };
        let mut readers = Vec::with_capacity(list.len());
        for item in list {
            match &item.value {
                Value::Table(table) => readers.push(Reader::new(table, self.inner(key), self.findings)),
                other => self.wrong(key, item, Wanted::Table, other),
            }
        }
        readers
    }

    fn wrong(&self, key: &str, node: &Node, wanted: Wanted, got: &Value) {
        self.findings.push(
            &node.at,
            ProblemKind::WrongType {
                key: key.to_owned(),
                wanted,
                got: got.kind(),
            },
        );
    }

    fn inner(&self, key: &str) -> String {
        if self.section.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.section)
        }
    }

    /// The entries nobody asked for.
    pub(crate) fn rest(&self) -> Vec<&'a Entry> {
        let asked = self.asked.borrow();
        self.table
            .entries
            .iter()
            .filter(|entry| !asked.contains(&entry.key.as_str()))
            .collect()
    }

    /// The keys that were asked for.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        self.asked.borrow().clone()
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        for entry in self.rest() {
            self.unknown(&entry.key, &entry.key_at, &[]);
        }
    }

    pub(crate) fn unknown(&self, key: &str, at: &Place, also: &[&'static str]) {
        let mut known = self.asked();
        known.extend(also);
        known.sort_unstable();
        known.dedup();
        self.findings.push(
            at,
            ProblemKind::UnknownKey {
                key: key.to_owned(),
                section: self.section.clone(),
                nearest: nearest(key, known.iter().copied()),
                known: known.into_iter().map(str::to_owned).collect(),
            },
        );
    }
}
