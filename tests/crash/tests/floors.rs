//! The floor of each rig: as much of it as fits into every run of all tests. The long runs are in the README.
//!
//! They need `punchgate` and `punchgate-planted` beside the rig; `tests/run` builds them.

use std::{fs, path::Path, process::Command, time::Duration};

use punchgate_lab::gateway::Gateway;

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
fn a_gateway_killed_at_one_in_seven_of_the_calls_that_change_a_file_loses_nothing_and_doubles_nothing() {
    rig(&[
        "syscalls",
        "--stride",
        "7",
        "--scenarios",
        "start,append,rotate,recover,stop",
    ]);
    // Each play waits for two removals.
    rig(&["syscalls", "--stride", "9", "--scenarios", "retention"]);
    // Each play builds a large buffer again.
    rig(&["syscalls", "--stride", "20", "--scenarios", "rebuild"]);
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow, and needs the programs that tests/run builds"]
async fn a_new_state_directory_has_its_name_on_the_disk_before_anything_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (above, trace) = (folder.path().join("above"), folder.path().join("trace"));
    let program = Path::new(env!("CARGO_BIN_EXE_punchgate-crash")).with_file_name("punchgate");
    let mut gateway = Gateway::new(program, "").expect("a folder");
    gateway.keep_state_in(above.join("state"));
    gateway.configure("").expect("written");
    let file = trace.display().to_string();
    let words = [
        "/usr/bin/strace",
        "-D",
        "-f",
        "-qq",
        "-y",
        "-o",
        &file,
        "-e",
        "trace=mkdir,fsync",
    ];
    gateway.run_under(words.map(str::to_owned).to_vec());
    gateway.restart().await.expect("it starts");
    gateway.stop(Duration::from_secs(10)).await.expect("it stops");

    let trace = fs::read_to_string(trace).expect("a trace");
    for (made, in_folder) in [(above.clone(), folder.path().to_owned()), (above.join("state"), above)] {
        let mkdir = trace
            .find(&format!("mkdir(\"{}\"", made.display()))
            .expect("it makes it");
        let after = trace.get(mkdir..).unwrap_or_default();
        assert!(
            after.contains(&format!("<{}>)", in_folder.display())),
            "{} is not synced:\n{trace}",
            in_folder.display()
        );
    }
}
