mod connection;
use connection::{Connection, Undelivered};

mod options;
use options::Options;

mod probe;

use crate::batch::Batch;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::TransportError;
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::stream::{ConnectionOptions, Connector};
use crate::transport::Transport;
use bytes::Bytes;
use lumberjack_codec::{MAX_EVENTS_PER_WINDOW, SequenceMode, SlowStart};
use std::time::Duration;

/// Delivers over the Lumberjack v2 protocol: an event counts when the peer has acknowledged it.
///
/// Peers: Logstash's beats input, Filebeat and Elastic Agent (lumberjack input), Vector, Graylog.
/// Encoded windows are sent as they are; single events are cut into windows of
/// [`max_window_events`](Self::max_window_events) and [`max_window_bytes`](Self::max_window_bytes).
/// The connection is kept from batch to batch; a peer that closed it while it was idle is connected
/// to again without an error.
///
/// # What acknowledged means, and what can be lost
///
/// The peer has said that it took the event over; what that is worth, is its business: Logstash says so
/// when the event is in its queue, which is on disk only with `queue.type: persisted`. Until then the event
/// stays unacknowledged in the [`Batch`], so that nothing is lost on the way.
///
/// Delivery is at least once. Events come twice when the peer took them over but its acknowledgement did not
/// arrive: at most [`max_in_flight`](Self::max_in_flight) windows each time that a connection breaks. A window
/// that was acknowledged in part is repeated from there on. Order is kept on a connection; what is repeated
/// comes after what was sent with it.
///
/// ```no_run
/// use logstash_transport::{Batch, BeatsTransport, Transport};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut transport = BeatsTransport::new("logstash.example:5044")?
///     .compression_level(6)
///     .connection_ttl(Some(Duration::from_secs(300)));
/// transport.send(&mut Batch::from_events([r#"{"message":"one"}"#]))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BeatsTransport {
    connector: Connector,
    options: Options,
    /// Where windows start small, how large they may be now.
    slow_start: Option<SlowStart>,
    interrupt: Interrupt,
    connection: Option<Connection>,
}

impl BeatsTransport {
    /// A transport to `host`, `host:port`, `beats://host:port` or, encrypted, `beats+tls://host:port`; the
    /// default port is 5044. What follows `?` is listed at [`Endpoint`].
    ///
    /// Does not connect.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read, or wants TLS without the feature `tls`.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse_as_one_of(address, Scheme::Beats, &[Scheme::BeatsTls])?;
        endpoint.check_encryption()?;
        Ok(Self::to(endpoint))
    }

    /// A transport to an endpoint.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Self {
        Self {
            options: Options::of(&endpoint),
            connector: Connector::new(endpoint),
            slow_start: None,
            interrupt: Interrupt::new(),
            connection: None,
        }
    }

    /// How connections are made, in place of what was set before.
    #[must_use]
    pub fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connector.set_options(options);
        self
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

    /// Whether windows start at 10 events, grow while they go through, and shrink when they fail, so that a
    /// peer that has just come back is not met with the largest ones. Default: no.
    ///
    /// Encoded windows that are larger are taken apart meanwhile, which costs inflating and deflating them.
    #[must_use]
    pub fn slow_start(mut self, slow: bool) -> Self {
        self.slow_start = slow.then(|| SlowStart::new(MAX_EVENTS_PER_WINDOW as usize));
        self
    }

    /// Age at which a connection is replaced, so that a load balancer in between gets to choose anew. The
    /// windows in flight are waited for first. Default: none.
    #[must_use]
    pub fn connection_ttl(mut self, ttl: Option<Duration>) -> Self {
        self.options.connection_ttl = ttl;
        self
    }

    /// Time for resolving the name and for connecting, each. Default: 10 s.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        let options = self.connector.options().clone().connect_timeout(timeout);
        self.connection(options)
    }

    /// Time for which the peer may take nothing of what is written, nor send a sign of life.
    /// Default: 30 s.
    #[must_use]
    pub fn write_timeout(self, timeout: Duration) -> Self {
        let options = self.connector.options().clone().write_timeout(timeout);
        self.connection(options)
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

    /// An event that [`probe`](Transport::probe) sends and wants acknowledged, so that the last step proves
    /// delivery. Mark it, so that the pipeline can drop it. Default: none; an empty window is sent, which
    /// only Logstash answers.
    #[must_use]
    pub fn probe_event(mut self, event: impl Into<Bytes>) -> Self {
        self.options.probe_event = Some(event.into());
        self
    }

    /// Where the peer is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        self.connector.endpoint()
    }

    /// Sends over the connection that is there, or a new one.
    ///
    /// A connection that was kept and turns out to be closed, before a byte came over it, was idle for
    /// too long: that is no failure of the peer, and the next one follows at once.
    fn send_over(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if let Some(mut kept) = self.connection.take().and_then(Connection::if_alive) {
            let result = self.deliver(&mut kept, batch);
            if !matches!(result, Err(Undelivered { stale: true, .. })) {
                self.keep(kept, result)?;
            }
        }
        // Once, unless the time of a connection ends before the batch does.
        while !batch.is_done() {
            let mut fresh = self.connect()?;
            let result = self.deliver(&mut fresh, batch);
            self.keep(fresh, result)?;
        }
        Ok(())
    }

    fn deliver(&mut self, connection: &mut Connection, batch: &mut Batch<'_>) -> Result<(), Undelivered> {
        let write_timeout = self.connector.options().write_timeout;
        connection.deliver(batch, &self.options, &mut self.slow_start, write_timeout, &self.interrupt)
    }

    /// Keeps the connection if it is still good.
    fn keep(
        &mut self,
        connection: Connection,
        result: Result<(), Undelivered>,
    ) -> Result<(), TransportError> {
        if result.as_ref().err().is_none_or(|undelivered| undelivered.connection_is_good) {
            if connection.is_expired() {
                connection.close(&self.interrupt);
            } else {
                self.connection = Some(connection);
            }
        } else if let Some(slow_start) = &mut self.slow_start {
            slow_start.failed();
        }
        result
            .map_err(|undelivered| undelivered.error.within(format!("cannot deliver to {}", self.endpoint())))
    }

    fn connect(&mut self) -> Result<Connection, TransportError> {
        let connected = self.connector.connect(&self.interrupt)?;
        Ok(Connection::new(connected.stream, &self.options))
    }
}

impl Transport for BeatsTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if batch.is_done() {
            return Ok(());
        }
        self.send_over(batch)
    }

    /// Resolves, connects, encrypts, and sends [`probe_event`](Self::probe_event) or an empty window, over a
    /// connection of its own.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        probe::protocol(&mut self.connector, &self.options, &self.interrupt)
    }

    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close(&self.interrupt);
        }
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}
