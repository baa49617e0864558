//! What is accepted, and how each slip is told.

mod accepted;
mod refused;
mod shipped;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use punchgate_kit::Carrier;
use serde::Deserialize;
use tempfile::TempDir;

use super::{Config, KnownDriver, Load, Problems, Secrets, load};

#[derive(Debug, Clone, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct ZkOptions {
    comm_key: Option<String>,
    #[serde(default)]
    pull_every: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only the reading of it is tested")]
struct HttpOptions {
    token: String,
    #[serde(default)]
    factors: Vec<punchgate_model::Factor>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineOptions {}

/// Drivers as the registry would supply them, independent of the real ones.
pub(super) const DRIVERS: &[KnownDriver] = &[
    KnownDriver {
        name: "zk_tcp",
        carriers: &[Carrier::Tcp, Carrier::Udp],
        has_clock: true,
        secrets: &["comm_key"],
        check: |options| options.read::<ZkOptions>().map(drop),
    },
    KnownDriver {
        name: "serial_line",
        carriers: &[Carrier::Serial, Carrier::Tcp],
        has_clock: true,
        secrets: &[],
        check: |options| options.read::<LineOptions>().map(drop),
    },
    KnownDriver {
        name: "http_ingest",
        carriers: &[],
        has_clock: false,
        secrets: &["token"],
        check: |options| options.read::<HttpOptions>().map(drop),
    },
];

/// A folder with a configuration in it.
pub(super) struct Site(TempDir);

impl Site {
    pub(super) fn with(text: &str) -> Self {
        let site = Self(tempfile::tempdir().expect("a folder"));
        site.file("punchgate.toml", text.as_bytes());
        site
    }

    pub(super) fn file(&self, name: &str, content: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
        fs::write(path, content).expect("written");
    }

    pub(super) fn secret(&self, name: &str, content: &str, mode: u32) {
        self.file(name, content.as_bytes());
        fs::set_permissions(self.0.path().join(name), fs::Permissions::from_mode(mode)).expect("allowed");
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn load(&self) -> Result<Config, Problems> {
        let secrets = Secrets::Open {
            credentials: Some(self.path().join("credentials")),
        };
        load(&Load {
            file: self.path().join("punchgate.toml"),
            drivers: DRIVERS,
            secrets,
        })
    }

    /// The faults, with the folder's name left out.
    pub(super) fn faults(&self) -> Vec<String> {
        let problems = self.load().expect_err("a configuration with faults");
        let folder = format!("{}/", self.path().display());
        problems
            .0
            .iter()
            .map(|problem| problem.to_string().replace(&folder, ""))
            .collect()
    }
}
