//! The program as a process: what it prints where, and its exit status.

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

fn punchgate(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_punchgate"));
    command.args(arguments).env_clear().env("LANG", "C.UTF-8");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes())
        .expect("it reads, or has no need to");
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_is_no_failure_and_speaks_chinese_when_asked() {
    let help = punchgate(&["--help"], "");
    assert_eq!(help.status.code(), Some(0));
    assert!(
        text(&help.stdout).contains("without touching a device"),
        "{}",
        text(&help.stdout)
    );
    let help = punchgate(&["check", "--help", "--lang", "zh-CN"], "");
    assert!(text(&help.stdout).contains("不接触任何设备"), "{}", text(&help.stdout));
}

#[test]
fn an_unknown_verb_is_a_usage_error() {
    assert_eq!(punchgate(&["chekc"], "").status.code(), Some(2));
}

#[test]
fn a_missing_configuration_exits_78_and_names_the_file() {
    let output = punchgate(&["--config", "/nowhere/punchgate.toml", "check"], "");
    assert_eq!(output.status.code(), Some(78));
    assert!(
        text(&output.stderr).contains("/nowhere/punchgate.toml"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_replay_reads_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("punchgate.toml");
    fs::write(&config, "[repeats]\nwithin = \"5m\"\n").expect("written");
    let config = config.display().to_string();
    let punch = |id: &str, minute: u32| {
        format!(r#"{{"id":"{id}","person":"E001","factor":"card","source":"d","at":"2026-03-02T08:{minute}:00Z"}}"#)
            + "\n"
    };
    let output = punchgate(
        &["replay", "--config", &config, "-"],
        &(punch("b", 45) + "{\n" + &punch("a", 40)),
    );
    assert_eq!(output.status.code(), Some(65), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "{\"type\":\"record\",\"id\":\"a\",\"person\":\"E001\",\"repeats\":[\"b\"]}\n"
    );
    assert!(text(&output.stderr).starts_with("-:2: "), "{}", text(&output.stderr));
}
