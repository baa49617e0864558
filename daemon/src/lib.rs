//! The program: what an operator may write and say, and how the parts are put together.
//!
//! - [`config`]: what may be configured; [`registry`]: the drivers there are.
//! - [`cli`] and [`commands`]: the command line, one file a verb; [`exit`]: what the exit status says.
//! - [`messages`]: everything said to operators, in each language.

#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod messages;
pub mod registry;
