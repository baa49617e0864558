//! Reads the tree, so that tests can say what must hold of it. A cheap architecture review, done at every run.
//!
//! Deliberately absent: any knowledge of what the code does.

#![forbid(unsafe_code)]

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// The root of the repository that the test runner was started in. Asked when the test runs: a program built in one checkout
/// and kept in a shared target folder must not read another's tree.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).join("../..")
}

/// The text of a file, named from the root.
///
/// # Errors
/// When it cannot be read.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    fs::read_to_string(root().join(path))
}

/// The files under a folder named from the root, sorted, without `target`. None when there is no such folder.
///
/// # Errors
/// When a folder cannot be read.
pub fn files(folder: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let folder = root().join(folder);
    if folder.exists() {
        gather(&folder, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn gather(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == "target" || entry.file_name() == "node_modules" => {}
            true => gather(&entry.path(), into)?,
            false => into.push(entry.path()),
        }
    }
    Ok(())
}

/// The names of everything a crate depends on to be built or run; tests may use what they like.
///
/// # Errors
/// When the manifest cannot be read or is no TOML.
pub fn dependencies(manifest: &Path) -> io::Result<BTreeSet<String>> {
    let table: toml::Table = toml::from_str(&fs::read_to_string(manifest)?).map_err(io::Error::other)?;
    let mut names = sections(&table, &["dependencies", "build-dependencies"]);
    for target in table
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values())
    {
        names.extend(
            target
                .as_table()
                .into_iter()
                .flat_map(|target| sections(target, &["dependencies"])),
        );
    }
    Ok(names)
}

fn sections(table: &toml::Table, names: &[&str]) -> BTreeSet<String> {
    let sections = names.iter().filter_map(|name| table.get(*name)?.as_table());
    sections.flat_map(|section| section.keys().cloned()).collect()
}

/// The crates under `drivers/` that are protocols: all but `model`, `kit` and `transports`. Sorted by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn protocols() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("drivers"))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.join("Cargo.toml").exists() && !["model", "kit", "transports"].contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The source without its line comments, so that speaking of a thing is not using it.
pub fn code(source: &str) -> String {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}
