//! ZKTeco terminals and their many rebrands, spoken to on TCP or UDP port 4370.
//!
//! The terminal listens and keeps a log; we connect, take live events as they come, and read the whole log whenever its count
//! says that we missed something. The log is the truth, events are only faster.
//!
//! Promises: a wrong comm key stops the conversation instead of looping; the layout of the log is found at every read; an
//! event is acknowledged only when it is on the disk. Deliberately absent: disabling the terminal, clearing its log, writing
//! users, reading templates, photos, names or passwords.

#![forbid(unsafe_code)]

pub mod codec;
pub mod driver;
mod log;
mod mapping;
pub mod options;
mod reader;
pub mod simulator;
mod verify;

pub use driver::ZkTcp;
pub use options::Options;
pub use reader::ZkReader;
pub use simulator::{Knobs, ZkSim};
pub use verify::VerifyTable;
