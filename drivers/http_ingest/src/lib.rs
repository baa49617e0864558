//! Punches posted by HTTP: `POST /ingest/v1/punches`, from apps, clouds and other programs.
//!
//! - [`codec`]: a [`Post`] of punches and the [`Reply`] to it.
//! - [`driver`]: [`HttpIngest`], one answer for each post, given when the disk has the punches.
//! - [`simulator`]: an [`App`] that posts, and posts again until it is answered.
//!
//! Deliberately absent: what a punch means, whom a person is, and any memory of earlier calls; the journal has that.

#![forbid(unsafe_code)]

mod body;
pub mod codec;
pub mod driver;
mod field;
mod item;
mod options;
mod pace;
mod problem;
mod reader;
mod reply;
pub mod simulator;

pub use codec::{PUNCHES_PATH, Post};
pub use driver::HttpIngest;
pub use item::{Claim, Item};
pub use options::Options;
pub use problem::Problem;
pub use reader::IngestReader;
pub use reply::{Answer, Reply, Status, Verdict};
pub use simulator::{App, Knobs};
