//! `punchgate replay`: the same rules over a file (`semantics.md` section 7).
//!
//! Lines with equal ids are one punch; where they differ, [`crate::one_of`] chooses, whatever their order. Fields
//! the format does not know are ignored, so that exports with more columns can be replayed. Deliberately absent:
//! files, configuration and exit codes; the command brings them.

mod line;

use std::io::{self, BufRead};

use punchgate_model::Timestamp;
use serde::Serialize;

use crate::{Groups, Punch, PunchId, Record, Rules, Verdict, evaluate};
pub use line::{LineError, parse_line};

/// What came out of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    /// JSON lines without line ends, sorted by (person, time of the earliest punch, type, id).
    pub lines: Vec<String>,
    /// Lines that did not parse; the others count.
    pub problems: Vec<Problem>,
}

/// A line that did not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Problem {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: LineError,
}

/// Replays JSON lines. `until` is how far the data are complete; `None`: altogether.
///
/// A BOM, CRLF line ends and blank lines are tolerated.
///
/// # Errors
/// Only those of reading the input.
pub fn replay(
    mut input: impl BufRead,
    rules: &Rules,
    groups: &dyn Groups,
    until: Option<Timestamp>,
) -> io::Result<Replay> {
    let mut punches = Vec::new();
    let mut problems = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let text = if line == 1 {
            bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)
        } else {
            &bytes
        };
        if text.trim_ascii().is_empty() {
            continue;
        }
        match parse_line(text) {
            Ok(punch) => punches.push(punch),
            Err(why) => problems.push(Problem { line, why }),
        }
    }
    Ok(Replay {
        lines: lines(&punches, rules, groups, until),
        problems,
    })
}

/// What the rules say about punches, as sorted JSON lines.
pub fn lines(punches: &[Punch], rules: &Rules, groups: &dyn Groups, until: Option<Timestamp>) -> Vec<String> {
    let found = evaluate(punches, groups, rules, until);
    let mut out: Vec<Line<'_>> = found.records.iter().map(Line::Record).collect();
    out.extend(found.verdicts.iter().map(Line::Verdict));
    out.sort_by_cached_key(Line::key);
    out.iter().map(Line::json).collect()
}

enum Line<'a> {
    Record(&'a Record),
    Verdict(&'a Verdict),
}

impl Line<'_> {
    /// A verdict goes by the id of its second punch, or of its first where it has no second, then by policy.
    fn key(&self) -> (String, Timestamp, u8, Option<PunchId>, String) {
        match self {
            Self::Record(r) => (r.person.to_string(), r.first_at, 0, Some(r.id.clone()), String::new()),
            Self::Verdict(v) => (
                v.person.to_string(),
                v.at,
                1,
                v.key_punch().cloned(),
                v.policy.to_string(),
            ),
        }
    }

    fn json(&self) -> String {
        let json = match self {
            Self::Record(r) => serde_json::to_string(&RecordLine {
                r#type: "record",
                id: r.id.as_str(),
                person: r.person.as_str(),
                repeats: &r.repeats,
            }),
            Self::Verdict(v) => serde_json::to_string(&VerdictLine {
                r#type: "verdict",
                policy: &v.policy,
                person: v.person.as_str(),
                outcome: v.outcome.word(),
                first: v.first.as_ref(),
                second: v.second.as_ref(),
                gap_ms: v.gap_ms,
                certain: v.certain,
                superseded: &v.superseded,
                repeats: &v.repeats,
            }),
        };
        // Strings, numbers and lists always have a JSON form.
        json.unwrap_or_default()
    }
}

#[derive(Serialize)]
struct RecordLine<'a> {
    r#type: &'static str,
    id: &'a str,
    person: &'a str,
    repeats: &'a [PunchId],
}

#[derive(Serialize)]
struct VerdictLine<'a> {
    r#type: &'static str,
    policy: &'a str,
    person: &'a str,
    outcome: &'static str,
    first: Option<&'a PunchId>,
    second: Option<&'a PunchId>,
    gap_ms: Option<i64>,
    certain: Option<bool>,
    superseded: &'a [PunchId],
    repeats: &'a [PunchId],
}
