mod connection;
use connection::Connection;

use crate::batch::Batch;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::resolve::resolve;
use crate::transport::Transport;
use lumberjack_codec::{ClientConfig, SequenceMode};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Delivers over the Lumberjack v2 protocol: an event counts when the peer has acknowledged it.
///
/// Peers: Logstash's beats input, Filebeat and Elastic Agent (lumberjack input), Vector, Graylog.
/// Encoded windows are sent as they are; single events are cut into windows of
/// [`max_window_events`](Self::max_window_events) and [`max_window_bytes`](Self::max_window_bytes).
/// The connection is kept from batch to batch; a peer that closed it while it was idle is connected
/// to again without an error.
#[derive(Debug)]
pub struct BeatsTransport {
    endpoint: Endpoint,
    options: Options,
    interrupt: Interrupt,
    connection: Option<Connection>,
}

impl BeatsTransport {
    /// A transport to `host`, `host:port` or `beats://host:port`; the default port is 5044.
    ///
    /// Does not connect.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        Ok(Self::to(Endpoint::parse_as(address, Scheme::Beats)?))
    }

    /// A transport to an endpoint.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Self {
        Self { endpoint, options: Options::default(), interrupt: Interrupt::new(), connection: None }
    }

    /// Windows on the wire that are not acknowledged. Default: 2.
    #[must_use]
    pub fn max_in_flight(mut self, windows: usize) -> Self {
        self.options.client = self.options.client.max_in_flight(windows);
        self
    }

    /// zlib level of windows made of single events, 0 for none. Default: 3.
    #[must_use]
    pub fn compression_level(mut self, level: u32) -> Self {
        self.options.client = self.options.client.compression_level(level);
        self
    }

    /// Events of a window made of single events. Default: 2,048.
    #[must_use]
    pub fn max_window_events(mut self, events: usize) -> Self {
        self.options.max_window_events = events.max(1);
        self
    }

    /// Uncompressed bytes of a window made of single events. Default: 32 MiB.
    #[must_use]
    pub fn max_window_bytes(mut self, bytes: usize) -> Self {
        self.options.max_window_bytes = bytes;
        self
    }

    /// Time for resolving the name and for connecting, each. Default: 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// Time for which the peer may take nothing of what is written, nor send a sign of life.
    /// Default: 30 s.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.options.write_timeout = timeout;
        self
    }

    /// Time without any acknowledgement for a window in flight; keepalives count as one.
    /// Default: 30 s.
    #[must_use]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.options.client = self.options.client.ack_timeout(timeout);
        self
    }

    /// Time for which keepalives may take the place of progress. Default: for ever.
    #[must_use]
    pub fn progress_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.options.client = self.options.client.progress_timeout(timeout);
        self
    }

    /// How events are numbered. Default: from 1 in every window.
    #[must_use]
    pub fn sequence_mode(mut self, mode: SequenceMode) -> Self {
        self.options.client = self.options.client.sequence_mode(mode);
        self
    }

    /// Where the peer is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends over the connection that is there, or a new one; tells whether it was new.
    fn send_once(&mut self, batch: &mut Batch<'_>) -> Result<(), (TransportError, bool)> {
        let kept = self.connection.take().and_then(Connection::if_alive);
        let fresh = kept.is_none();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().map_err(|error| (error, fresh))?,
        };
        connection.deliver(batch, &self.options, &self.interrupt).map_err(|error| {
            let text = format!("cannot deliver to {}", self.endpoint);
            (TransportError::new(error.kind(), text).caused_by(error), fresh)
        })?;
        self.connection = Some(connection);
        Ok(())
    }

    fn connect(&self) -> Result<Connection, TransportError> {
        let addresses = resolve(&self.endpoint, self.options.connect_timeout)?;
        let (stream, _) = self.connect_to(&addresses)?;
        Connection::new(stream, self.options.client.clone()).map_err(|error| self.unreachable(error))
    }

    /// Tries the addresses in turn; all of them together have the connect timeout.
    fn connect_to(&self, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), TransportError> {
        let deadline = Instant::now() + self.options.connect_timeout;
        let mut failure = std::io::Error::from(std::io::ErrorKind::TimedOut);
        for (index, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            // A dead first address must leave time for the others.
            let share = left / u32::try_from(addresses.len() - index).unwrap_or(1).max(1);
            if share.is_zero() || self.interrupt.is_raised() {
                break;
            }
            match TcpStream::connect_timeout(address, share) {
                Ok(stream) => return Ok((stream, *address)),
                Err(error) => failure = error,
            }
        }
        Err(self.unreachable(failure))
    }

    fn unreachable(&self, error: std::io::Error) -> TransportError {
        TransportError::new(ErrorKind::Unavailable, format!("cannot connect to {}", self.endpoint))
            .caused_by(error)
    }
}

impl Transport for BeatsTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if batch.is_done() {
            return Ok(());
        }
        let before = batch.acknowledged();
        match self.send_once(batch) {
            Ok(()) => Ok(()),
            // The peer may have closed the idle connection just now: that is no failure yet.
            Err((error, false))
                if error.kind() == ErrorKind::Unavailable && batch.acknowledged() == before =>
            {
                if self.interrupt.is_raised() {
                    return Err(error);
                }
                self.send_once(batch).map_err(|(error, _)| error)
            }
            Err((error, _)) => Err(error),
        }
    }

    /// Resolves and connects. The protocol has no greeting, and only Logstash answers an empty
    /// window, so what listens there shows with the first events.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let mut report = ProbeReport::new();
        let started = Instant::now();
        let addresses = resolve(&self.endpoint, self.options.connect_timeout)?;
        let listed = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        report.push("resolve", listed, started.elapsed());
        let started = Instant::now();
        let (_, address) = self.connect_to(&addresses)?;
        report.push("connect", address.to_string(), started.elapsed());
        Ok(report)
    }

    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}

#[derive(Clone, Debug)]
struct Options {
    client: ClientConfig,
    max_window_events: usize,
    max_window_bytes: usize,
    connect_timeout: Duration,
    write_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            client: ClientConfig::new(),
            max_window_events: 2048,
            max_window_bytes: 32 * 1024 * 1024,
            connect_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
        }
    }
}
