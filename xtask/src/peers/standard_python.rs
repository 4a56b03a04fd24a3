use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Missing;
use crate::failure::Failure;
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// The logging handlers that Python brings along.
#[derive(Debug)]
pub(crate) struct StandardPython {
    drivers: PathBuf,
    pub(crate) version: String,
}

impl StandardPython {
    /// Any Python 3 that is there.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        let mut ask = Command::new(PYTHON);
        ask.args(["-c", "import platform; print(platform.python_version())"]);
        let version = process::output(&mut ask, Duration::from_secs(60)).map_err(|failure| {
            Missing::new(&failure, "install Python 3 (Debian: apt-get install python3)")
        })?;
        Ok(Self { drivers: workspace.peer_sources("python"), version: version.trim().to_owned() })
    }

    /// Starts a server of lines that logs each of them to a file.
    pub(crate) fn serve_lines(&self, address: SocketAddr, file: &Path) -> Result<Running, Failure> {
        let mut command = self.script("lines_server.py");
        Running::captured(command.arg(address.port().to_string()).arg(file))
    }

    /// Starts a program that logs that many events through `SocketHandler` or `DatagramHandler` and ends. What
    /// it logged goes to `file`, one object a line.
    pub(crate) fn log(
        &self,
        handler: &str,
        address: SocketAddr,
        events: usize,
        file: &Path,
    ) -> Result<Running, Failure> {
        Running::captured(
            self.script("standard_handlers.py")
                .arg(address.port().to_string())
                .arg(events.to_string())
                .arg(file)
                .arg(handler),
        )
    }

    /// Starts a program that logs texts, a file with a JSON list, through `SysLogHandler` and ends. The way is `udp` or
    /// `tcp`, to a port of the loopback interface, or `unix`, to the path of a socket. What a server has to understand
    /// goes to `file`, one object a line.
    pub(crate) fn log_syslog(
        &self,
        way: &str,
        address: &str,
        texts: &Path,
        file: &Path,
    ) -> Result<Running, Failure> {
        Running::captured(self.script("syslog_handler.py").args([way, address]).arg(texts).arg(file))
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(PYTHON);
        // No byte code beside the sources.
        command.arg("-B").arg(self.drivers.join(name)).env("PYTHONUTF8", "1");
        command
    }
}

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };
