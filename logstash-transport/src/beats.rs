mod connection;
use connection::{Connection, Undelivered};

use crate::batch::Batch;
use crate::dial::Dialer;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::transport::Transport;
use lumberjack_codec::{ClientConfig, MAX_EVENTS_PER_WINDOW, SequenceMode};
use std::time::Duration;

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
    dialer: Dialer,
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
        Self {
            endpoint,
            options: Options::default(),
            interrupt: Interrupt::new(),
            dialer: Dialer::default(),
            connection: None,
        }
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

    /// Events of a window made of single events, from 1 to 10,000. Default: 2,048.
    #[must_use]
    pub fn max_window_events(mut self, events: usize) -> Self {
        self.options.max_window_events = events.clamp(1, MAX_EVENTS_PER_WINDOW as usize);
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

    /// Sends over the connection that is there, or a new one.
    ///
    /// A connection that was kept and turns out to be closed, before a byte came over it, was idle for
    /// too long: that is no failure of the peer, and the next one follows at once.
    fn send_over(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if let Some(mut kept) = self.connection.take().and_then(Connection::if_alive) {
            let result = kept.deliver(batch, &self.options, &self.interrupt);
            if !matches!(result, Err(Undelivered { stale: true, .. })) {
                return self.keep(kept, result);
            }
        }
        let mut fresh = self.connect()?;
        let result = fresh.deliver(batch, &self.options, &self.interrupt);
        self.keep(fresh, result)
    }

    /// Keeps the connection if it is still good.
    fn keep(
        &mut self,
        connection: Connection,
        result: Result<(), Undelivered>,
    ) -> Result<(), TransportError> {
        if result.as_ref().err().is_none_or(|undelivered| undelivered.connection_is_good) {
            self.connection = Some(connection);
        }
        result.map_err(|undelivered| {
            let error = undelivered.error;
            TransportError::new(error.kind(), format!("cannot deliver to {}", self.endpoint)).caused_by(error)
        })
    }

    fn connect(&mut self) -> Result<Connection, TransportError> {
        let established = self.dialer.dial(&self.endpoint, self.options.connect_timeout, &self.interrupt)?;
        Connection::new(established.stream, self.options.client.clone()).map_err(|error| {
            let text = format!("cannot use the connection to {}", self.endpoint);
            TransportError::new(ErrorKind::Unavailable, text).caused_by(error)
        })
    }
}

impl Transport for BeatsTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if batch.is_done() {
            return Ok(());
        }
        self.send_over(batch)
    }

    /// Resolves and connects. The protocol has no greeting, and only Logstash answers an empty
    /// window, so what listens there shows with the first events.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let established = self.dialer.dial(&self.endpoint, self.options.connect_timeout, &self.interrupt)?;
        let mut report = ProbeReport::new();
        let listed = established.resolved.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        report.push("resolve", listed, established.resolving);
        report.push("connect", established.address.to_string(), established.connecting);
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
