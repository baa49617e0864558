//! What the kernel says of a process.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path, time::Duration};

/// A running process, by its number.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

/// Ticks a second in `/proc/…/stat`: `USER_HZ`, 100 on every Linux of today.
const TICKS: f64 = 100.0;

impl Process {
    fn read(self, name: &str) -> io::Result<String> {
        fs::read_to_string(format!("/proc/{}/{name}", self.0))
    }

    /// Processor seconds it has used, in user and kernel mode, in steps of 10 ms.
    ///
    /// # Errors
    /// When it is not there.
    pub fn cpu_seconds(self) -> io::Result<f64> {
        let stat = self.read("stat")?;
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let ticks = after
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / TICKS)
    }

    /// The time its threads of now have run, exactly; for what is too little for [`Process::cpu_seconds`].
    ///
    /// # Errors
    /// When it is not there.
    pub fn run_time(self) -> io::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += text.split(' ').next().and_then(|field| field.parse().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanos))
    }

    fn status_mib(self, key: &str) -> io::Result<f64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kib = line.and_then(|line| line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0)
            .ok_or_else(|| io::Error::other(format!("no {key} of process {}", self.0)))
    }

    /// Resident memory now, in MiB.
    ///
    /// # Errors
    /// When it is not there.
    pub fn rss_mib(self) -> io::Result<f64> {
        self.status_mib("VmRSS")
    }

    /// The most resident memory it ever had, in MiB.
    ///
    /// # Errors
    /// When it is not there.
    pub fn peak_mib(self) -> io::Result<f64> {
        self.status_mib("VmHWM")
    }

    /// Bytes it caused to be written to disks.
    ///
    /// # Errors
    /// When it is not there, or of another user.
    pub fn bytes_written(self) -> io::Result<f64> {
        let text = self.read("io")?;
        let line = text.lines().find_map(|line| line.strip_prefix("write_bytes:"));
        Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0))
    }
}

/// Bytes on the disk of everything in a folder.
///
/// # Errors
/// When it cannot be read.
pub fn bytes_on_disk(folder: &Path) -> io::Result<f64> {
    let mut bytes = 0.0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += bytes_on_disk(&entry.path())?;
        } else {
            bytes += entry.metadata()?.blocks() as f64 * 512.0;
        }
    }
    Ok(bytes)
}
