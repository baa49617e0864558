//! Stories about the real daemon: a process of its own, real sockets, simulated devices, a sink.

mod arrival;
mod clocks;
mod completeness;
mod configuration;
mod device_time;
mod disk_full;
mod identity;
mod ingest;
mod kill;
mod opening;
mod own_clock;
mod people;
mod plane;
mod ports;
mod quarantine;
mod reload;
mod sink_faults;
mod stop;
mod terminal_faults;
mod verdicts;

/// The daemon.
const PROGRAM: &str = env!("CARGO_BIN_EXE_punchgate-under-test");
