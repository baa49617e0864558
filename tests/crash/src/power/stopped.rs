//! A process that does not take one step more.

use std::{fs, io, thread, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

/// Stops a process and waits until each of its threads stands still or is inside a call of the kernel that cannot be
/// interrupted. Gives back how many are: they wait for the disk.
///
/// # Errors
/// When it is gone, or a thread still runs after a second.
pub(super) fn stop(pid: u32) -> io::Result<usize> {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(process.ok_or(io::ErrorKind::InvalidInput)?, Signal::STOP)?;
    for _ in 0..5_000 {
        let states = states(pid)?;
        if states.iter().all(|state| matches!(state, 'T' | 't' | 'D')) {
            return Ok(states.into_iter().filter(|state| *state == 'D').count());
        }
        thread::sleep(Duration::from_micros(200));
    }
    Err(io::Error::other(format!("a thread of {pid} does not stop")))
}

/// The state of each thread, as `man 5 proc` names them.
fn states(pid: u32) -> io::Result<Vec<char>> {
    let mut states = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the look.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else {
            continue;
        };
        let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest);
        states.extend(after_name.and_then(|rest| rest.chars().next()));
    }
    Ok(states)
}
