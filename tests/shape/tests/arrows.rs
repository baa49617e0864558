//! Which part may know of which.

use std::collections::BTreeSet;

use punchgate_shape::{code, dependencies, files, protocols, root, text};

const DAEMON: [&str; 4] = [
    "punchgate",
    "punchgate-journal",
    "punchgate-rules",
    "punchgate-upstream",
];

fn of(manifest: &str) -> BTreeSet<String> {
    dependencies(&root().join(manifest)).expect("a manifest")
}

#[test]
fn drivers_know_nothing_of_the_daemon() {
    let manifests = files("drivers")
        .expect("the drivers")
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"));
    let mut seen = 0;
    for manifest in manifests {
        seen += 1;
        let names = dependencies(&manifest).expect("a manifest");
        for crate_ in DAEMON {
            assert!(!names.contains(crate_), "{} names {crate_}", manifest.display());
        }
    }
    assert!(seen >= 6, "only {seen} manifests under drivers/");
}

#[test]
fn drivers_do_no_io() {
    for protocol in protocols().expect("the drivers") {
        let names = of(&format!("drivers/{protocol}/Cargo.toml"));
        for forbidden in [
            "punchgate-transports",
            "sled",
            "reqwest",
            "hyper",
            "axum",
            "tokio-serial",
        ] {
            assert!(!names.contains(forbidden), "drivers/{protocol} names {forbidden}");
        }
    }
}

#[test]
fn codecs_know_no_runtime_and_no_clock() {
    // Of the drivers' own source: a test of a codec may read its captures from the disk.
    let sources = protocols()
        .expect("the drivers")
        .into_iter()
        .flat_map(|protocol| files(format!("drivers/{protocol}/src")).expect("a source"))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let codecs = sources
        .filter(|path| path.ends_with("codec.rs") || path.parent().is_some_and(|parent| parent.ends_with("codec")));
    for path in codecs {
        let code = code(&std::fs::read_to_string(&path).expect("text"));
        for forbidden in [
            "tokio",
            "SystemTime",
            "Instant::now",
            "Timestamp::now",
            "Zoned::now",
            "std::net",
            "std::fs",
        ] {
            assert!(!code.contains(forbidden), "{} mentions {forbidden}", path.display());
        }
    }
}

#[test]
fn the_words_of_the_model_stand_on_nothing() {
    let names = of("drivers/model/Cargo.toml");
    assert!(
        names.iter().all(|name| ["jiff", "serde"].contains(&name.as_str())),
        "{names:?}"
    );
}

#[test]
fn the_rules_know_no_runtime_and_no_clock() {
    let names = of("daemon/rules/Cargo.toml");
    for forbidden in [
        "tokio",
        "punchgate-journal",
        "punchgate-upstream",
        "punchgate-kit",
        "sled",
    ] {
        assert!(!names.contains(forbidden), "daemon/rules names {forbidden}");
    }
    for path in files("daemon/rules/src").expect("the rules") {
        let code = code(&std::fs::read_to_string(&path).expect("text"));
        for forbidden in ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"] {
            assert!(!code.contains(forbidden), "{} mentions {forbidden}", path.display());
        }
    }
}

#[test]
fn only_the_journal_names_sled() {
    for folder in ["drivers", "daemon"] {
        for manifest in files(folder)
            .expect("the tree")
            .into_iter()
            .filter(|path| path.ends_with("Cargo.toml"))
        {
            let journal = manifest.ends_with("daemon/journal/Cargo.toml");
            let names = dependencies(&manifest).expect("a manifest");
            assert!(journal || !names.contains("sled"), "{} names sled", manifest.display());
        }
    }
}

#[test]
fn no_crate_opts_out_of_the_shared_lints() {
    let members = ["drivers", "daemon", "tests"]
        .into_iter()
        .flat_map(|folder| files(folder).expect("the tree"));
    for manifest in
        members.filter(|path| path.ends_with("Cargo.toml") && !path.to_string_lossy().contains("tests/fuzz"))
    {
        let table: toml::Table = toml::from_str(&std::fs::read_to_string(&manifest).expect("text")).expect("TOML");
        let shared = table
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(
            shared,
            Some(true),
            "{} lacks [lints] workspace = true",
            manifest.display()
        );
    }
    assert!(
        text("Cargo.toml")
            .expect("the root")
            .contains("unsafe_code = \"forbid\"")
    );
}

#[test]
fn bugs_are_planted_only_where_a_build_asks_for_them() {
    let mut planted = 0;
    for manifest in files("daemon")
        .expect("the tree")
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"))
    {
        let table: toml::Table = toml::from_str(&std::fs::read_to_string(&manifest).expect("text")).expect("TOML");
        let section = |name: &str| {
            table
                .get(name)
                .and_then(toml::Value::as_table)
                .cloned()
                .unwrap_or_default()
        };
        let by_default = section("features").contains_key("default");
        assert!(!by_default, "{} has default features", manifest.display());
        if let Some(sabotage) = section("dependencies").get("punchgate-sabotage") {
            planted += 1;
            let optional = sabotage.get("optional").and_then(toml::Value::as_bool);
            assert_eq!(optional, Some(true), "{}", manifest.display());
        }
    }
    assert_eq!(planted, 4, "the daemon, its journal, its rules and its upstreams");
}
