//! The whole gateway under one seed. See this folder's README.
//!
//! [`scene`]: what a seed means; [`world`]: what outlives the process; [`gateway`]: the process; [`life`]: one run.
//! Deliberately absent: threads, sockets, the machine's clock, and any chance that does not come from the seed.

#![forbid(unsafe_code)]

pub mod dice;
pub mod gateway;
pub mod life;
pub mod net;
pub mod regressions;
pub mod rot;
pub mod rulebook;
pub mod scene;
pub mod shelf;
pub mod sink;
pub mod station;
pub mod trace;
pub mod world;

pub use life::{Outcome, run};
