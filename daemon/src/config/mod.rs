//! What an operator may write.
//!
//! Promises: every fault of a configuration is found in one go and told with file, line, column and cure; unknown
//! keys are faults; secrets are pointed at, never written down; defaults are the ones `config/punchgate.toml`
//! shows. Loading touches no device and opens no port. Deliberately absent: what the keys do at run time, and any
//! knowledge of particular drivers, which the registry supplies as [`KnownDriver`]s.

mod device;
mod directory;
mod files;
mod gateway;
mod known;
mod link;
mod listen;
mod load;
mod log;
mod meaning;
mod merge;
mod nearest;
mod node;
mod options;
mod place;
mod print;
mod problem;
mod reader;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod units;
mod upstream;
mod value;
mod verification;
mod warning;
mod zone;

pub use device::{Clock, Device};
pub use directory::{Directory, Repeats, Unknown};
pub use gateway::Gateway;
pub use known::{KnownDriver, LinkKind};
pub use link::{Link, Parity, SerialPort};
pub use listen::{Admin, Ingest, Limits};
pub use load::{Load, load, load_rules};
pub use log::{Log, LogFormat, LogLevel};
pub use options::{Options, OptionsError, OptionsFault};
pub use place::Place;
pub use problem::{Problem, ProblemKind, Problems, Wanted};
pub use punchgate_kit::Secret;
pub use secret::{SecretRef, SecretSource, Secrets};
pub use store::Store;
pub use units::{duration_text, size_text};
pub use upstream::{Batch, Sent, Upstream, UpstreamDriver};
pub use value::{HostPort, Size};
pub use verification::{Order, Selector, Verification};
pub use warning::{Warning, WarningKind, warnings};
pub use zone::Zone;

/// Where the configuration is unless `--config` says otherwise.
pub const DEFAULT_FILE: &str = "/etc/punchgate/punchgate.toml";

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Who we are.
    pub gateway: Gateway,
    /// Where punches are kept.
    pub store: Store,
    /// The devices, in the order of the files; names are unique.
    pub devices: Vec<Device>,
    /// Where devices call us.
    pub ingest: Ingest,
    /// Where operators and monitoring call us.
    pub admin: Admin,
    /// Who is who.
    pub directory: Directory,
    /// What counts as the same punch twice.
    pub repeats: Repeats,
    /// The policies of dual verification; names are unique.
    pub verifications: Vec<Verification>,
    /// Where events go; names are unique.
    pub upstreams: Vec<Upstream>,
    /// How the program speaks.
    pub log: Log,
}

/// The part of a configuration that decides what punches mean; all that `replay` reads.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RulesConfig {
    /// Who is who.
    pub directory: Directory,
    /// What counts as the same punch twice.
    pub repeats: Repeats,
    /// The policies of dual verification.
    pub verifications: Vec<Verification>,
}

impl Config {
    /// Whether some device calls us by HTTP, so that the device plane is opened.
    pub fn listens(&self) -> bool {
        self.devices.iter().any(|device| device.link == Link::Http)
    }
}
