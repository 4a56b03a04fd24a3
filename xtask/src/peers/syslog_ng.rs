use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Missing;
use super::debian::Packages;
use crate::failure::{Failure, Trying};
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// The other syslog daemon of distributions.
#[derive(Debug)]
pub(crate) struct SyslogNg {
    packages: Packages,
    pub(crate) version: String,
}

impl SyslogNg {
    /// Takes what is installed, or unpacks the package of Debian.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        Self::find(workspace).map_err(|failure| {
            Missing::new(&failure, "install syslog-ng-core, or on Debian run apt-get update")
        })
    }

    fn find(workspace: &Workspace) -> Result<Self, Failure> {
        let packages = Packages::prepare(workspace, &["syslog-ng-core"])?;
        let told = process::output(packages.command("syslog-ng").arg("--version"), PROMPT)?;
        // `syslog-ng 3 (3.38.1)`
        let version = told.split(['(', ')']).nth(1).unwrap_or("unknown").to_owned();
        Ok(Self { packages, version })
    }

    /// Starts the daemon in the foreground, in universal time, with this configuration and nothing of the system's. What
    /// it keeps is in the folder, which must be there.
    ///
    /// Whether it listens already must be tried.
    pub(crate) fn start(&self, folder: &Path, config: &str) -> Result<Running, Failure> {
        let file = folder.join("syslog-ng.conf");
        // The version of its language, which it demands in the first line; it stands for all that come after it too.
        let config = format!("@version: 3.35\n{config}");
        fs::write(&file, config).trying(format_args!("cannot write {}", file.display()))?;
        process::output(self.command(folder).arg("--syntax-only"), PROMPT)?;
        let mut command = self.command(folder);
        command.args(["--foreground", "--no-caps", "--stderr", "--control"]).arg(folder.join("control"));
        Running::captured(command.arg("--pidfile").arg(folder.join("syslog-ng.pid")).env("TZ", "UTC"))
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = self.packages.command("syslog-ng");
        let mut modules = OsString::from("--module-path=");
        modules.push(self.packages.search_path("syslog-ng"));
        command.arg(modules).arg("--cfgfile").arg(folder.join("syslog-ng.conf"));
        command.arg("--persist-file").arg(folder.join("syslog-ng.persist"));
        command
    }
}

const PROMPT: Duration = Duration::from_secs(30);
