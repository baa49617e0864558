//! The directory's CSV: tolerant of what spreadsheets write, strict about what it means.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use punchgate_model::Credential;

use super::{Directory, Scope};
use crate::Person;

const HEADER: [&str; 6] = ["person", "device", "credential", "kind", "name", "department"];
/// The columns without which a row says nothing.
const NEEDED: [&str; 4] = ["person", "device", "credential", "kind"];

/// What is wrong with a line of the directory, or remarkable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvProblem {
    /// The line, from 1.
    pub line: u64,
    /// What.
    pub what: What,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A column is missing in the header; nothing is read.
    NoColumn(&'static str),
    /// The row is not CSV, or has too few fields.
    NoRow(String),
    /// A field is blank.
    Blank(&'static str),
    /// The kind is neither `enrol` nor `card`.
    UnknownKind(String),
    /// The row says what an earlier line says.
    Duplicate {
        /// That line.
        of: u64,
    },
    /// The number belongs to another person by an earlier line; it now means nobody.
    TwoPeople {
        /// That line.
        with: u64,
        /// The number, which prints masked.
        credential: Credential,
    },
    /// An earlier line puts the person in another department; both count.
    TwoDepartments {
        /// That line.
        with: u64,
    },
    /// A column that nobody reads; its name.
    UnknownColumn(String),
    /// A number as a spreadsheet writes it when it has rounded it, such as `1.02E+09`; the row does not count.
    Rounded,
    /// A number with characters that cannot be seen; the row does not count.
    Unprintable,
    /// The file is not UTF-8 from this line on and was read as GBK.
    Gbk,
    /// The file is neither UTF-8 nor GBK; what could not be read is replaced.
    NoText,
}

impl What {
    /// Whether the line still counts, so that this is a warning.
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::Duplicate { .. } | Self::TwoDepartments { .. } | Self::Gbk | Self::UnknownColumn(_)
        )
    }
}

impl fmt::Display for CsvProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.what {
            What::NoColumn(name) => write!(f, "no column {name:?}, wanted the header {}", HEADER.join(",")),
            What::NoRow(why) => write!(f, "not a row: {why}"),
            What::Blank(name) => write!(f, "the field {name:?} is blank"),
            What::UnknownKind(kind) => write!(f, "unknown kind {kind:?}, wanted enrol or card"),
            What::Duplicate { of } => write!(f, "says the same as line {of}"),
            What::TwoPeople { with, credential } => {
                write!(
                    f,
                    "{credential:?} belongs to another person by line {with}; it means nobody until one is removed"
                )
            }
            What::TwoDepartments { with } => write!(f, "another department than in line {with}; both count"),
            What::UnknownColumn(name) => write!(f, "the column {name:?} is not read, known: {}", HEADER.join(",")),
            What::Rounded => write!(
                f,
                "a spreadsheet has rounded the number; format the column as text and type it again"
            ),
            What::Unprintable => write!(f, "the number has characters that cannot be seen"),
            What::Gbk => write!(
                f,
                "not UTF-8; it was read as GBK (to convert it: iconv -f GBK -t UTF-8)"
            ),
            What::NoText => write!(f, "the file is neither UTF-8 nor GBK (save it as UTF-8)"),
        }
    }
}

pub(super) fn parse(bytes: &[u8]) -> (Directory, Vec<CsvProblem>) {
    let (text, doubt) = decode(bytes);
    let mut reading = Rows {
        problems: doubt.into_iter().collect(),
        ..Rows::default()
    };
    let mut rows = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = match rows.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            reading.report(1, What::NoRow(error.to_string()));
            return (reading.directory, reading.problems);
        }
    };
    let columns: BTreeMap<&str, usize> = header.iter().enumerate().map(|(index, name)| (name, index)).collect();
    for unknown in header.iter().filter(|name| !name.is_empty() && !HEADER.contains(name)) {
        reading.report(1, What::UnknownColumn(unknown.chars().take(40).collect()));
    }
    for missing in NEEDED.into_iter().filter(|name| !columns.contains_key(name)) {
        reading.report(1, What::NoColumn(missing));
    }
    if NEEDED.into_iter().all(|name| columns.contains_key(name)) {
        for row in rows.records() {
            match row {
                Ok(row) => reading.row(line_of(&row, &text), &row, &columns),
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    reading.report(line, What::NoRow(error.to_string()));
                }
            }
        }
    }
    (reading.directory, reading.problems)
}

