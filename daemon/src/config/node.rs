//! A parsed configuration in which every key and value knows its place.
//!
//! Promises: reading a file never stops at the first fault; syntax errors come out with their places. What the
//! keys mean is decided by the sections.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{
    place::{Lines, Place},
    problem::{Problem, ProblemKind},
};

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    When(String),
    List(Vec<Node>),
    Table(Table),
}

impl Value {
    /// The TOML word for what this is.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::Flag(_) => "boolean",
            Self::When(_) => "datetime",
            Self::List(_) => "array",
            Self::Table(_) => "table",
        }
    }
}

/// Keys and values in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) at: Place,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Place,
    pub(crate) node: Node,
}

impl Table {
    pub(crate) fn empty(file: &Path) -> Self {
        Self {
            at: Place {
                file: file.into(),
                line: 1,
                column: 1,
            },
            entries: Vec::new(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Parses one file. A byte order mark and CRLF are tolerated.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Table, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(file, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<Problem> = errors
        .iter()
        .map(|error| {
            let at = lines.place(error.span().unwrap_or(0..0));
            Problem::at(
                at,
                ProblemKind::Syntax {
                    why: error.message().trim().to_owned(),
                },
            )
        })
        .collect();
    let at = lines.place(0..0);
    let table = table(&lines, root.into_inner(), at, &mut problems);
    if problems.is_empty() { Ok(table) } else { Err(problems) }
}

fn table(lines: &Lines<'_>, table: DeTable<'_>, at: Place, problems: &mut Vec<Problem>) -> Table {
    let mut entries: Vec<Entry> = Vec::with_capacity(table.len());
    for (key, value) in table {
        let key_at = lines.place(key.span());
        let value_at = lines.place(value.span());
        let node = node(lines, value.into_inner(), value_at, problems);
        entries.push(Entry {
            key: key.into_inner().into_owned(),
            key_at,
            node,
        });
    }
    entries.sort_by(|a, b| a.key_at.cmp(&b.key_at));
    Table { at, entries }
}

fn node(lines: &Lines<'_>, value: DeValue<'_>, at: Place, problems: &mut Vec<Problem>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(when) => Value::When(when.to_string()),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => {
                problems.push(Problem::at(
                    at.clone(),
                    ProblemKind::HugeNumber {
                        got: number.to_string(),
                    },
                ));
                Value::Integer(0)
            }
        },
        DeValue::Array(list) => Value::List(
            list.into_iter()
                .map(|item| {
                    let at = lines.place(item.span());
                    node(lines, item.into_inner(), at, problems)
                })
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(lines, inner, at.clone(), problems)),
    };
    Node { at, value }
}
