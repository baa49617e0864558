//! The state directory: made private, or refused with what to do about it.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use punchgate_journal::{DiskStorage, Storage};
use thiserror::Error;

use crate::messages::Message;

/// Why a state directory is not used. Nothing in it was changed.
#[derive(Debug, Error)]
pub enum FolderError {
    /// It is a symbolic link: what is behind it can be exchanged while the gateway runs.
    #[error(
        "use the state directory {path:?}: it is a symbolic link to {target:?}; set [store] path to the folder itself"
    )]
    Symlink {
        /// The directory.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// Something else has its name.
    #[error("use the state directory {path:?}: it is no directory; move it away, or set [store] path to another place")]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error(
        "use the state directory {path:?}: it belongs to user {owner}, this program runs as {ours}; run it as that user, or chown the folder"
    )]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Whose it is, a number.
        owner: u32,
        /// Whose this process is, a number.
        ours: u32,
    },
    /// Others may write in it, and may have done so.
    #[error(
        "use the state directory {path:?}: others may write in it (mode {mode:o}); look what is in it, then chmod 700"
    )]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system refused.
    #[error("use the state directory {path:?}: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl FolderError {
    /// The sentence for operators.
    pub fn message(&self) -> Message {
        match self {
            Self::Symlink { path, target } => Message::new("store-folder-symlink")
                .with("path", path.display())
                .with("target", target.display()),
            Self::NoDirectory { path } => Message::new("store-folder-no-directory").with("path", path.display()),
            Self::Owner { path, owner, ours } => Message::new("store-folder-owner")
                .with("path", path.display())
                .with("owner", owner)
                .with("ours", ours),
            Self::Writable { path, mode } => Message::new("store-folder-writable")
                .with("path", path.display())
                .with("mode", format!("{mode:o}")),
            Self::Io { path, source } => Message::new("store-folder-io")
                .with("path", path.display())
                .with("why", source),
        }
    }

    /// Whether it is a matter of rights.
    pub fn is_permission(&self) -> bool {
        match self {
            Self::Owner { .. } | Self::Writable { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Symlink { .. } | Self::NoDirectory { .. } => false,
        }
    }
}

/// Makes the state directory, or looks whether it may be used. What others may read is made private.
///
/// # Errors
/// [`FolderError`], and nothing was changed.
pub fn prepare(path: &Path) -> Result<(), FolderError> {
    let failed = |source| FolderError::Io {
        path: path.to_owned(),
        source,
    };
    let about = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // With its name on the disk: without it a power cut would take everything in it along.
            return DiskStorage.make_dir(path).map_err(failed);
        }
        about => about.map_err(failed)?,
    };
    if about.is_symlink() {
        let target = fs::read_link(path).map_err(failed)?;
        return Err(FolderError::Symlink {
            path: path.to_owned(),
            target,
        });
    }
    if !about.is_dir() {
        return Err(FolderError::NoDirectory { path: path.to_owned() });
    }
    let (owner, ours) = (about.uid(), rustix::process::geteuid().as_raw());
    if owner != ours {
        let path = path.to_owned();
        return Err(FolderError::Owner { path, owner, ours });
    }
    // Whoever made it saw to its name; an earlier start of ours is made up for where that is possible.
    let _ = DiskStorage.make_dir(path);
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        let path = path.to_owned();
        return Err(FolderError::Writable { path, mode });
    }
    if mode & 0o077 != 0 {
        tracing::warn!(
            ?path,
            mode = format!("{mode:o}"),
            "others could read the state directory; it is private now"
        );
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    }

    #[test]
    fn a_folder_is_made_private_and_one_that_others_read_becomes_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b");
        prepare(&path).expect("made");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o700);
        with_mode(&path, 0o755);
        prepare(&path).expect("mended");
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn a_link_a_file_and_a_folder_that_others_write_in_are_refused_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link, file) = ["real", "link", "file"].map(|name| folder.path().join(name)).into();
        prepare(&real).expect("made");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        fs::write(&file, b"").expect("written");
        with_mode(&real, 0o777);
        let told = |path: &Path| prepare(path).expect_err("refused").to_string();
        assert!(
            told(&link).contains("set [store] path to the folder itself"),
            "{}",
            told(&link)
        );
        assert!(told(&file).contains("it is no directory"), "{}", told(&file));
        assert!(
            told(&real).contains("others may write in it (mode 777)"),
            "{}",
            told(&real)
        );
        assert_eq!(
            fs::metadata(&real).expect("there").permissions().mode() & 0o777,
            0o777,
            "nothing was changed"
        );
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        if std::os::unix::fs::chown(folder.path(), Some(65_534), None).is_err() {
            eprintln!("SKIPPED: giving a folder away needs root");
            return;
        }
        let error = prepare(folder.path()).expect_err("refused");
        assert!(
            matches!(error, FolderError::Owner { owner: 65_534, .. }) && error.is_permission(),
            "{error}"
        );
    }
}