/// UTF-8 with or without a BOM; anything else is taken for GBK, which spreadsheets in China write.
pub(super) fn decode(bytes: &[u8]) -> (Cow<'_, str>, Option<CsvProblem>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let odd = match std::str::from_utf8(bytes) {
        Ok(text) => return (Cow::Borrowed(text), None),
        Err(error) => bytes.get(..error.valid_up_to()).unwrap_or_default(),
    };
    let before = odd.iter().filter(|byte| **byte == b'\n').count();
    let (text, damaged) = encoding_rs::GBK.decode_without_bom_handling(bytes);
    let doubt = CsvProblem {
        line: u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1),
        what: if damaged { What::NoText } else { What::Gbk },
    };
    (text, Some(doubt))
}

/// The line a row is on. The reader counts from where it began to look, which is before any blank lines.
fn line_of(row: &csv::StringRecord, text: &str) -> u64 {
    let Some(position) = row.position() else { return 0 };
    let from = usize::try_from(position.byte())
        .ok()
        .and_then(|byte| text.as_bytes().get(byte..));
    let blank = from
        .into_iter()
        .flatten()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let skipped = blank.filter(|byte| **byte == b'\n').count();
    position.line().saturating_add(u64::try_from(skipped).unwrap_or(0))
}

/// Whether a number is written with an exponent, as `1.02E+09`: digits are lost.
fn is_rounded(number: &str) -> bool {
    let parts = number.split_once("E+").or_else(|| number.split_once("e+"));
    let numeric = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    parts.is_some_and(|(digits, exponent)| numeric(digits) && exponent.chars().all(|c| c.is_ascii_digit()))
}

#[derive(Default)]
struct Rows {
    directory: Directory,
    problems: Vec<CsvProblem>,
    seen: BTreeMap<(Scope, Credential, Person), u64>,
    first: BTreeMap<(Scope, Credential), u64>,
    placed: BTreeMap<Person, (String, u64)>,
}

impl Rows {
    fn report(&mut self, line: u64, what: What) {
        self.problems.push(CsvProblem { line, what });
    }

    fn row(&mut self, line: u64, row: &csv::StringRecord, columns: &BTreeMap<&str, usize>) {
        let field = |name: &str| columns.get(name).and_then(|index| row.get(*index)).unwrap_or("");
        if row.iter().all(str::is_empty) {
            return;
        }
        if let Some(blank) = NEEDED.into_iter().find(|name| field(name).is_empty()) {
            return self.report(line, What::Blank(blank));
        }
        let number = field("credential").to_owned();
        if number.chars().any(char::is_control) {
            return self.report(line, What::Unprintable);
        }
        if is_rounded(&number) {
            return self.report(line, What::Rounded);
        }
        let credential = match field("kind") {
            "enrol" => Credential::Enrol(number),
            "card" => Credential::Card(number),
            other => return self.report(line, What::UnknownKind(other.chars().take(40).collect())),
        };
        let scope = match field("device") {
            "*" => Scope::Everywhere,
            name => Scope::Device(name.to_owned()),
        };
        let person = Person::new(field("person"));
        self.describe(line, &person, field("name"), field("department"));
        self.number(line, scope, credential, person);
    }

    fn number(&mut self, line: u64, scope: Scope, credential: Credential, person: Person) {
        let key = (scope.clone(), credential.clone(), person.clone());
        if let Some(of) = self.seen.get(&key).copied() {
            return self.report(line, What::Duplicate { of });
        }
        self.seen.insert(key, line);
        let number = (scope, credential.clone());
        let with = *self.first.entry(number.clone()).or_insert(line);
        if with != line {
            self.report(line, What::TwoPeople { with, credential });
        }
        self.directory.numbers.entry(number).or_default().insert(person);
    }

    fn describe(&mut self, line: u64, person: &Person, name: &str, department: &str) {
        if !name.is_empty() {
            self.directory
                .names
                .entry(person.clone())
                .or_insert_with(|| name.to_owned());
        }
        if department.is_empty() {
            return;
        }
        self.directory
            .departments
            .entry(person.clone())
            .or_default()
            .insert(department.to_owned());
        let (known, with) = self
            .placed
            .entry(person.clone())
            .or_insert_with(|| (department.to_owned(), line));
        if known != department {
            let with = *with;
            self.report(line, What::TwoDepartments { with });
        }
    }
}
