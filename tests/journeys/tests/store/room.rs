//! What these stories share: a daemon under another program, settings of its store, small file systems, and files seen from outside.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use punchgate_journeys::item;
use punchgate_lab::{gateway::Gateway, patience::until};
use serde_json::Value;

use crate::PROGRAM;

/// A program that becomes the daemon, after these shell commands.
pub fn program_after(folder: &Path, commands: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{commands} {PROGRAM} \"$@\"\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("made a program");
    path
}

/// More keys of `[store]`; takes effect with the next start.
pub fn store_settings(gateway: &Gateway, keys: &str) {
    let folder = gateway.config().parent().expect("a folder").join("conf.d");
    fs::create_dir_all(&folder).expect("made");
    let mut options = fs::OpenOptions::new();
    let options = options.create(true).write(true).truncate(true).mode(0o600);
    let mut file = options.open(folder.join("store.toml")).expect("opened");
    std::io::Write::write_all(&mut file, format!("[store]\n{keys}\n").as_bytes()).expect("written");
}

/// Segments of the journal, oldest first.
pub fn segments(gateway: &Gateway) -> Vec<PathBuf> {
    let listed = fs::read_dir(gateway.state().join("journal")).expect("a journal");
    let mut paths: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "pgj"));
    paths.sort();
    paths
}

/// Posts so many punches of the app, each in an item of its own; gives back the ids that were acknowledged.
pub async fn post(gateway: &Gateway, name: &str, many: usize) -> Result<Vec<String>, u16> {
    let ids: Vec<String> = (0..many).map(|n| format!("{name}-{n}")).collect();
    let at = |n: usize| format!("2026-03-02T{:02}:{:02}:{:02}Z", n / 3600 % 24, n / 60 % 60, n % 60);
    let items: Value = ids
        .iter()
        .enumerate()
        .map(|(n, id)| item(id, &format!("E{:03}", n % 200), "gps", &at(n)))
        .collect();
    match gateway.post(&items).await {
        Ok(answer) if answer.status == 200 => Ok(ids),
        Ok(answer) => Err(answer.status),
        Err(error) => panic!("no answer: {error}; {}", gateway.log()),
    }
}

/// Posts one punch until it is stored; false when patience ended first.
pub async fn is_stored_within(gateway: &Gateway, id: &str, patience: Duration) -> bool {
    until(patience, async || post(gateway, id, 1).await.is_ok()).await
}

/// The alarms that the status shows, of a kind.
pub async fn alarms(gateway: &Gateway, code: &str) -> Vec<Value> {
    let status = gateway.status().await;
    let all = status["journal"]["alarms"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|alarm| alarm["code"] == code).collect()
}

/// Why something was found and repaired at the start, by its code; empty when it was not.
pub async fn found(gateway: &Gateway, code: &str) -> Vec<String> {
    let status = gateway.status().await;
    let told = status["journal"]["opening"].as_array().cloned().unwrap_or_default();
    let told = told.iter().filter(|told| told["code"] == code);
    told.map(|told| told["args"]["why"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// What a verb said.
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What the journal holds, entry by entry.
pub fn exported(gateway: &Gateway) -> Vec<Value> {
    let output = gateway.ask(&["store", "export"]).expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// A small file system, unmounted at the end. `None` without the right to mount.
pub struct Small(PathBuf);

impl Small {
    /// A tmpfs with these options.
    pub fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).expect("a folder");
        let options = format!("mode=0700,{options}");
        Self::mounted(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &options, "none"])
                .arg(at),
            at,
        )
    }

    /// An ext4 in a file, which becomes read-only at its first error.
    pub fn ext4(image: &Path, at: &Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(at).expect("a folder");
        let file = fs::File::create(image).expect("a file");
        file.set_len(bytes).expect("made long");
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image).status();
        made.ok().filter(|status| status.success())?;
        let options = "loop,errors=remount-ro";
        let mounted = Self::mounted(Command::new("mount").args(["-o", options]).arg(image).arg(at), at)?;
        fs::set_permissions(at, fs::Permissions::from_mode(0o700)).expect("made private");
        Some(mounted)
    }

    fn mounted(command: &mut Command, at: &Path) -> Option<Self> {
        let status = command.status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: this needs the right to mount (run as root)");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the daemon that has files open there is killed later.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes until there is no room left.
pub fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).expect("a file");
    for size in [64 * 1024, 4096, 1] {
        let block = vec![0; size];
        while file.write_all(&block).is_ok() {}
    }
}
