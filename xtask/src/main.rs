//! The tasks of this workspace: `cargo xtask help`.
#![allow(clippy::print_stdout, reason = "a task reports to the terminal")]

use std::env;
use std::process::ExitCode;

mod arguments;
mod backlog;
mod bench;
mod ci;
mod cost;
mod deliver;
mod demo;
mod failure;
mod flood;
mod fuzz;
mod integration;
mod kills;
mod peers;
mod powercut;
mod process;
mod receive;
mod relay;
mod screenshot;
mod send;
mod steps;
mod task;
mod test;
mod usage;
mod with_parent;
mod workspace;

fn main() -> ExitCode {
    task::dispatch(env::args().skip(1))
}
