//! The floor of each rig: as much of it as fits into every run of all tests. The long runs are in the README.
//!
//! They need `punchgate` and `punchgate-planted` beside the rig; `tests/run` builds them.

use std::process::Command;

/// The exit status of a rig that can do nothing where it runs.
const SKIPPED: i32 = 77;

/// Runs the rig; its report is shown when it fails.
fn rig(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_punchgate-crash"))
        .args(arguments)
        .output()
        .expect("the rig starts");
    let (said, told) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{told}{said}");
    if output.status.code() == Some(SKIPPED) {
        eprintln!("SKIPPED: {said}");
        return;
    }
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{told}{said}",
        output.status
    );
}

#[test]
#[ignore = "slow, and needs the programs that tests/run builds"]
fn a_gateway_killed_at_random_instants_loses_nothing_and_doubles_nothing() {
    rig(&["kills", "--kills", "60", "--per-round", "15"]);
}

#[test]
#[ignore = "slow, and needs the programs that tests/run builds"]
fn the_kill_rig_catches_a_gateway_that_answers_before_it_writes() {
    rig(&[
        "kills",
        "--kills",
        "40",
        "--per-round",
        "10",
        "--sabotage",
        "ack-before-write",
    ]);
}

#[test]
#[ignore = "slow, and needs the programs that tests/run builds"]
fn a_gateway_killed_at_every_seventh_call_that_changes_a_file_loses_nothing_and_doubles_nothing() {
    rig(&["syscalls", "--stride", "7"]);
}

#[test]
#[ignore = "slow, and needs the programs that tests/run builds"]
fn the_call_rig_catches_a_gateway_that_answers_before_it_writes() {
    rig(&[
        "syscalls",
        "--scenarios",
        "append",
        "--stride",
        "5",
        "--sabotage",
        "ack-before-write",
    ]);
}

#[test]
#[ignore = "slow, and needs the programs that tests/run builds"]
fn a_gateway_robbed_of_its_power_on_three_file_systems_loses_nothing_and_doubles_nothing() {
    rig(&["power", "--cuts", "12", "--file-systems", "ext4"]);
    rig(&["power", "--cuts", "2", "--file-systems", "xfs,btrfs"]);
}

#[test]
#[ignore = "slow, and needs the programs that tests/run builds"]
fn the_power_rig_catches_a_gateway_that_answers_before_the_sync() {
    for kind in ["ext4", "xfs", "btrfs"] {
        rig(&[
            "power",
            "--cuts",
            "4",
            "--file-systems",
            kind,
            "--sabotage",
            "ack-before-sync",
        ]);
    }
}
