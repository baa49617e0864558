//! Which part of a record is which item: by a delimiter, by columns, or by the named groups of a regex.

use std::collections::BTreeMap;

use punchgate_kit::Malformed;
use regex::Regex;

use crate::settings::FieldSettings;

/// The items of one record by name.
pub(crate) type Items<'a> = BTreeMap<&'a str, String>;

/// How items are found.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    line: Option<Regex>,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Delimited {
        separator: Separator,
        quote: Option<char>,
        apostrophe: bool,
        items: BTreeMap<String, usize>,
    },
    Columns(BTreeMap<String, (usize, usize)>),
    Regex(Regex),
}

#[derive(Debug, Clone)]
enum Separator {
    Char(char),
    Regex(Regex),
}

impl Fields {
    /// Checks the settings.
    ///
    /// # Errors
    /// A sentence about what is wrong and how it should be.
    pub fn new(settings: FieldSettings) -> Result<Self, String> {
        let (line, how) = match settings {
            FieldSettings::Delimited {
                delimiter,
                separator,
                quote,
                apostrophe,
                line,
                items,
            } => {
                let separator = match (delimiter, separator) {
                    (Some(c), None) => Separator::Char(c),
                    (None, Some(pattern)) => Separator::Regex(regex("fields.separator", &pattern)?),
                    _ => return Err("fields: give either delimiter (one character) or separator (a regex)".to_owned()),
                };
                if let Some((item, _)) = items.iter().find(|(_, n)| **n == 0) {
                    return Err(format!("fields.items.{item} = 0: fields are counted from 1"));
                }
                (
                    line,
                    How::Delimited {
                        separator,
                        quote,
                        apostrophe,
                        items,
                    },
                )
            }
            FieldSettings::Columns { line, items } => {
                if let Some((item, (column, length))) = items.iter().find(|(_, (c, n))| *c == 0 || *n == 0) {
                    return Err(format!(
                        "fields.items.{item} = [{column}, {length}]: wanted a column counted from 1 and a length above 0"
                    ));
                }
                (line, How::Columns(items))
            }
            FieldSettings::Regex { pattern } => (None, How::Regex(regex("fields.pattern", &pattern)?)),
        };
        let fields = Self {
            line: line.map(|line| regex("fields.line", &line)).transpose()?,
            how,
        };
        if !fields.names().contains(&"id") {
            return Err("fields: no item id; say where the person's number stands".to_owned());
        }
        Ok(fields)
    }

    /// The items that are looked for.
    pub fn names(&self) -> Vec<&str> {
        match &self.how {
            How::Delimited { items, .. } => items.keys().map(String::as_str).collect(),
            How::Columns(items) => items.keys().map(String::as_str).collect(),
            How::Regex(pattern) => pattern.capture_names().flatten().collect(),
        }
    }

    /// Finds the items in a record.
    ///
    /// # Errors
    /// [`Malformed`] when the record is not written so, or an item is missing.
    pub fn find<'a>(&'a self, text: &str) -> Result<Items<'a>, Malformed> {
        if let Some(line) = self.line.as_ref().filter(|line| !line.is_match(text)) {
            return Err(Malformed::new(0, format!("a record like {line}"), text.as_bytes()));
        }
        match &self.how {
            How::Regex(pattern) => {
                let found = pattern
                    .captures(text)
                    .ok_or_else(|| Malformed::new(0, format!("a record like {pattern}"), text.as_bytes()))?;
                let names = pattern.capture_names().flatten();
                Ok(names
                    .filter_map(|name| Some((name, found.name(name)?.as_str().to_owned())))
                    .collect())
            }
            How::Columns(items) => items.iter().map(|(item, place)| columns(text, item, *place)).collect(),
            How::Delimited {
                separator,
                quote,
                apostrophe,
                items,
            } => {
                let fields = separator.split(text, *quote);
                let pick = |(item, n): (&'a String, &usize)| {
                    let field = fields
                        .get(n - 1)
                        .ok_or_else(|| Malformed::new(text.len(), format!("field {n}, the {item}"), text.as_bytes()))?;
                    let field = if *apostrophe {
                        field.strip_prefix('\'').unwrap_or(field)
                    } else {
                        field
                    };
                    Ok((item.as_str(), field.to_owned()))
                };
                items.iter().map(pick).collect()
            }
        }
    }
}

fn columns<'a>(text: &str, item: &'a str, (column, length): (usize, usize)) -> Result<(&'a str, String), Malformed> {
    let found: String = text.chars().skip(column - 1).take(length).collect();
    if found.is_empty() {
        return Err(Malformed::within(
            text.as_bytes(),
            text.len(),
            format!("column {column}, the {item}"),
        ));
    }
    Ok((item, found))
}

impl Separator {
    fn split(&self, text: &str, quote: Option<char>) -> Vec<String> {
        match self {
            Self::Regex(pattern) => pattern.split(text).map(str::to_owned).collect(),
            Self::Char(delimiter) => {
                let mut fields = vec![String::new()];
                let mut quoted = false;
                for c in text.chars() {
                    if Some(c) == quote {
                        quoted = !quoted;
                    } else if c == *delimiter && !quoted {
                        fields.push(String::new());
                    } else if let Some(field) = fields.last_mut() {
                        field.push(c);
                    }
                }
                fields
            }
        }
    }
}

/// Compiles a regex of the operator's.
///
/// # Errors
/// The setting's name and what is wrong with it.
pub(crate) fn regex(setting: &str, pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| format!("{setting}: {error}"))
}
