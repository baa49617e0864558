//! Finds and reads the main file and its drop-ins.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    merge::overlay,
    node::{self, Table},
    problem::{Problem, ProblemKind},
    units::size_text,
};

/// Longer files are a mistake: 10 MiB.
const LONGEST: u64 = 10 << 20;

/// The main file with `conf.d/*.toml` beside it laid over it, in the order of their names.
pub(crate) fn read_all(main: &Path) -> Result<Table, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut whole = collect(read(main), &mut problems).unwrap_or_else(|| Table::empty(main));
    match drop_ins(main) {
        Ok(paths) => {
            for path in paths {
                if let Some(table) = collect(read(&path), &mut problems) {
                    overlay(&mut whole, table, &mut problems);
                }
            }
        }
        Err(problem) => problems.push(problem),
    }
    if problems.is_empty() { Ok(whole) } else { Err(problems) }
}

fn collect(read: Result<Table, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<Table> {
    read.map_err(|found| problems.extend(found)).ok()
}

fn drop_ins(main: &Path) -> Result<Vec<PathBuf>, Problem> {
    let folder = main.parent().unwrap_or(Path::new("")).join("conf.d");
    let unreadable = |error: std::io::Error| {
        Problem::nowhere(ProblemKind::Unreadable {
            path: folder.clone(),
            why: error.to_string(),
        })
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Table, Vec<Problem>> {
    let alone = |kind| vec![Problem::nowhere(kind)];
    let unreadable = |error: std::io::Error| {
        alone(ProblemKind::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        })
    };
    let mut bytes = Vec::new();
    fs::File::open(path)
        .map_err(unreadable)?
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err(alone(ProblemKind::TooLong {
            path: path.to_owned(),
            limit: size_text(LONGEST),
        }));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        alone(ProblemKind::NotUtf8 {
            path: path.to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })
    })?;
    node::parse(path, &text)
}
