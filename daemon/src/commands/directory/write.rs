//! A file exchanged whole or not at all: whoever reads it, or loses power, has the one before or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

/// Exchanges a file's contents. Its mode stays; a new one is its owner's alone.
pub(super) fn whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let before = fs::metadata(path).ok();
    let mode = before.as_ref().map_or(0o600, MetadataExt::mode) & 0o777;
    let beside = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(bytes)?;
        if let Some(before) = &before {
            // Only root may give files away; for whoever may not, the file becomes theirs.
            let _ = std::os::unix::fs::chown(&beside, Some(before.uid()), Some(before.gid()));
        }
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // What is left over is only in the way.
        let _ = fs::remove_file(&beside);
    }
    written
}
