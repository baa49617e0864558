//! File systems in image files, and copies of them made in one instant.
//!
//! The images lie on a shelf: an XFS file system, itself in an image, because XFS can clone a file in one step. The clone of an
//! image that is mounted is what the disk holds at that instant: what the inner file system has not written back is not in it,
//! what it has written is, whether or not it was flushed. The inner file system is not told, let alone frozen.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use clap::ValueEnum;

/// A file system under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileSystem {
    /// ext4, 64 MiB.
    Ext4,
    /// XFS, 300 MiB, the smallest there is.
    Xfs,
    /// Btrfs, 128 MiB.
    Btrfs,
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        })
    }
}

impl FileSystem {
    /// Mebibytes, and the words that make it.
    fn make(self) -> (u64, &'static [&'static str]) {
        match self {
            Self::Ext4 => (64, &["mkfs.ext4", "-q", "-F"]),
            Self::Xfs => (300, &["mkfs.xfs", "-q", "-f"]),
            Self::Btrfs => (128, &["mkfs.btrfs", "-q", "-f"]),
        }
    }
}

/// Runs a program to its end.
fn run(words: &[&str], last: &[&Path]) -> io::Result<()> {
    let Some((program, arguments)) = words.split_first() else {
        return Ok(());
    };
    let output = Command::new(program).args(arguments).args(last).output();
    let output = output.map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{program} {}: {}",
        output.status,
        said.trim()
    )))
}

/// A file system in an image file, mounted; unmounted when dropped.
#[derive(Debug)]
struct Mounted {
    at: PathBuf,
    ended: bool,
}

impl Mounted {
    fn new(image: &Path, at: &Path) -> io::Result<Self> {
        fs::create_dir_all(at)?;
        run(&["mount", "-o", "loop"], &[image, at])?;
        Ok(Self {
            at: at.to_owned(),
            ended: false,
        })
    }

    /// Unmounts; whoever has just been killed may hold a file a moment longer.
    fn end(&mut self) -> io::Result<()> {
        let mut tries = 0;
        while let Err(error) = run(&["umount"], &[&self.at]) {
            if tries == 200 {
                return Err(error);
            }
            tries += 1;
            thread::sleep(Duration::from_millis(10));
        }
        self.ended = true;
        Ok(())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody is left to be told; lazily, so that it is gone at last.
            let _ = run(&["umount", "-l"], &[&self.at]);
        }
    }
}

/// Where images lie.
#[derive(Debug)]
pub(super) struct Shelf {
    mounted: Mounted,
    folder: tempfile::TempDir,
}

impl Shelf {
    /// Makes a shelf of 4 GiB, of which only what is used takes room.
    ///
    /// # Errors
    /// When image files cannot be mounted here: no right to, no loop devices, no XFS.
    pub(super) fn build(dir: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("power-").tempdir_in(dir)?;
        let image = folder.path().join("shelf.img");
        File::create(&image)?.set_len(4 << 30)?;
        run(&["mkfs.xfs", "-q"], &[&image])?;
        let mounted = Mounted::new(&image, &folder.path().join("shelf"))?;
        Ok(Self { mounted, folder })
    }

    fn place(&self, name: &str) -> PathBuf {
        self.mounted.at.join(name)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // Its image is removed with the folder right after.
        let _ = self.mounted.end();
    }
}

/// A disk: an image on the shelf, and where it is mounted.
#[derive(Debug)]
pub(super) struct Disk {
    image: PathBuf,
    copy: PathBuf,
    at: PathBuf,
    mounted: Option<Mounted>,
}

impl Disk {
    /// A new disk with an empty file system, mounted.
    ///
    /// # Errors
    /// When the file system cannot be made or mounted.
    pub(super) fn fresh(shelf: &Shelf, kind: FileSystem) -> io::Result<Self> {
        let (size, make) = kind.make();
        let pristine = shelf.place(&format!("{kind}.pristine"));
        if !pristine.exists() {
            File::create(&pristine)?.set_len(size << 20)?;
            run(make, &[&pristine])?;
        }
        let mut disk = Self {
            image: shelf.place(&format!("{kind}.img")),
            copy: shelf.place(&format!("{kind}.copy")),
            at: shelf.folder.path().join("disk"),
            mounted: None,
        };
        clone(&pristine, &disk.image)?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(super) fn at(&self) -> &Path {
        &self.at
    }

    /// Mounts it, as after a boot.
    pub(super) fn mount(&mut self) -> io::Result<()> {
        self.mounted = Some(Mounted::new(&self.image, &self.at)?);
        Ok(())
    }

    /// Takes what the disk holds at this instant.
    pub(super) fn snap(&self) -> io::Result<()> {
        clone(&self.image, &self.copy)
    }

    /// Makes what was taken the disk, and forgets what it came to hold since. Nobody may use it any more.
    pub(super) fn fall_back(&mut self) -> io::Result<()> {
        if let Some(mut mounted) = self.mounted.take() {
            mounted.end()?;
        }
        fs::rename(&self.copy, &self.image)
    }

    /// Copies the image to where it outlives the rig.
    pub(super) fn keep(&self, to: &Path) -> io::Result<()> {
        run(&["cp", "--sparse=always"], &[&self.image, to])
    }
}

/// Clones a file in one step.
fn clone(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (File::open(from)?, File::create(to)?);
    Ok(rustix::fs::ioctl_ficlone(&to, &from)?)
}
