use crate::batch::Batch;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::lines::Lines;
use crate::probe::ProbeReport;
use crate::stream::{
    Connected, ConnectionOptions, Connector, Stream, deadline, is_pause, is_refusal, refused,
};
use crate::transport::Transport;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Delivers events as lines over TCP, for `tcp { codec => json_lines }` of Logstash and the like.
///
/// A newline inside an event would end its line, so it becomes a space, which means the same between the
/// tokens of JSON. The connection is kept from batch to batch.
///
/// # What acknowledged means, and what can be lost
///
/// Lines over TCP have no acknowledgement. An event counts when its whole line was handed to the system and
/// the connection was found alive before and after; on a new connection only after the peer had
/// [`settle_time`](Self::settle_time) to refuse it. What the system holds by then, or the peer has received but
/// not read, is **lost** when the peer or the network fails: up to the send buffer here and the receive
/// buffer there, usually some hundred kilobytes. Where that matters, use
/// [`BeatsTransport`](crate::BeatsTransport).
///
/// Events come **twice** when a connection breaks while they are being written, because nobody knows how far
/// the peer got: at most 256 KiB of lines, or one line that is longer. A line that was cut stays the last of
/// its connection; the next connection starts with the whole event.
///
/// Dropping the transport without [`close`](Transport::close) does not wait until the peer has read the rest.
///
/// ```no_run
/// use logstash_transport::{Batch, TcpTransport, Transport};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut transport = TcpTransport::new("logstash.example:5000")?.settle_time(Duration::from_millis(500));
/// transport.send(&mut Batch::from_events([r#"{"message":"one"}"#]))?;
/// transport.close();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpTransport {
    connector: Connector,
    connection_ttl: Option<Duration>,
    settle_time: Duration,
    close_timeout: Duration,
    interrupt: Interrupt,
    lines: Lines,
    connection: Option<Connection>,
}

impl TcpTransport {
    /// A transport to `host:port`, `tcp://host:port` or, encrypted, `tcp+tls://host:port`.
    ///
    /// Does not connect.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read, or wants TLS without the feature `tls`.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse_as_one_of(address, Scheme::Tcp, &[Scheme::TcpTls])?;
        endpoint.check_encryption()?;
        Ok(Self::to(endpoint))
    }

    /// A transport to an endpoint.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Self {
        Self {
            connector: Connector::new(endpoint),
            connection_ttl: None,
            settle_time: Duration::from_millis(100),
            close_timeout: Duration::from_secs(2),
            interrupt: Interrupt::new(),
            lines: Lines::default(),
            connection: None,
        }
    }

    /// How connections are made, in place of what was set before.
    #[must_use]
    pub fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connector.set_options(options);
        self
    }

    /// Age at which a connection is replaced, so that a load balancer in between gets to choose anew.
    /// Default: none.
    #[must_use]
    pub const fn connection_ttl(mut self, ttl: Option<Duration>) -> Self {
        self.connection_ttl = ttl;
        self
    }

    /// How long a peer may refuse a new connection, after its first lines, before these count: a server that
    /// does not accept a client certificate, or a load balancer without servers, says so only then.
    /// Default: 100 ms.
    #[must_use]
    pub const fn settle_time(mut self, time: Duration) -> Self {
        self.settle_time = time;
        self
    }

    /// How long [`close`](Transport::close) waits for the peer to read everything and close too.
    /// Default: 2 s.
    #[must_use]
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Where the peer is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        self.connector.endpoint()
    }

    /// The connection that is there if it is alive, or a new one.
    fn connected(&mut self) -> Result<Connection, TransportError> {
        if let Some(mut kept) = self.connection.take() {
            if self.connection_ttl.is_some_and(|ttl| kept.since.elapsed() >= ttl) {
                kept.stream.close(self.close_timeout, &self.interrupt);
            } else if kept.check(Duration::ZERO, &self.interrupt).is_ok() {
                return Ok(kept);
            }
        }
        let Connected { stream, .. } = self.connector.connect(&self.interrupt)?;
        Ok(Connection { stream, since: Instant::now(), is_settled: false })
    }

    /// Writes a chunk of lines; all of it counts, or nothing.
    fn write_chunk(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        let events = batch.events_at(batch.acknowledged(), CHUNK_EVENTS)?;
        self.lines.fill(events, CHUNK_BYTES);
        let mut connection = self.connected()?;
        let timeout = self.connector.options().write_timeout;
        let written = connection.write(&mut self.lines, timeout, &self.interrupt).and_then(|()| {
            let patience = if connection.is_settled { Duration::ZERO } else { self.settle_time };
            connection.check(patience, &self.interrupt)
        });
        written.map_err(|error| self.undelivered(error))?;
        connection.is_settled = true;
        self.connection = Some(connection);
        batch.acknowledge(self.lines.complete());
        Ok(())
    }

    fn undelivered(&self, error: io::Error) -> TransportError {
        let text = format!("cannot deliver to {}", self.endpoint());
        if is_refusal(&error) {
            let refusal = refused(error);
            let advice = refusal.advice().unwrap_or_default().to_owned();
            return TransportError::new(refusal.kind(), text).advise(advice).caused_by(refusal);
        }
        TransportError::new(ErrorKind::Unavailable, text).caused_by(error)
    }
}

