//! The program: what an operator may write and say, and how the parts are put together.
//!
//! - [`config`]: what may be configured; [`registry`]: the drivers there are.
//! - [`cli`] and [`commands`]: the command line, one file a verb; [`exit`]: what the exit status says.
//! - [`messages`]: everything said to operators, in each language.
//! - [`intake`], [`decide`] and [`outbox`]: a punch's way; [`supervisor`] and [`board`]: what keeps it running, and shows it;
//!   [`store`]: what keeps the disk fit for use.

#![forbid(unsafe_code)]

pub mod admin;
pub mod board;
pub mod cli;
pub mod commands;
pub mod config;
pub mod contact;
pub mod decide;
pub mod deciding;
pub mod decode;
pub mod delivered;
pub mod demo;
pub mod epochs;
pub mod exit;
pub mod faults;
pub mod forward;
pub mod held;
pub mod intake;
pub mod log;
pub mod messages;
pub mod metrics;
pub mod notebook;
pub mod opening;
pub mod our_clock;
pub mod outbox;
pub mod plan;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod pulse;
pub mod pumps;
pub mod questions;
pub mod registry;
pub mod run;
pub mod store;
pub mod supervisor;
pub mod switchboard;
pub mod watermark;
