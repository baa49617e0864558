//! Ports and pseudo terminals, on real descriptors.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use punchgate_kit::{Fault, Recovery};
use punchgate_transports::{
    pty::Pty,
    serial::{self, Line},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// Long enough for any machine, short enough for people; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(5);

fn text(fault: &Fault) -> String {
    fault.to_string()
}

#[tokio::test]
async fn bytes_pass_a_pseudo_terminal_unchanged_in_both_directions() {
    let room = tempfile::tempdir().expect("a directory");
    let name = room.path().join("clock");
    let mut device = Pty::open(&name).expect("a terminal");
    let mut gateway = serial::open(&name.to_string_lossy(), &Line::default()).expect("a port");
    let all: Vec<u8> = (0..=255).collect();
    device.write_all(&all).await.expect("written");
    let mut heard = vec![0; all.len()];
    timeout(PATIENCE, gateway.read_exact(&mut heard))
        .await
        .expect("in time")
        .expect("read");
    assert_eq!(heard, all);
    gateway.write_all(&all).await.expect("written");
    let mut heard = vec![0; all.len()];
    timeout(PATIENCE, device.read_exact(&mut heard))
        .await
        .expect("in time")
        .expect("read");
    assert_eq!(heard, all);
}

#[tokio::test]
async fn a_device_that_goes_away_is_a_hang_up_and_not_silence() {
    let room = tempfile::tempdir().expect("a directory");
    let name = room.path().join("clock");
    let device = Pty::open(&name).expect("a terminal");
    let mut gateway = serial::open(&name.to_string_lossy(), &Line::default()).expect("a port");
    drop(device);
    let mut heard = [0; 8];
    let read = timeout(PATIENCE, gateway.read(&mut heard)).await.expect("at once");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(!name.exists(), "the name goes with the device");
}

#[tokio::test]
async fn a_gateway_that_restarts_is_no_hang_up_for_the_device() {
    let room = tempfile::tempdir().expect("a directory");
    let name = room.path().join("clock");
    let mut device = Pty::open(&name).expect("a terminal");
    for round in 0..3_u8 {
        let mut gateway = serial::open(&name.to_string_lossy(), &Line::default()).expect("a port");
        device.write_all(&[round]).await.expect("written");
        let mut heard = [9];
        timeout(PATIENCE, gateway.read_exact(&mut heard))
            .await
            .expect("in time")
            .expect("read");
        assert_eq!(heard, [round]);
        drop(gateway);
        device.keeper().expect("a descriptor").release().expect("released");
    }
}

#[tokio::test]
async fn a_port_that_another_process_holds_is_named_and_tried_again() {
    let room = tempfile::tempdir().expect("a directory");
    let name = room.path().join("clock");
    let _device = Pty::open(&name).expect("a terminal");
    let port = name.to_string_lossy().into_owned();
    let first = serial::open(&port, &Line::default()).expect("a port");
    let fault = serial::open(&port, &Line::default()).expect_err("held");
    assert!(text(&fault).contains("held by another process"), "{fault}");
    assert!(text(&fault).contains(&port), "{fault}");
    assert_eq!(fault.recovery(), Recovery::Again);
    drop(first);
    serial::open(&port, &Line::default()).expect("free again");
}

#[tokio::test]
async fn a_port_that_is_not_there_is_tried_again() {
    let fault = serial::open("/dev/serial/by-id/usb-nothing-here", &Line::default()).expect_err("not there");
    assert!(text(&fault).contains("no such port"), "{fault}");
    assert_eq!(fault.recovery(), Recovery::Again);
}

#[tokio::test]
async fn something_that_is_no_port_needs_a_person() {
    let room = tempfile::tempdir().expect("a directory");
    let file = room.path().join("file");
    std::fs::write(&file, b"no port").expect("written");
    let fault = serial::open(&file.to_string_lossy(), &Line::default()).expect_err("no port");
    assert!(
        matches!(
            fault,
            Fault::NeedsPerson {
                code: "not-a-serial-port",
                ..
            }
        ),
        "{fault}"
    );
}

#[tokio::test]
async fn a_port_we_may_not_open_needs_a_person() {
    let room = tempfile::tempdir().expect("a directory");
    let file = room.path().join("port");
    std::fs::write(&file, b"").expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).expect("set");
    if std::fs::File::open(&file).is_ok() {
        // Root may open everything.
        return;
    }
    let fault = serial::open(&file.to_string_lossy(), &Line::default()).expect_err("forbidden");
    assert!(
        matches!(
            fault,
            Fault::NeedsPerson {
                code: "serial-permission",
                ..
            }
        ),
        "{fault}"
    );
}

#[tokio::test]
async fn a_name_that_is_a_file_is_left_alone() {
    let room = tempfile::tempdir().expect("a directory");
    let name = room.path().join("precious");
    std::fs::write(&name, b"words").expect("written");
    assert!(Pty::open(&name).is_err());
    assert_eq!(std::fs::read(&name).expect("still there"), b"words");
    // A name that a killed simulator left behind is taken over.
    let stale = room.path().join("stale");
    std::os::unix::fs::symlink("/nowhere", &stale).expect("linked");
    let _pty = Pty::open(&stale).expect("a terminal");
    serial::open(&stale.to_string_lossy(), &Line::default()).expect("a port");
}
