use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Missing;
use super::driver::Client;
use crate::failure::{Failure, Trying};
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// PyLogBeat and python-logstash-async in a virtual environment.
#[derive(Debug)]
pub(crate) struct Python {
    interpreter: PathBuf,
    drivers: PathBuf,
}

impl Python {
    /// Makes the environment, or takes the one that is there if it holds the same versions.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        let system = if cfg!(windows) { "python" } else { "python3" };
        let version = output(system, &["-c", "import sys; print(sys.version_info >= (3, 11))"]);
        if version.as_deref() != Some("True") {
            return Err(Missing {
                reason: format!("there is no `{system}` 3.11 or newer on the PATH"),
                remedy: "install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)",
            });
        }
        if output(system, &["-c", "import venv, ensurepip"]).is_none() {
            return Err(Missing {
                reason: format!("`{system}` cannot make virtual environments"),
                remedy: "install its venv module (Debian: apt-get install python3-venv)",
            });
        }
        Self::install(workspace, system).map_err(|failure| {
            Missing::new(&failure, "let `pip` reach its package index once (see the lines above)")
        })
    }

    fn install(workspace: &Workspace, system: &str) -> Result<Self, Failure> {
        let drivers = workspace.peer_sources("python");
        let requirements = drivers.join("requirements.txt");
        let wanted = fs::read_to_string(&requirements)
            .trying(format_args!("cannot read {}", requirements.display()))?;
        let environment = workspace.peer_target()?.join("venv");
        let interpreter = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });

        let installed = environment.join("requirements.txt");
        if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted)
            && process::is_installed(&interpreter.to_string_lossy(), "--version")
        {
            return Ok(Self { interpreter, drivers });
        }

        process::output(
            Command::new(system).args(["-m", "venv", "--clear"]).arg(&environment),
            INSTALLATION,
        )?;
        process::output(
            Command::new(&interpreter)
                .args(["-m", "pip", "install", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--requirement"])
                .arg(&requirements),
            INSTALLATION,
        )?;
        // Last, so that an installation that was cut off is begun anew.
        fs::write(&installed, wanted).trying(format_args!("cannot write {}", installed.display()))?;
        Ok(Self { interpreter, drivers })
    }

    /// The version of an installed package.
    pub(crate) fn version(&self, package: &str) -> Result<String, Missing> {
        let version = process::output(
            Command::new(&self.interpreter).args([
                "-c",
                "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))",
                package,
            ]),
            Duration::from_secs(60),
        )
        .map_err(|failure| Missing::new(&failure, "remove target/peers/venv and run this again"))?;
        Ok(version.trim().to_owned())
    }

    /// Starts PyLogBeat's client, which always compresses, at the level that zlib takes by itself.
    pub(crate) fn send(&self, client: &Client<'_>) -> Result<Running, Failure> {
        client.start(&mut self.script("pylogbeat_client.py"))
    }

    /// Starts the handler of python-logstash-async: logs that many events, says `control ADDRESS` and `logged`, and
    /// closes the handler when somebody connects to the address. What it logged goes to `file`, one document a
    /// line. `transport` is `Beats`, `Http`, `Tcp` or `Udp`, with TLS if there is a file with a certificate to trust.
    pub(crate) fn log(
        &self,
        transport: &str,
        address: SocketAddr,
        events: usize,
        timeout: Duration,
        file: &Path,
        authority: Option<&Path>,
    ) -> Result<Running, Failure> {
        Running::captured(
            self.script("logstash_async_client.py")
                .arg(address.port().to_string())
                .arg(events.to_string())
                .arg(timeout.as_secs_f64().to_string())
                .arg(file)
                .arg(transport)
                .args(authority),
        )
    }

    /// Starts the handler of python-logstash-async: logs that many events of that size as fast as it can and closes
    /// the handler, which delivers them. What it prints is told in the script.
    pub(crate) fn deliver(
        &self,
        address: SocketAddr,
        events: usize,
        size: usize,
    ) -> Result<Running, Failure> {
        let numbers = [address.port().to_string(), events.to_string(), size.to_string()];
        Running::captured(self.script("logstash_async_deliver.py").args(numbers))
    }

    /// Has python-logstash-async do what it is known to do wrong; the cases are told in the script.
    pub(crate) fn fail_at(&self, case: &str, port: u16, argument: &str) -> Result<Running, Failure> {
        Running::captured(self.script("logstash_async_defects.py").args([case, &port.to_string(), argument]))
    }

    /// Measures the formatter of python-logstash-async, so long for each case. What it prints is told in the script.
    pub(crate) fn time_formatter(&self, milliseconds: u32) -> Result<String, Failure> {
        process::output(self.script("format_time.py").arg(milliseconds.to_string()), Duration::from_secs(300))
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.interpreter);
        // No byte code beside the sources.
        command.arg("-B").arg(self.drivers.join(name)).env("PYTHONUTF8", "1");
        command
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let text = process::output(Command::new(program).args(arguments), Duration::from_secs(60));
    text.ok().map(|text| text.trim().to_owned())
}

const INSTALLATION: Duration = Duration::from_secs(600);
