//! Secrets: where they are, and how they are opened.
//!
//! Promises: a secret never stands in the configuration itself, is refused while others can read it, and does
//! not print. Deliberately absent: environment variables and arguments, which other processes can see.

use std::{
    fmt, fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use punchgate_kit::Secret;

use super::{
    node::{Node, Value},
    place::Place,
    problem::{Problem, ProblemKind, Wanted},
    reader::{Findings, Reader},
    value::wrong_type,
};

/// The most a secret may hold, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that only its owner can read.
    File(PathBuf),
    /// A credential that systemd hands over (`LoadCredential=`), by name.
    Credential(String),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{{ file = {:?} }}", path.display().to_string()),
            Self::Credential(name) => write!(f, "{{ credential = {name:?} }}"),
        }
    }
}

/// A secret the configuration points at; opened unless the configuration was loaded with [`Secrets::Leave`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// Where it is.
    pub source: SecretSource,
    /// Where the configuration says so.
    pub at: Place,
    secret: Option<Secret>,
}

impl SecretRef {
    /// The secret, if it was opened.
    pub fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }
}

/// Whether secrets are opened while the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secrets {
    /// Open them; `credentials` is systemd's `$CREDENTIALS_DIRECTORY`.
    Open {
        /// The directory of credentials, if there is one.
        credentials: Option<PathBuf>,
    },
    /// Leave them closed: for printing a configuration, or for rules alone.
    Leave,
}

impl Secrets {
    /// Opens secrets, with the credentials directory systemd names in the environment.
    pub fn from_environment() -> Self {
        Self::Open {
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }
}

/// What reading a value needs to know of its surroundings.
pub(crate) struct Surroundings<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) secrets: &'a Secrets,
}

impl Surroundings<'_> {
    /// Relative paths are relative to the folder of the main configuration file.
    pub(crate) fn path(&self, path: PathBuf) -> PathBuf {
        self.folder.join(path)
    }

    /// Reads and, if asked to, opens a secret.
    pub(crate) fn secret(&self, key: &str, node: &Node, findings: &Findings) -> Option<SecretRef> {
        let source = source(key, node, findings)?;
        let source = match source {
            SecretSource::File(path) => SecretSource::File(self.path(path)),
            credential => credential,
        };
        let Secrets::Open { credentials } = self.secrets else {
            return Some(SecretRef {
                source,
                at: node.at.clone(),
                secret: None,
            });
        };
        match open(key, &source, credentials.as_deref()) {
            Ok(secret) => Some(SecretRef {
                source,
                at: node.at.clone(),
                secret: Some(secret),
            }),
            Err(kind) => {
                findings.push(&node.at, kind);
                None
            }
        }
    }
}

fn source(key: &str, node: &Node, findings: &Findings) -> Option<SecretSource> {
    let table = match &node.value {
        Value::Table(table) => table,
        Value::Text(_) | Value::Integer(_) => {
            findings.push(&node.at, ProblemKind::InlineSecret { key: key.to_owned() });
            return None;
        }
        _ => {
            findings.extend(vec![wrong_type(key, node, Wanted::Secret)]);
            return None;
        }
    };
    let reader = Reader::new(table, key, findings);
    let (file, credential) = (reader.get::<PathBuf>("file"), reader.get::<String>("credential"));
    let known = reader.rest().is_empty();
    reader.finish();
    match (file, credential) {
        (Some(file), None) => Some(SecretSource::File(file)),
        (None, Some(name)) if !name.is_empty() && !name.contains(['/', '\0']) && name != ".." && name != "." => {
            Some(SecretSource::Credential(name))
        }
        _ if known => {
            let kind = ProblemKind::WrongType {
                key: key.to_owned(),
                wanted: Wanted::Secret,
                got: "table",
            };
            findings.extend(vec![Problem::at(node.at.clone(), kind)]);
            None
        }
        _ => None,
    }
}

fn open(key: &str, source: &SecretSource, credentials: Option<&Path>) -> Result<Secret, ProblemKind> {
    let key = key.to_owned();
    // systemd guards credentials itself, with access lists that look like group access here.
    let (path, guarded) = match (source, credentials) {
        (SecretSource::File(path), _) => (path.clone(), false),
        (SecretSource::Credential(name), Some(folder)) => (folder.join(name), true),
        (SecretSource::Credential(name), None) => {
            return Err(ProblemKind::NoCredentials {
                key,
                name: name.clone(),
            });
        }
    };
    let unreadable = |why: String| ProblemKind::SecretUnreadable {
        key: key.clone(),
        path: path.clone(),
        why,
    };
    let about = fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?;
    if !about.is_file() {
        return Err(unreadable("not a regular file".to_owned()));
    }
    let file = fs::File::open(&path).map_err(|error| unreadable(error.to_string()))?;
    let mode = file
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?
        .permissions()
        .mode()
        & 0o7777;
    if !guarded && mode & 0o077 != 0 {
        return Err(ProblemKind::SecretExposed {
            key,
            path,
            mode: format!("{mode:04o}"),
        });
    }
    let mut text = String::new();
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(error.to_string()))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err(unreadable(format!("longer than {LONGEST} bytes")));
    }
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(ProblemKind::SecretEmpty { key, path }),
        secret => Ok(Secret::new(secret)),
    }
}