impl Transport for TcpTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        while !batch.is_done() {
            self.write_chunk(batch)?;
        }
        Ok(())
    }

    /// Resolves, connects, encrypts, and sees whether the peer keeps the connection. Sends nothing: there is
    /// no answer that could be waited for.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let Connected { stream, mut report } = self.connector.connect(&self.interrupt)?;
        let started = Instant::now();
        let mut connection = Connection { stream, since: started, is_settled: false };
        connection.check(self.settle_time, &self.interrupt).map_err(|error| {
            self.undelivered(error)
                .advise("the peer hangs up on new connections: see its log, or the load balancer's")
                .after(&report)
        })?;
        report.push(
            "protocol",
            "the peer keeps the connection; lines are not acknowledged",
            started.elapsed(),
        );
        connection.stream.close(self.close_timeout, &self.interrupt);
        Ok(report)
    }

    /// Says goodbye, and waits until the peer has read everything and closed too, or for
    /// [`close_timeout`](Self::close_timeout).
    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.stream.close(self.close_timeout, &self.interrupt);
        }
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}

#[derive(Debug)]
struct Connection {
    stream: Stream,
    since: Instant,
    /// Whether the peer had its time to refuse it.
    is_settled: bool,
}

impl Connection {
    fn write(&mut self, lines: &mut Lines, timeout: Duration, interrupt: &Interrupt) -> io::Result<()> {
        let mut last_progress = Instant::now();
        while !lines.rest().is_empty() {
            if interrupt.is_raised() {
                return Err(io::Error::other("interrupted while writing"));
            }
            match self.stream.write(lines.rest()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    lines.advance(written);
                    last_progress = Instant::now();
                }
                Err(error) if is_pause(&error) => {
                    self.check(Duration::ZERO, interrupt)?;
                    if last_progress.elapsed() >= timeout {
                        let text = "the peer takes nothing of what is written, within the write timeout";
                        return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                    }
                }
                // The peer may have said why.
                Err(error) => {
                    return Err(self
                        .check(Duration::ZERO, interrupt)
                        .err()
                        .filter(is_refusal)
                        .unwrap_or(error));
                }
            }
        }
        Ok(())
    }

    /// Looks for the end of the connection, for `patience` at least. What the peer sends is of no interest.
    ///
    /// A peer that never stops to send is alive: no more than some of that is read at a time.
    fn check(&mut self, patience: Duration, interrupt: &Interrupt) -> io::Result<()> {
        let deadline = deadline(patience);
        let mut scrap = [0; 4096];
        let mut late_reads = 0;
        loop {
            if !patience.is_zero() && interrupt.is_raised() {
                return Err(io::Error::other("interrupted while waiting for a refusal"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let result = if left.is_zero() {
                self.stream.read_ready(&mut scrap)
            } else {
                self.stream.set_read_timeout(left)?;
                io::Read::read(&mut self.stream, &mut scrap)
            };
            match result {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the peer closed the connection",
                    ));
                }
                Ok(_) if late_reads == LATE_READS => return Ok(()),
                Ok(_) => late_reads += usize::from(left.is_zero()),
                Err(error) if is_pause(&error) && left.is_zero() => return Ok(()),
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What is written between two looks at the connection.
const CHUNK_BYTES: usize = 256 * 1024;
const CHUNK_EVENTS: usize = 4096;

/// How often what the peer sends is read in one look at the connection, after its time.
const LATE_READS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Shutdown, TcpListener};

    /// What lies in the buffers of both ends is more than one look may read; so the result does not depend on
    /// who is faster.
    #[test]
    fn one_look_at_a_peer_that_never_stops_to_send_reads_no_more_than_some() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut connector = Connector::new(Endpoint::parse_as(&address, Scheme::Tcp).unwrap());
        let Connected { stream, .. } = connector.connect(&Interrupt::new()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        far.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while let Ok(bytes) = far.write(&[b'x'; 1 << 16]) {
            sent += bytes;
        }
        far.shutdown(Shutdown::Write).unwrap();
        let at_most = 4096 * (LATE_READS + 1);
        assert!(sent > at_most, "{sent} bytes fit into the buffers");
        let mut connection = Connection { stream, since: Instant::now(), is_settled: true };
        connection.check(Duration::ZERO, &Interrupt::new()).unwrap();
        let mut rest = 0;
        loop {
            match io::Read::read(&mut connection.stream, &mut [0; 1 << 16]) {
                Ok(0) => break,
                Ok(bytes) => rest += bytes,
                Err(error) => assert!(is_pause(&error), "{error}"),
            }
        }
        assert!(rest >= sent - at_most, "{rest} of {sent}");
    }
}
