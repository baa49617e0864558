//! Lays drop-ins over the main file: lists of tables grow, everything else is overridden by the later file.
//!
//! Whether a name then stands twice is asked afterwards, when both places are known.

use super::{
    node::{Node, Table, Value},
    problem::{Problem, ProblemKind},
};

pub(crate) fn overlay(base: &mut Table, drop_in: Table, problems: &mut Vec<Problem>) {
    for entry in drop_in.entries {
        let Some(found) = base.entries.iter_mut().find(|e| e.key == entry.key) else {
            base.entries.push(entry);
            continue;
        };
        match (&mut found.node.value, entry.node.value) {
            (Value::List(have), Value::List(more)) if all_tables(have) && all_tables(&more) => have.extend(more),
            (Value::Table(have), Value::Table(more)) => overlay(have, more, problems),
            (have, more) if is_table(have) != is_table(&more) => problems.push(Problem::at(
                entry.key_at,
                ProblemKind::Clash {
                    key: entry.key,
                    got: more.kind(),
                    other: found.key_at.clone(),
                    there: have.kind(),
                },
            )),
            (_, more) => {
                found.key_at = entry.key_at;
                found.node = Node {
                    at: entry.node.at,
                    value: more,
                };
            }
        }
    }
}

fn all_tables(list: &[Node]) -> bool {
    !list.is_empty() && list.iter().all(|item| matches!(item.value, Value::Table(_)))
}

fn is_table(value: &Value) -> bool {
    matches!(value, Value::Table(_)) || matches!(value, Value::List(list) if all_tables(list))
}
