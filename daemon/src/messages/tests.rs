//! The catalogues agree with one another and with the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use regex::Regex;

const EN: &str = include_str!("../../messages/en.ftl");
const ZH_CN: &str = include_str!("../../messages/zh-CN.ftl");

/// Message ids and the variables of each.
fn catalogue(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let head = Regex::new(r"(?m)^([a-z][a-z0-9-]*) =").expect("a pattern");
    let variable = Regex::new(r"\{ ?\$([a-z_]+)").expect("a pattern");
    let heads: Vec<_> = head.captures_iter(source).collect();
    let mut ids = BTreeMap::new();
    for (index, found) in heads.iter().enumerate() {
        let start = found.get(0).expect("the match").end();
        let end = heads
            .get(index + 1)
            .map_or(source.len(), |next| next.get(0).expect("the match").start());
        let variables = variable
            .captures_iter(&source[start..end])
            .map(|v| v[1].to_owned())
            .collect();
        assert!(
            ids.insert(found[1].to_owned(), variables).is_none(),
            "{} stands twice",
            &found[1]
        );
    }
    ids
}

/// The whole source of the daemon but its tests.
fn source() -> String {
    fn gather(folder: &Path, into: &mut String) {
        for entry in fs::read_dir(folder).expect("the source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                gather(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_name().is_some_and(|n| n != "tests.rs") {
                into.push_str(&fs::read_to_string(&path).expect("text"));
            }
        }
    }
    let mut all = String::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    all
}

#[test]
fn both_catalogues_can_be_read_whole() {
    for source in [EN, ZH_CN] {
        let faults = fluent_bundle::FluentResource::try_new(source.to_owned())
            .err()
            .map(|(_, faults)| faults);
        assert!(faults.is_none(), "{faults:?}");
    }
}

#[test]
fn both_languages_have_the_same_sentences_with_the_same_variables() {
    assert_eq!(catalogue(EN), catalogue(ZH_CN));
}

#[test]
fn every_sentence_said_is_in_the_catalogue_and_every_sentence_there_is_said() {
    let (ids, source) = (catalogue(EN), source());
    let said = Regex::new(r#"(?:Message::new|\bsay)\(\s*(?:[\w.]+,\s*)?"([a-z][a-z0-9-]*)""#).expect("a pattern");
    for found in said.captures_iter(&source) {
        assert!(ids.contains_key(&found[1]), "{} is said but in no catalogue", &found[1]);
    }
    for id in ids
        .keys()
        .filter(|id| !id.starts_with("cli-") && !id.starts_with("state-"))
    {
        assert!(
            source.contains(&format!("\"{id}\"")),
            "{id} is in the catalogue but never said"
        );
    }
}

#[test]
fn every_variable_is_filled_in() {
    let source = source();
    let said = Regex::new(r#"Message::new\(\s*"([a-z][a-z0-9-]*)"\)((?:\s*\.(?:with|with_message|or_none)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)"#)
        .expect("a pattern");
    let filled = Regex::new(r#"\.(?:with|with_message|or_none)\(\s*"([a-z_]+)""#).expect("a pattern");
    let ids = catalogue(EN);
    for found in said.captures_iter(&source) {
        let given: BTreeSet<String> = filled.captures_iter(&found[2]).map(|v| v[1].to_owned()).collect();
        let wanted = ids.get(&found[1]).expect("in the catalogue");
        // Sentences whose variables are filled in elsewhere are built in two steps; those give none here.
        assert!(
            given.is_empty() || given == *wanted,
            "{}: wants {wanted:?}, is given {given:?}",
            &found[1]
        );
    }
}

#[test]
fn hostile_text_cannot_reach_the_terminal_as_control_characters() {
    let said = super::Message::new("config-syntax")
        .with("why", "\u{1b}[31mred")
        .say(super::Lang::En);
    assert!(!said.contains('\u{1b}') && said.contains("\\u{1b}"), "{said:?}");
}

#[test]
fn what_a_gateway_told_is_said_again_in_the_readers_language() {
    let why = super::Message::new("opening-header").with("segment", "7.seg");
    let told = super::Message::new("status-failing").with_message("why", why);
    let json = serde_json::to_value(&told).expect("JSON");
    assert_eq!(json["code"], "status-failing");
    for lang in [super::Lang::En, super::Lang::ZhCn] {
        assert_eq!(super::Message::retell(&json, lang), told.say(lang));
    }
    let newer = serde_json::json!({"code": "of-a-later-version", "args": {}, "text": "its \u{1b}[1mwords"});
    assert_eq!(super::Message::retell(&newer, super::Lang::ZhCn), "its \\u{1b}[1mwords");
    assert_eq!(super::Message::retell(&"plain".into(), super::Lang::En), "plain");
}
