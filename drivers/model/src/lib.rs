//! The words a device's report is made of.
//!
//! Promises: plain data, the same on every machine; a credential never prints itself in full through
//! `Debug`. Deliberately absent: I/O, async, clocks, protocols, and any opinion on what a reading means.

#![forbid(unsafe_code)]

mod credential;
mod factor;
mod reading;
mod time;

pub use credential::Credential;
pub use factor::{Direction, Factor, Outcome, UnknownWord};
pub use reading::{DeviceName, Origin, Raw, Reading};
pub use time::{DeviceTime, Precision, Span, Timestamp, TimestampError};
