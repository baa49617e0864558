//! Tells that a configuration cannot be used, all faults at once.

use std::{
    io::{self, Write},
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    config::{Place, Problems},
    exit::Exit,
    messages::{Lang, Message},
};

/// To people on `err`, to machines on `out`.
pub(crate) fn tell(
    file: &Path,
    problems: &Problems,
    lang: Lang,
    as_json: bool,
    (out, err): (&mut dyn Write, &mut dyn Write),
) -> io::Result<Exit> {
    if as_json {
        let list: Vec<Value> = problems
            .0
            .iter()
            .map(|p| item(p.at.as_ref(), &p.kind.message(), lang))
            .collect();
        writeln!(
            out,
            "{}",
            json!({ "ok": false, "file": file.display().to_string(), "problems": list })
        )?;
    } else {
        for problem in &problems.0 {
            writeln!(err, "{}", problem.say(lang))?;
        }
        let bad = Message::new("check-bad")
            .with("file", file.display())
            .with("count", problems.0.len());
        writeln!(err, "{}", bad.say(lang))?;
    }
    Ok(Exit::Config)
}

/// One fault or warning for machines: `code` is stable, `message` is for people.
pub(crate) fn item(at: Option<&Place>, message: &Message, lang: Lang) -> Value {
    let mut item = json!({ "code": message.id(), "message": message.say(lang) });
    if let (Some(at), Some(item)) = (at, item.as_object_mut()) {
        item.insert("file".to_owned(), json!(at.file.display().to_string()));
        item.insert("line".to_owned(), json!(at.line));
        item.insert("column".to_owned(), json!(at.column));
    }
    item
}
