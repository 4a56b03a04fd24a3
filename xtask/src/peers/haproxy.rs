use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Missing;
use super::debian::Packages;
use crate::failure::{Failure, Trying};
use crate::process::{self, Running, free_address};
use crate::workspace::Workspace;

/// The load balancer, which tells by the PROXY protocol whose connections it passes on.
#[derive(Debug)]
pub(crate) struct Haproxy {
    packages: Packages,
    pub(crate) version: String,
}

/// A load balancer that runs.
#[derive(Debug)]
pub(crate) struct Balancer {
    _process: Running,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Haproxy {
    /// Takes what is installed, or unpacks the package of Debian.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        Self::find(workspace)
            .map_err(|failure| Missing::new(&failure, "install haproxy, or on Debian run apt-get update"))
    }

    fn find(workspace: &Workspace) -> Result<Self, Failure> {
        let packages = Packages::prepare(workspace, &["haproxy"])?;
        let told = process::output(packages.command("haproxy").arg("-v"), PROMPT)?;
        // `HAProxy version 2.6.12-1+deb12u1 2023/12/16 - https://haproxy.org/`
        let version = told.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
        Ok(Self { packages, version })
    }

    /// Starts it in front of one server of which it knows this, in the words of its configuration, where more may follow,
    /// and waits until it listens.
    pub(crate) fn start(&self, folder: &Path, server: &str) -> Result<Balancer, Failure> {
        let file = folder.join("haproxy.cfg");
        let mut tries = TRIES;
        loop {
            // It takes no port of the system's choice.
            let address = free_address()?;
            fs::write(&file, config(address, server))
                .trying(format_args!("cannot write {}", file.display()))?;
            let mut process =
                Running::captured(self.packages.command("haproxy").arg("-db").arg("-f").arg(&file))?;
            match listens(&mut process, address) {
                Ok(()) => return Ok(Balancer { _process: process, address }),
                Err(failure) if tries == 1 || !failure.to_string().contains("cannot bind") => {
                    return Err(failure);
                }
                // Somebody else was faster.
                Err(_) => tries -= 1,
            }
        }
    }
}

/// Waits until it takes connections, by its own word: somebody else may listen there, and then it ends without one.
fn listens(process: &mut Running, address: SocketAddr) -> Result<(), Failure> {
    let deadline = Instant::now() + PROMPT;
    loop {
        let client = TcpStream::connect(address).and_then(|stream| stream.local_addr());
        if process.has_ended()? {
            return Err(process.fault("has ended"));
        }
        if let Ok(client) = client {
            let left = deadline.saturating_duration_since(Instant::now());
            return process.expect_line(&format!("Connect from {client}"), left).map(drop);
        }
        if Instant::now() >= deadline {
            return Err(process.fault("does not listen"));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn config(listen: SocketAddr, server: &str) -> String {
    format!(
        "global
    maxconn 100
    log stdout format raw local0 info
defaults
    log global
    mode tcp
    timeout connect 30s
    timeout client 120s
    timeout server 120s
listen in
    bind {listen}
    server relay {server}
"
    )
}

const TRIES: usize = 5;

const PROMPT: Duration = Duration::from_secs(30);
