//! The verbs, one file each. A verb writes to what it is given and says how it ended.

pub mod check;
pub mod config_print;
mod faults;
pub mod replay;
#[cfg(test)]
mod tests;
