//! `config/` as it is shipped: the defaults shown are the defaults, and the examples are good.

use std::{fs, path::PathBuf};

use super::{super::*, Site};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config")
}

/// The reference with its examples, and if asked its defaults, uncommented.
fn reference(defaults: bool) -> String {
    let text = fs::read_to_string(folder().join("punchgate.toml")).expect("the reference");
    let mut shown = 0;
    let lines: Vec<&str> = text
        .lines()
        .map(|line| {
            let default = line.strip_prefix("# ").filter(|rest| is_setting(rest));
            shown += usize::from(default.is_some());
            line.strip_prefix("## ")
                .or(default.filter(|_| defaults))
                .unwrap_or(line)
        })
        .collect();
    assert!(shown >= 30, "only {shown} defaults are shown");
    lines.join("\n")
}

fn is_setting(text: &str) -> bool {
    let key = text.split_once(" = ").map_or("", |(key, _)| key);
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn read(text: &str) -> Config {
    let site = Site::with(text);
    let file = site.path().join("punchgate.toml");
    load(&Load {
        file,
        drivers: crate::registry::known(),
        secrets: Secrets::Leave,
    })
    .expect("a good configuration")
}

#[test]
fn every_default_shown_is_the_default() {
    assert_eq!(read(&reference(true)).to_toml(), read(&reference(false)).to_toml());
}

#[test]
fn the_reference_shows_every_key_there_is() {
    let (printed, shown) = (read(&reference(true)).to_toml(), reference(true));
    // `transport` is spoken of in prose: it has no default of its own.
    for key in printed
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .filter(|k| *k != "transport")
    {
        assert!(
            shown
                .lines()
                .any(|line| line.split_once(" = ").is_some_and(|(k, _)| k == key)),
            "{key} is not shown"
        );
    }
}

#[test]
fn the_reference_is_good_as_it_stands() {
    let text = fs::read_to_string(folder().join("punchgate.toml")).expect("the reference");
    let config = read(&text);
    assert_eq!(
        (config.devices.len(), &config.store, &config.log),
        (0, &Store::default(), &Log::default())
    );
}

#[test]
fn the_examples_are_good_and_nothing_in_them_is_odd() {
    for name in ["factory.toml", "office.toml"] {
        let text = fs::read_to_string(folder().join("examples").join(name)).expect("an example");
        assert_eq!(warnings(&read(&text)), [], "{name}");
    }
}
