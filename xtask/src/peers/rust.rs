use std::path::PathBuf;
use std::process::Command;

use super::driver::{Client, PROMPT, Server, ServerOptions};
use super::{Missing, Serves};
use crate::failure::Failure;
use crate::process::{self, Running};
use crate::test::BUILD;
use crate::workspace::Workspace;

/// A crate of others with a client and a server.
#[derive(Debug)]
pub(crate) struct RustPeer {
    program: PathBuf,
    library: &'static str,
    pub(crate) version: String,
}

/// How the program that drives a crate is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Profile {
    /// Built in a third of the time.
    Debug,
    /// For measurements.
    Release,
}

impl RustPeer {
    /// Builds the program that drives `ferro-lumberjack` and `lumberjack-protocol`, from its own lock file.
    pub(crate) fn prepare(
        workspace: &Workspace,
        library: &'static str,
        profile: Profile,
    ) -> Result<Self, Missing> {
        Self::build(workspace, library, profile).map_err(|failure| {
            Missing::new(&failure, "let `cargo` reach its registry once (see the lines above)")
        })
    }

    fn build(workspace: &Workspace, library: &'static str, profile: Profile) -> Result<Self, Failure> {
        let target = workspace.peer_target()?.join("rust");
        let mut build = process::cargo();
        build
            .args(["build", "--quiet", "--locked", "--manifest-path"])
            .arg(workspace.peer_sources("rust").join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target);
        if profile == Profile::Release {
            build.arg("--release");
        }
        process::output(&mut build, BUILD)?;
        let program = target
            .join(if profile == Profile::Release { "release" } else { "debug" })
            .join(if cfg!(windows) { "rust-peer.exe" } else { "rust-peer" });
        let version = process::output(Command::new(&program).args([library, "version"]), PROMPT)?;
        Ok(Self { program, library, version: version.trim().to_owned() })
    }

    pub(crate) fn send(&self, client: &Client<'_>) -> Result<Running, Failure> {
        client.start(Command::new(&self.program).args([self.library, "client"]))
    }

    /// Starts a server for measurements: it drops the events and says nothing.
    pub(crate) fn serve_and_discard(&self) -> Result<Server, Failure> {
        let mut command = Command::new(&self.program);
        Server::start(command.args([self.library, "server", "-quiet"]), &ServerOptions::default())
    }

    /// Starts a server whose application drops the first batch, which it neither keeps nor acknowledges.
    pub(crate) fn serve_and_drop_one(&self, options: &ServerOptions<'_>) -> Result<Server, Failure> {
        Server::start(Command::new(&self.program).args([self.library, "server", "-drop", "1"]), options)
    }
}

impl Serves for RustPeer {
    fn serve(&self, options: &ServerOptions<'_>) -> Result<Server, Failure> {
        Server::start(Command::new(&self.program).args([self.library, "server"]), options)
    }
}
