use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Missing;
use super::debian::Packages;
use crate::failure::{Failure, Trying};
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// The syslog daemon of most distributions, with its drivers for TLS.
#[derive(Debug)]
pub(crate) struct Rsyslog {
    packages: Packages,
    pub(crate) version: String,
}

impl Rsyslog {
    /// Takes what is installed, or unpacks the packages of Debian.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        Self::find(workspace).map_err(|failure| Missing::new(&failure, REMEDY))
    }

    fn find(workspace: &Workspace) -> Result<Self, Failure> {
        let packages = Packages::prepare(workspace, &["rsyslog", "rsyslog-openssl", "rsyslog-gnutls"])?;
        let told = process::output(packages.command("rsyslogd").arg("-v"), PROMPT)?;
        // `rsyslogd  8.2302.0 (aka 2023.02) compiled with:`
        let version = told.split_whitespace().nth(1).unwrap_or("unknown").to_owned();
        Ok(Self { packages, version })
    }

    /// Starts the daemon in the foreground, in universal time, with this configuration and nothing of the system's. What
    /// it keeps is in the folder, which must be there.
    ///
    /// Whether it listens already must be tried.
    pub(crate) fn start(&self, folder: &Path, config: &str) -> Result<Running, Failure> {
        let file = folder.join("rsyslog.conf");
        let config =
            format!("global(workDirectory=\"{}\" net.enableDNS=\"off\")\n{config}", folder.display());
        fs::write(&file, config).trying(format_args!("cannot write {}", file.display()))?;
        let modules = self.packages.search_path("rsyslog");
        let command = || {
            let mut command = self.packages.command("rsyslogd");
            command.arg("-M").arg(&modules).arg("-f").arg(&file);
            command
        };
        // It would start with half of a configuration.
        process::output(command().arg("-N1"), PROMPT)?;
        Running::captured(command().args(["-n", "-i"]).arg(folder.join("rsyslogd.pid")).env("TZ", "UTC"))
    }
}

const REMEDY: &str = "install rsyslog, rsyslog-openssl and rsyslog-gnutls, or on Debian run apt-get update";

const PROMPT: Duration = Duration::from_secs(30);
