//! The configuration.

use std::{fs, path::PathBuf};

use punchgate::{
    config::{Config, Load, Problems, Secrets, load},
    registry,
};
use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder for the file");
}

/// A configuration file: it is refused with a reason on a line that is there, or what is in effect, printed, reads back to the
/// same. Secrets stay closed.
///
/// # Panics
/// When a law is broken.
pub fn config(bytes: &[u8]) {
    let config = match loaded(bytes) {
        Ok(config) => config,
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused without a reason");
            let said = problems.0.iter().map(ToString::to_string);
            return assert!(said.into_iter().all(|text| !text.is_empty()), "a reason without words");
        }
    };
    let printed = config.to_toml();
    let again = match loaded(printed.as_bytes()) {
        Ok(again) => again,
        Err(Problems(problems)) => panic!("{} of what is in effect:\n{printed}", problems[0]),
    };
    assert_eq!(again.to_toml(), printed, "printed once more");
}

fn loaded(bytes: &[u8]) -> Result<Config, Problems> {
    let file: PathBuf = FOLDER.with(|folder| folder.path().join("punchgate.toml"));
    fs::write(&file, bytes).expect("the file is written");
    load(&Load {
        file,
        drivers: registry::known(),
        secrets: Secrets::Leave,
    })
}
