//! What the exit status says.

use std::process::ExitCode;

/// The exit statuses (`surface.md`; the numbers from 65 on are those of `sysexits.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for happened.
    Ok = 0,
    /// A check found problems.
    Problems = 1,
    /// The command line was not understood.
    Usage = 2,
    /// Some of the input was not understood; the rest was used.
    BadInput = 65,
    /// Something that is needed is not there.
    Unavailable = 69,
    /// Reading or writing failed.
    Io = 74,
    /// Try again later.
    Temporary = 75,
    /// Something is there, but not for this user.
    Permission = 77,
    /// The configuration cannot be used.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
