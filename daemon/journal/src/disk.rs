//! The real file system.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use crate::storage::{Access, Listed, Lock, Storage, StoredFile};

/// [`Storage`] on the machine's own file system. Files are made with mode 0600, directories with 0700.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskStorage;

/// `statfs` magic numbers of network file systems (`man 2 statfs`).
const NETWORK: [(u64, &str); 6] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x00C3_6400, "Ceph"),
    (0x0102_1997, "9p"),
];

fn network_name(magic: u64) -> Option<&'static str> {
    NETWORK.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

impl Storage for DiskStorage {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        if !dir.is_dir() {
            if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
                self.make_dir(parent)?;
            }
            fs::DirBuilder::new().mode(0o700).create(dir)?;
            return parent.map_or(Ok(()), |parent| self.sync_dir(parent));
        }
        // An earlier process may have been killed before it synced the name. A parent that others own and we may not
        // open was made, and made durable, by them.
        match parent.map_or(Ok(()), |parent| self.sync_dir(parent)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
            _ => Ok(()),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Listed>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(about) if about.is_file() => {
                    found.push(Listed {
                        name: entry.file_name().to_string_lossy().into_owned(),
                        len: about.len(),
                    });
                }
                Ok(_) => {}
                // Removed between the listing and the look: retention runs while `verify` reads.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn StoredFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn StoredFile>> {
        Ok(Box::new(DiskFile(
            OpenOptions::new()
                .read(true)
                .write(access == Access::Write)
                .open(path)?,
        )))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn free_space(&self, dir: &Path) -> io::Result<u64> {
        let about = rustix::fs::statvfs(dir)?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }

    fn mark(&self, path: &Path) -> io::Result<Option<String>> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        let about = statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::BTIME)?;
        let made = StatxFlags::from_bits_retain(about.stx_mask).contains(StatxFlags::BTIME);
        let born = about.stx_btime;
        Ok(made.then(|| format!("{:x}-{:x}.{:09}", about.stx_ino, born.tv_sec, born.tv_nsec)))
    }

    fn network_file_system(&self, dir: &Path) -> io::Result<Option<&'static str>> {
        // The type is a C long whose width and sign differ between machines; its low 32 bits are the magic.
        let about = rustix::fs::statfs(dir)?;
        let magic = (about.f_type as u64) & 0xFFFF_FFFF;
        Ok(network_name(magic))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = match OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
        {
            Ok(file) => file,
            // No room for even an empty file: the directory can be locked as well, and must start.
            Err(error) if crate::is_full(&error) => File::open(path.parent().unwrap_or(path))?,
            Err(error) => return Err(error),
        };
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(DiskLock { _file: file }))
    }
}

/// An open file descriptor with `flock` held; closing it lets go.
#[derive(Debug)]
struct DiskLock {
    _file: File,
}

impl Lock for DiskLock {}

#[derive(Debug)]
struct DiskFile(File);

impl StoredFile for DiskFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(self.0.metadata()?.nlink() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers_and_local_ones_are_not_among_them() {
        assert_eq!(network_name(0x6969), Some("NFS"));
        assert_eq!(network_name(0xFF53_4D42), Some("CIFS"));
        for local in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994] {
            assert_eq!(network_name(local), None, "{local:x}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(DiskStorage.network_file_system(folder.path()).expect("asked"), None);
    }
}
