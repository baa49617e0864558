//! Configurations that cannot be: told by `check` and by `run`, with exit status 78.

use std::os::unix::fs::PermissionsExt;

use punchgate_lab::gateway::Gateway;

use crate::PROGRAM;

/// Both commands end with 78 and name every one of these words.
fn refused(gateway: &Gateway, words: &[&str]) {
    for command in ["check", "run"] {
        let output = gateway.ask(&[command]).expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(78), "{command}: {told}");
        for word in words {
            assert!(told.contains(word), "{command} does not say {word}: {told}");
        }
    }
    assert!(!gateway.state().exists(), "nothing was begun");
}

#[test]
fn a_typo_is_named_with_the_key_that_was_meant() {
    let gateway = Gateway::new(PROGRAM, "[repeats]\nwithn = \"5m\"\n").expect("a folder");
    refused(&gateway, &["withn", "within"]);
}

#[test]
fn a_terminal_without_a_zone_is_refused_because_there_is_no_default() {
    let gateway = Gateway::new(
        PROGRAM,
        "[[device]]\nname = \"gate-1\"\ndriver = \"zk_tcp\"\naddress = \"127.0.0.1:4370\"\n",
    );
    refused(&gateway.expect("a folder"), &["gate-1", "timezone"]);
}

#[test]
fn a_secret_that_everybody_can_read_is_refused() {
    let gateway = Gateway::new(PROGRAM, "").expect("a folder");
    let token = gateway.config().with_file_name("token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    refused(&gateway, &["token", "chmod"]);
}
