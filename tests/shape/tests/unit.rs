//! The systemd unit keeps the daemon in its sandbox (`trust.md` B.6).

use std::{fs, process::Command};

use punchgate_shape::{root, text};

const UNIT: &str = "systemd/punchgate.service";

/// The settings of a unit file, comments left out.
fn settings(unit: &str) -> Vec<(String, String)> {
    let lines = unit.lines().filter(|line| !line.starts_with(['#', ';', '[']));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_unit_has_every_wall_of_the_sandbox() {
    let settings = settings(&text(UNIT).expect("the unit"));
    let wanted = "Type=notify WatchdogSec=30 Restart=always User=punchgate NoNewPrivileges=yes CapabilityBoundingSet= \
        AmbientCapabilities= ProtectSystem=strict StateDirectory=punchgate StateDirectoryMode=0700 \
        ConfigurationDirectory=punchgate ProtectHome=yes PrivateTmp=yes PrivateMounts=yes PrivateUsers=yes \
        DevicePolicy=closed SupplementaryGroups=dialout ProtectKernelTunables=yes ProtectKernelModules=yes \
        ProtectKernelLogs=yes ProtectControlGroups=yes ProtectClock=yes ProtectHostname=yes ProtectProc=invisible \
        ProcSubset=pid RestrictNamespaces=yes RestrictRealtime=yes RestrictSUIDSGID=yes LockPersonality=yes \
        MemoryDenyWriteExecute=yes RemoveIPC=yes KeyringMode=private SystemCallArchitectures=native IPAddressDeny=any \
        UMask=0077 LimitCORE=0 RestartPreventExitStatus=78";
    for (key, value) in wanted.split_whitespace().filter_map(|pair| pair.split_once('=')) {
        assert!(
            settings.iter().any(|(k, v)| k == key && v == value),
            "the unit lacks {key}={value}"
        );
    }
    for key in [
        "MemoryMax",
        "TasksMax",
        "SystemCallFilter",
        "RestrictAddressFamilies",
        "TimeoutStopSec",
    ] {
        assert!(
            settings.iter().any(|(k, v)| k == key && !v.is_empty()),
            "the unit lacks {key}="
        );
    }
}

#[test]
fn a_reload_is_checked_before_the_gateway_hears_of_it() {
    let settings = settings(&text(UNIT).expect("the unit"));
    let reload: Vec<&str> = settings
        .iter()
        .filter(|(k, _)| k == "ExecReload")
        .map(|(_, v)| v.as_str())
        .collect();
    assert_eq!(reload.len(), 2);
    assert!(
        reload[0].contains("punchgate check") && reload[1].contains("kill -HUP"),
        "{reload:?}"
    );
}

#[test]
fn the_unit_is_exposed_to_little() {
    let Some(said) = analyze(&["security", "--offline=true", &root().join(UNIT).display().to_string()]) else {
        return;
    };
    let level = said
        .lines()
        .find_map(|line| line.split_once("exposure level for")?.1.split_once(": "));
    let level: f32 = level
        .and_then(|(_, level)| level.split_whitespace().next()?.parse().ok())
        .expect(&said);
    assert!(level <= 1.5, "exposure {level}");
}

#[test]
fn the_unit_is_understood_by_systemd() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("punchgate.service");
    // The program is not installed where tests run; everything else is as shipped.
    fs::write(
        &path,
        text(UNIT).expect("the unit").replace("/usr/bin/punchgate", "/bin/true"),
    )
    .expect("written");
    let Some(said) = analyze(&["verify", "--man=no", &path.display().to_string()]) else {
        return;
    };
    let about_us: Vec<&str> = said.lines().filter(|line| line.contains("punchgate.service")).collect();
    assert!(about_us.is_empty(), "{said}");
}

#[test]
fn the_readers_are_hidden_from_modem_manager_and_the_user_reaches_serial_ports() {
    assert!(
        text("systemd/60-punchgate.rules")
            .expect("the rules")
            .contains("ENV{ID_MM_DEVICE_IGNORE}=\"1\"")
    );
    assert!(
        text("systemd/punchgate.sysusers")
            .expect("the user")
            .contains("m punchgate dialout")
    );
    assert!(
        text("systemd/punchgate.tmpfiles")
            .expect("the folders")
            .contains("d /etc/punchgate/secrets 0700 punchgate")
    );
}

/// What `systemd-analyze` says, on machines that have it.
fn analyze(arguments: &[&str]) -> Option<String> {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}
