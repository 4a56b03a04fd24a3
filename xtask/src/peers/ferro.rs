use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Missing;
use crate::failure::Failure;
use crate::process::{self, Running};
use crate::test::BUILD;
use crate::workspace::Workspace;

/// The client of the crate `ferro-lumberjack`.
#[derive(Debug)]
pub(crate) struct Ferro {
    program: PathBuf,
}

impl Ferro {
    /// Builds the program that drives the crate, in release mode, from its own lock file.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        Self::build(workspace).map_err(|failure| {
            Missing::new(&failure, "let `cargo` reach its registry once (see the lines above)")
        })
    }

    fn build(workspace: &Workspace) -> Result<Self, Failure> {
        let target = workspace.peer_target()?.join("ferro");
        process::output(
            process::cargo()
                .args(["build", "--quiet", "--release", "--locked", "--manifest-path"])
                .arg(workspace.peer_sources("ferro").join("Cargo.toml"))
                .arg("--target-dir")
                .arg(&target),
            BUILD,
        )?;
        let program =
            target.join("release").join(if cfg!(windows) { "ferro-peer.exe" } else { "ferro-peer" });
        Ok(Self { program })
    }

    /// Starts the client; it says at its end what [`super::Sent`] reads.
    pub(crate) fn send(
        &self,
        address: SocketAddr,
        events: &Path,
        window: usize,
        level: u32,
        encode: bool,
    ) -> Result<Running, Failure> {
        Running::captured(
            Command::new(&self.program)
                .arg(address.to_string())
                .arg(events)
                .args([window.to_string(), level.to_string()])
                .arg(if encode { "encode" } else { "ready" }),
        )
    }
}
