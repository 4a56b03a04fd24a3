//! The command line of `logstash-relay`.

mod check;
mod completions;
mod exit;
mod ink;
mod lines;
mod manual;
mod output;
mod queue;
mod run;
mod send;
mod status;
mod table;

use clap::{Parser, Subcommand};
use exit::{Outcome, Trouble};
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program `logstash-relay` with these arguments, the first of which is its own name.
///
/// The exit code is 0 if all is done, 1 if it failed, 2 if the command line asks for what does not
/// exist, and 3 if it ended with events that were given up or wait for another run, or if `status` found something
/// that is to be looked at. For `run`, what a queue on disk keeps is done, and what was dropped before the end is
/// in its report.
pub fn command_line<A: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = A>) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help and versions are no errors, and nobody can be told if this fails.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    exit::code(match command_line.command {
        Some(command) => command.run(),
        None => command_line.lines.run(),
    })
}

/// Collects log events and sees to it that they arrive at Logstash.
#[derive(Debug, Parser)]
#[command(name = "logstash-relay", version, args_conflicts_with_subcommands = true, after_long_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    lines: lines::Lines,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tries whether a configuration would work, part by part
    Check(check::Check),
    /// Writes a completion script for a shell to the standard output
    Completions(completions::Completions),
    /// Writes the manual page to the standard output
    Man(manual::Manual),
    /// Looks after queues on disk
    Queue(queue::Queue),
    /// Receives events and delivers them until it is told to end
    Run(run::Run),
    /// Sends the lines of files or of the standard input as events
    Send(send::Send),
    /// Shows the state of a relay that runs
    Status(status::Status),
}

impl Command {
    fn run(self) -> Result<Outcome, Trouble> {
        match self {
            Self::Check(check) => check.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(manual) => manual.run(),
            Self::Queue(queue) => queue.run(),
            Self::Run(run) => run.run(),
            Self::Send(send) => send.run(),
            Self::Status(status) => status.run(),
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all is done, and every event is delivered; of run: delivered, or kept by a queue on disk
  1  it failed; the standard error says why
  2  the command line asks for what does not exist
  3  it ended with events that were given up or wait for another run; the standard error says how many;
     of run: events were lost when it ended, or connections had not ended in time;
     of status: something is to be looked at";
