use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::driver::{Client, ClientKind, PROMPT, Server, ServerOptions};
use super::{Missing, Serves};
use crate::failure::Failure;
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// Elastic's own Go library for the protocol, client and server; Filebeat is built on it.
#[derive(Debug)]
pub(crate) struct GoLumber {
    program: PathBuf,
    pub(crate) version: String,
}

impl GoLumber {
    /// Builds the program that drives the library.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        if !process::is_installed("go", "version") {
            return Err(Missing {
                reason: "there is no `go` on the PATH".to_owned(),
                remedy: "install Go 1.19 or newer (Debian: apt-get install golang-go)",
            });
        }
        Self::build(workspace).map_err(|failure| {
            Missing::new(&failure, "let `go` reach its module proxy once (see the lines above)")
        })
    }

    fn build(workspace: &Workspace) -> Result<Self, Failure> {
        let program = workspace.peer_target()?.join(if cfg!(windows) {
            "go-lumber-peer.exe"
        } else {
            "go-lumber-peer"
        });
        process::output(
            Command::new("go")
                .current_dir(workspace.peer_sources("go-lumber"))
                .args(["build", "-trimpath", "-buildvcs=false", "-o"])
                .arg(&program)
                .arg("."),
            Duration::from_secs(600),
        )?;
        let version = process::output(Command::new(&program).arg("version"), PROMPT)?;
        Ok(Self { program, version: version.trim().to_owned() })
    }

    pub(crate) fn send(&self, client: &Client<'_>) -> Result<Running, Failure> {
        client.start(&mut self.client(client.kind))
    }

    /// Sends over TLS and presents the certificate of the client in a folder.
    pub(crate) fn send_with_certificate(
        &self,
        client: &Client<'_>,
        folder: &Path,
    ) -> Result<Running, Failure> {
        client.start(self.client(client.kind).arg("-certificates").arg(folder))
    }

    /// Sends events `[0,0,0]`, `[0,0,1]` and so on without end to the relay whose address stands in a file, and says
    /// how many are acknowledged.
    pub(crate) fn send_endlessly(
        &self,
        kind: ClientKind,
        place: &Path,
        window: usize,
        level: u32,
    ) -> Result<Running, Failure> {
        let mut command = Command::new(&self.program);
        match kind {
            ClientKind::Sync => command.arg("endless-sync"),
            ClientKind::Async { in_flight } => {
                command.args(["endless-async", "-in-flight", &in_flight.to_string()])
            }
        };
        command.args(["-window", &window.to_string(), "-level", &level.to_string(), "-addr-file"]).arg(place);
        Running::captured(&mut command)
    }

    fn client(&self, kind: ClientKind) -> Command {
        let mut command = Command::new(&self.program);
        match kind {
            ClientKind::Sync => command.arg("client-sync"),
            ClientKind::Async { in_flight } => {
                command.args(["client-async", "-in-flight", &in_flight.to_string()])
            }
        };
        command
    }

    /// Writes `ca.pem`, and `server` and `client` with their `.pem` and `.key`, to a folder.
    pub(crate) fn make_certificates(&self, folder: &Path) -> Result<(), Failure> {
        process::output(Command::new(&self.program).arg("certificates").arg(folder), PROMPT).map(drop)
    }

    /// Starts a server with TLS, which demands a certificate of its clients.
    pub(crate) fn serve_tls(&self, folder: &Path, options: &ServerOptions<'_>) -> Result<Server, Failure> {
        Server::start(Command::new(&self.program).args(["server", "-tls"]).arg(folder), options)
    }

    /// Starts a server for measurements: it drops the events and says nothing.
    pub(crate) fn serve_and_discard(&self, json: Json) -> Result<Server, Failure> {
        let json = match json {
            Json::Checked => "checked",
            Json::Decoded => "decoded",
            Json::Kept => "kept",
        };
        let mut command = Command::new(&self.program);
        Server::start(command.args(["server", "-quiet", "-json", json]), &ServerOptions::default())
    }
}

/// What a server does with events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Json {
    /// Decodes them and keeps them as they came.
    Checked,
    /// Decodes them, as the library has it by default.
    Decoded,
    /// Keeps them as they came, whatever they are.
    Kept,
}

impl Serves for GoLumber {
    fn serve(&self, options: &ServerOptions<'_>) -> Result<Server, Failure> {
        Server::start(Command::new(&self.program).arg("server"), options)
    }
}
