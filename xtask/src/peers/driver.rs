//! How the programs that drive a server or a client are started and what they say. All of them take the same flags.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, fail};
use crate::process::Running;

/// How a server is started; everything else as its library has it by default.
#[derive(Debug, Default)]
pub(crate) struct ServerOptions<'a> {
    /// A free port of the loopback interface by default.
    pub(crate) listen: Option<SocketAddr>,
    /// File that the events are appended to.
    pub(crate) out: Option<&'a Path>,
    /// How long each window waits for its acknowledgement.
    pub(crate) delay: Option<Duration>,
    /// None at all if zero.
    pub(crate) keepalive: Option<Duration>,
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    process: Running,
    address: SocketAddr,
    received: usize,
}

impl Server {
    /// Adds the options to the command, starts it and waits until it listens.
    pub(super) fn start(command: &mut Command, options: &ServerOptions<'_>) -> Result<Self, Failure> {
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
        let mut process = Running::captured(command)?;
        let address = process.expect_line("listening", PROMPT)?;
        match address.parse() {
            Ok(address) => Ok(Self { process, address, received: 0 }),
            Err(_) => Err(process.fault(&format!("listens on `{address}`"))),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
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
    /// Where a client always compresses, it does so as it likes.
    pub(crate) level: u32,
    pub(crate) timeout: Duration,
    /// How long it connects again and resends after failures.
    pub(crate) retry: Duration,
    /// File with the certificate that is trusted, for TLS; go-lumber and PyLogBeat only.
    pub(crate) authority: Option<&'a Path>,
    /// Whether the library encodes the events itself, from maps; otherwise it sends the lines as they are.
    pub(crate) encode: bool,
}

/// go-lumber has both, the other libraries wait for each window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientKind {
    Sync,
    Async { in_flight: usize },
}

impl Client<'_> {
    /// Adds what is to be done to the command and starts it.
    pub(super) fn start(&self, command: &mut Command) -> Result<Running, Failure> {
        command
            .args(["-addr", &self.address.to_string()])
            .arg("-in")
            .arg(self.events)
            .args(["-window", &self.window.to_string()])
            .args(["-level", &self.level.to_string()])
            .args(["-timeout", &go_duration(self.timeout)])
            .args(["-retry", &go_duration(self.retry)]);
        if let Some(authority) = self.authority {
            command.arg("-ca").arg(authority);
        }
        if self.encode {
            command.arg("-encode");
        }
        Running::captured(command)
    }
}

/// What a client says at its end.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) acked: usize,
    /// From the first attempt to connect to the last acknowledgement.
    pub(crate) seconds: f64,
    /// How often it connected, if it says so.
    pub(crate) connections: Option<usize>,
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
                connections: words.next().and_then(|word| word.parse().ok()),
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
pub(super) const PROMPT: Duration = Duration::from_secs(30);
