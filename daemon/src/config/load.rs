//! Reads a configuration whole, or only the part the rules need.

use std::path::{Path, PathBuf};

use super::{
    Config, RulesConfig, device, directory, files, gateway,
    known::KnownDriver,
    listen, log,
    node::Table,
    place::Place,
    problem::{ProblemKind, Problems},
    reader::{Findings, Reader},
    secret::{Secrets, Surroundings},
    store, upstream, verification,
};

/// What to load, and how.
#[derive(Debug, Clone)]
pub struct Load<'a> {
    /// The main file; drop-ins are `conf.d/*.toml` beside it.
    pub file: PathBuf,
    /// The drivers there are.
    pub drivers: &'a [KnownDriver],
    /// Whether secrets are opened.
    pub secrets: Secrets,
}

/// Loads a whole configuration.
///
/// # Errors
/// Every fault that was found, in the order of files and lines.
pub fn load(load: &Load<'_>) -> Result<Config, Problems> {
    let table = files::read_all(&load.file).map_err(Problems)?;
    let findings = Findings::default();
    let config = whole(&table, load, &findings);
    finish(config, findings)
}

/// Loads what the rules need: `[directory]`, `[repeats]`, `[[verification]]`. The other sections are not looked
/// at, devices need not exist and secrets stay closed.
///
/// # Errors
/// Every fault that was found in those sections.
pub fn load_rules(file: &Path) -> Result<RulesConfig, Problems> {
    let table = files::read_all(file).map_err(Problems)?;
    let findings = Findings::default();
    let around = Surroundings {
        folder: folder(file),
        secrets: &Secrets::Leave,
    };
    let rules = rules(&Reader::new(&table, "", &findings), &around);
    finish(rules, findings)
}

fn finish<T>(value: T, findings: Findings) -> Result<T, Problems> {
    let mut problems = findings.into_problems();
    problems.sort_by(|a, b| a.at.cmp(&b.at));
    if problems.is_empty() {
        Ok(value)
    } else {
        Err(Problems(problems))
    }
}

fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn rules(root: &Reader<'_>, around: &Surroundings<'_>) -> RulesConfig {
    let verifications: Vec<_> = root
        .tables("verification")
        .into_iter()
        .filter_map(verification::read)
        .collect();
    let names = verifications.iter().map(|policy| (policy.name.as_str(), &policy.at));
    refuse_twins("verification", names, root.findings);
    RulesConfig {
        directory: root
            .table("directory")
            .map(|reader| directory::read(reader, around))
            .unwrap_or_default(),
        repeats: root.table("repeats").map(directory::read_repeats).unwrap_or_default(),
        verifications,
    }
}

fn whole(table: &Table, load: &Load<'_>, findings: &Findings) -> Config {
    let around = Surroundings {
        folder: folder(&load.file),
        secrets: &load.secrets,
    };
    let root = Reader::new(table, "", findings);
    let nothing = Table::empty(&load.file);
    let gateway = root
        .table("gateway")
        .unwrap_or_else(|| Reader::new(&nothing, "gateway", findings));
    let devices: Vec<_> = root
        .tables("device")
        .into_iter()
        .filter_map(|reader| device::read(reader, load.drivers, &around))
        .collect();
    let upstreams: Vec<_> = root
        .tables("upstream")
        .into_iter()
        .filter_map(|reader| upstream::read(reader, &around))
        .collect();
    refuse_twins(
        "device",
        devices.iter().map(|device| (device.name.as_str(), &device.at)),
        findings,
    );
    refuse_twins(
        "upstream",
        upstreams.iter().map(|upstream| (upstream.name.as_str(), &upstream.at)),
        findings,
    );
    let RulesConfig {
        directory,
        repeats,
        verifications,
    } = rules(&root, &around);
    let config = Config {
        gateway: gateway::read(gateway),
        store: root
            .table("store")
            .map(|reader| store::read(reader, &around))
            .unwrap_or_default(),
        devices,
        ingest: root.table("ingest").map(listen::read_ingest).unwrap_or_default(),
        admin: root.table("admin").map(listen::read_admin).unwrap_or_default(),
        directory,
        repeats,
        verifications,
        upstreams,
        log: root.table("log").map(log::read).unwrap_or_default(),
    };
    root.finish();
    config
}

/// A name stands once, across all files.
fn refuse_twins<'a>(what: &'static str, names: impl Iterator<Item = (&'a str, &'a Place)>, findings: &Findings) {
    let mut seen: Vec<(&str, &Place)> = Vec::new();
    for (name, at) in names {
        match seen.iter().find(|(other, _)| *other == name) {
            Some((_, other)) => {
                findings.push(
                    at,
                    ProblemKind::Duplicate {
                        what,
                        name: name.to_owned(),
                        other: (*other).clone(),
                    },
                );
            }
            None => seen.push((name, at)),
        }
    }
}
