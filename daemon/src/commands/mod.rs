//! The verbs, one file each. A verb writes to what it is given and says how it ended.

pub mod check;
pub mod config_print;
pub mod decode;
pub mod device;
pub mod directory;
mod explained;
pub(crate) mod faults;
mod plane;
pub mod quarantine;
pub mod reinterpret;
pub mod replay;
pub mod run;
pub mod sim;
pub mod status;
pub mod store;
#[cfg(test)]
mod tests;
pub mod verify;
