//! `[store]`: where punches are kept, and how much and how long.

use std::{path::PathBuf, time::Duration};

use super::{
    problem::{ProblemKind, Wanted},
    reader::Reader,
    secret::Surroundings,
    value::Size,
};

/// The store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its folder; default `/var/lib/punchgate`.
    pub path: PathBuf,
    /// The most it may use; default 2 GiB, at least 1 MiB.
    pub max_size: Size,
    /// How long what every upstream has accepted is kept; default 35 days.
    pub retention: Duration,
    /// Space held back and released when the disk is full, for readings nobody else holds; default 16 MiB, may be 0.
    pub ballast: Size,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/var/lib/punchgate"),
            max_size: Size(2 << 30),
            retention: Duration::from_secs(35 * 86_400),
            ballast: Size(16 << 20),
        }
    }
}

const SMALLEST: Size = Size(1 << 20);

pub(crate) fn read(reader: Reader<'_>, around: &Surroundings<'_>) -> Store {
    let default = Store::default();
    let max_size = reader.or("max_size", default.max_size);
    if max_size < SMALLEST {
        let kind = ProblemKind::BadValue {
            key: "max_size".to_owned(),
            wanted: Wanted::StoreSize,
            got: max_size.to_string(),
        };
        reader.findings.push(&reader.place_of("max_size"), kind);
    }
    let store = Store {
        path: around.path(reader.or("path", default.path)),
        max_size,
        retention: reader.or("retention", default.retention),
        ballast: reader.or("ballast", default.ballast),
    };
    reader.finish();
    store
}
