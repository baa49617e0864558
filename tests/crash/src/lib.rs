//! Rigs that stop the real gateway in the worst moments and ask afterwards whether it kept its word.
//!
//! - [`kills`]: SIGKILL at random instants, under load from several devices.
//! - [`syscalls`]: SIGKILL at every call that changes a file, one after another.
//! - [`power`]: the power goes at random instants, on real file systems.
//!
//! All three judge alike: [`ledger`] is what the devices were promised, [`audit`] compares it with what the sink holds.
//! They share no code with the gateway, and start it as a process.

#![forbid(unsafe_code)]

pub mod audit;
pub mod caller;
pub mod dice;
pub mod kills;
pub mod ledger;
pub mod power;
pub mod report;
pub mod site;
pub mod syscalls;
