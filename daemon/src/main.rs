//! `punchgate`: arguments in, exit status out. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    punchgate::cli::main(std::env::args_os()).into()
}
