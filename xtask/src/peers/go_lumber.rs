use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Missing;
use crate::failure::{Failure, fail};
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

    pub(crate) fn serve(&self, options: &ServerOptions<'_>) -> Result<Server, Failure> {
        let mut command = Command::new(&self.program);
        command.arg("server");
        if let Some(address) = options.listen {
            command.args(["-listen", &address.to_string()]);
        }
        if let Some(file) = options.out {
            command.arg("-out").arg(file);
        }
        if let Some(delay) = options.delay {
            command.args(["-delay", &go_duration(delay)]);
        }
        if let Some(keepalive) = options.keepalive {
            command.args(["-keepalive", &go_duration(keepalive)]);
        }
        let mut process = Running::captured(&mut command)?;
        let address = process.expect_line("listening", PROMPT)?;
        match address.parse() {
            Ok(address) => Ok(Server { process, address, received: 0 }),
            Err(_) => Err(process.fault(&format!("listens on `{address}`"))),
        }
    }

    pub(crate) fn send(&self, client: &Client<'_>) -> Result<Running, Failure> {
        let mut command = Command::new(&self.program);
        match client.kind {
            ClientKind::Sync => command.arg("client-sync"),
            ClientKind::Async { in_flight } => {
                command.args(["client-async", "-in-flight", &in_flight.to_string()])
            }
        };
        command
            .args(["-addr", &client.address.to_string()])
            .arg("-in")
            .arg(client.events)
            .args(["-window", &client.window.to_string()])
            .args(["-level", &client.level.to_string()])
            .args(["-timeout", &go_duration(client.timeout)])
            .args(["-retry", &go_duration(client.retry)]);
        if client.encode {
            command.arg("-encode");
        }
        Running::captured(&mut command)
    }
}

/// How the server is started; everything else as go-lumber has it by default.
#[derive(Debug, Default)]
pub(crate) struct ServerOptions<'a> {
    /// A free port of the loopback interface by default.
    pub(crate) listen: Option<SocketAddr>,
    /// File that the events are appended to.
    pub(crate) out: Option<&'a Path>,
    /// How long each window waits for its acknowledgement.
    pub(crate) delay: Option<Duration>,
    pub(crate) keepalive: Option<Duration>,
}

/// A go-lumber server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    process: Running,
    address: SocketAddr,
    received: usize,
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until that many events were received and written to the file.
    pub(crate) fn wait_for(&mut self, events: usize, patience: Duration) -> Result<(), Failure> {
        while self.received < events {
            let line = self.process.expect_line("batch", patience)?;
            self.received = line
                .split_whitespace()
                .last()
                .and_then(|total| total.parse().ok())
                .ok_or_else(|| self.process.fault(&format!("wrote `batch {line}`")))?;
        }
        Ok(())
    }

    /// Ends it the hard way, as a crash would.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }
}

/// What a client sends, and how.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    pub(crate) kind: ClientKind,
    pub(crate) address: SocketAddr,
    /// File with one JSON document a line.
    pub(crate) events: &'a Path,
    /// Events per window.
    pub(crate) window: usize,
    pub(crate) level: u32,
    pub(crate) timeout: Duration,
    /// How long it connects again and resends after failures.
    pub(crate) retry: Duration,
    /// Whether go-lumber encodes the events itself, from maps; otherwise it sends the lines as they are.
    pub(crate) encode: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientKind {
    Sync,
    Async { in_flight: usize },
}

/// What a client says at its end.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) acked: usize,
    /// From the first attempt to connect to the last acknowledgement.
    pub(crate) seconds: f64,
    pub(crate) connections: usize,
}

impl Sent {
    /// Reads `acked EVENTS SECONDS [CONNECTIONS]` and waits for the end of the client.
    pub(crate) fn expect(client: &mut Running, patience: Duration) -> Result<Self, Failure> {
        let line = client.expect_line("acked", patience)?;
        let mut words = line.split_whitespace();
        let sent = (|| {
            Some(Self {
                acked: words.next()?.parse().ok()?,
                seconds: words.next()?.parse().ok()?,
                connections: words.next().map_or(Some(1), |n| n.parse().ok())?,
            })
        })();
        let Some(sent) = sent else {
            fail!("a client wrote `acked {line}`");
        };
        client.succeed(PROMPT)?;
        Ok(sent)
    }
}

fn go_duration(duration: Duration) -> String {
    format!("{}us", duration.as_micros())
}

/// What needs no work has to be done within this time.
const PROMPT: Duration = Duration::from_secs(30);
