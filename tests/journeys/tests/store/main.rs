//! Stories about the store of the real daemon: damage, sick disks, folders that will not do, housekeeping, and the verbs
//! that look at it.

mod damage;
mod disks;
mod folder;
mod housekeeping;
mod process;
mod room;
mod verbs;

/// The daemon.
const PROGRAM: &str = env!("CARGO_BIN_EXE_punchgate-under-test");
