//! Collects log events and sees to it that they arrive at Logstash.

use std::process::ExitCode;

fn main() -> ExitCode {
    logstash_handler::relay::command_line(std::env::args_os())
}
