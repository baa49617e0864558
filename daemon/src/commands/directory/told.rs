//! What is found in a directory, as sentences.

use std::path::Path;

use punchgate_rules::{
    Person,
    directory::{CsvProblem, Difference, Remark, What},
};
use serde_json::{Value, json};

use crate::messages::Message;

/// What is wrong with a line.
pub(super) fn problem(problem: &CsvProblem) -> Message {
    match &problem.what {
        What::NoColumn(name) => Message::new("directory-no-column").with("name", name),
        What::NoRow(why) => Message::new("directory-no-row").with("why", why),
        What::Blank(name) => Message::new("directory-blank").with("name", name),
        What::UnknownKind(kind) => Message::new("directory-unknown-kind").with("kind", kind),
        What::Duplicate { of } => Message::new("directory-duplicate").with("of", of),
        What::TwoPeople { with, credential } => Message::new("directory-two-people")
            .with("with", with)
            .with("credential", format!("{credential:?}")),
        What::TwoDepartments { with } => Message::new("directory-two-departments").with("with", with),
        What::UnknownColumn(name) => Message::new("directory-unknown-column").with("name", name),
        What::Rounded => Message::new("directory-rounded"),
        What::Unprintable => Message::new("directory-unprintable"),
        What::Gbk => Message::new("directory-gbk"),
        What::NoText => Message::new("directory-no-text"),
    }
}

/// What is valid and probably not meant.
pub(super) fn remark(remark: &Remark) -> Message {
    match remark {
        Remark::TwoPeople {
            device,
            credential,
            people,
        } => Message::new("directory-shared")
            .with("device", device)
            .with("credential", format!("{credential:?}"))
            .with("people", names(people)),
        Remark::LeadingZeros { device, credentials } => Message::new("directory-zeros")
            .with("device", device)
            .with("count", credentials.len()),
    }
}

fn names(people: &[Person]) -> String {
    people.iter().map(Person::as_str).collect::<Vec<_>>().join(", ")
}

/// What would change: so many lines one by one, and all of it in numbers.
pub(super) fn difference(difference: &Difference, shown: usize) -> Vec<Message> {
    if difference.is_empty() {
        return vec![Message::new("directory-same")];
    }
    let row = |id, device: &str, credential: &dyn std::fmt::Debug| {
        Message::new(id)
            .with("device", device)
            .with("credential", format!("{credential:?}"))
    };
    let added = difference.added.iter();
    let added = added.map(|(device, number, who)| row("directory-added", device, number).with("who", names(who)));
    let removed = difference.removed.iter();
    let removed = removed.map(|(device, number, who)| row("directory-removed", device, number).with("who", names(who)));
    let passed_on = difference.passed_on.iter().map(|(device, number, from, to)| {
        let row = row("directory-passed-on", device, number);
        row.with("from", names(from)).with("to", names(to))
    });
    let mut lines: Vec<Message> = passed_on.chain(removed).chain(added).take(shown).collect();
    lines.push(
        Message::new("directory-difference")
            .with("added", difference.added.len())
            .with("removed", difference.removed.len())
            .with("passed", difference.passed_on.len())
            .with("described", difference.described.len()),
    );
    lines
}

/// The same for machines. Numbers are masked.
pub(super) fn difference_json(difference: &Difference, file: &Path, taken: bool) -> Value {
    let people = |people: &[Person]| {
        people
            .iter()
            .map(|person| person.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    let row = |(device, number, who): &(String, punchgate_model::Credential, Vec<Person>)| json!({"device": device, "kind": number.kind(), "credential": number.masked(), "people": people(who)});
    let passed_on: Vec<Value> = difference
        .passed_on
        .iter()
        .map(|(device, number, from, to)| {
            let (kind, masked) = (number.kind(), number.masked());
            json!({"device": device, "kind": kind, "credential": masked, "from": people(from), "to": people(to)})
        })
        .collect();
    json!({
        "file": file.display().to_string(),
        "taken": taken,
        "added": difference.added.iter().map(row).collect::<Vec<_>>(),
        "removed": difference.removed.iter().map(row).collect::<Vec<_>>(),
        "passed_on": passed_on,
        "described": difference.described.len(),
    })
}
