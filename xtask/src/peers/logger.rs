use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Missing;
use crate::failure::Failure;
use crate::process;

/// `logger` of util-linux, which is on every Linux.
#[derive(Debug)]
pub(crate) struct Logger {
    pub(crate) version: String,
}

impl Logger {
    /// Other programs of that name know other options.
    pub(crate) fn prepare() -> Result<Self, Missing> {
        let remedy = "install it (Debian: apt-get install bsdutils)";
        let told = process::output(Command::new("logger").arg("--version"), PROMPT)
            .map_err(|failure| Missing::new(&failure, remedy))?;
        match told.split_once("util-linux ") {
            Some((_, version)) => Ok(Self { version: version.trim().to_owned() }),
            None => Err(Missing { reason: "the `logger` here is not that of util-linux".to_owned(), remedy }),
        }
    }

    /// Logs with these arguments and, if there is no message among them, the lines of a file on standard input.
    pub(crate) fn log(&self, arguments: &[String], lines: &Path) -> Result<(), Failure> {
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec logger "$@" <"$0""#]).arg(lines).args(arguments);
        process::output(&mut command, PROMPT).map(drop)
    }
}

const PROMPT: Duration = Duration::from_secs(30);
