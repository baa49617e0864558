//! Whether a journal lies where it was made, or is a copy: restored from a backup, cloned, moved.
//!
//! The file `home` beside the segments says what the system knows it by (its inode and the instant it was made). A copy of
//! the folder has another file of that name, with another inode, and the same words in it. What this does not see: a
//! copy of the whole disk or virtual machine, and a copy back into the very same files. A copy is not worse than
//! the original, but what was stored after it was made is gone, and somebody may have heard of it.

use std::{io, path::Path};

use crate::storage::{Access, Storage};

const NAME: &str = "home";
const LONGEST: usize = 256;

/// Where a journal lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// Where it was made.
    Own,
    /// It is new, or was kept by a program that did not ask: nothing is known.
    Unknown,
    /// It was copied here.
    Copied,
}

pub(crate) fn look(storage: &dyn Storage, dir: &Path) -> io::Result<Home> {
    let path = dir.join(NAME);
    let file = match storage.open(&path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Home::Unknown),
        Err(error) => return Err(error),
    };
    let mut bytes = [0u8; LONGEST];
    let got = file.read_at(0, &mut bytes)?;
    let said = String::from_utf8_lossy(bytes.split_at(got.min(LONGEST)).0).into_owned();
    // A kill between making it and writing it leaves it empty.
    let said = said.trim_end();
    Ok(match storage.mark(&path)? {
        Some(mark) if said == mark => Home::Own,
        Some(_) if !said.is_empty() => Home::Copied,
        _ => Home::Unknown,
    })
}

pub(crate) fn settle(storage: &dyn Storage, dir: &Path) -> io::Result<()> {
    let (path, draft) = (dir.join(NAME), dir.join("home.new"));
    let file = storage.create(&draft)?;
    let Some(mark) = storage.mark(&draft)? else {
        return storage.remove(&draft);
    };
    file.write_at(0, format!("{mark}\n").as_bytes())?;
    file.sync()?;
    // Renaming keeps the inode, and with it the mark.
    storage.rename(&draft, &path)?;
    storage.sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DiskStorage;

    #[test]
    fn a_copy_of_the_folder_is_told_from_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        std::fs::create_dir_all(&here).expect("made");
        std::fs::create_dir_all(&there).expect("made");
        assert_eq!(look(&DiskStorage, &here).expect("looked"), Home::Unknown);
        settle(&DiskStorage, &here).expect("settled");
        assert_eq!(look(&DiskStorage, &here).expect("looked"), Home::Own);
        std::fs::copy(here.join(NAME), there.join(NAME)).expect("copied");
        assert_eq!(look(&DiskStorage, &there).expect("looked"), Home::Copied);
        settle(&DiskStorage, &there).expect("settled");
        assert_eq!(look(&DiskStorage, &there).expect("looked"), Home::Own);
        std::fs::write(here.join(NAME), b"").expect("emptied");
        assert_eq!(look(&DiskStorage, &here).expect("looked"), Home::Unknown);
    }
}
