mod shorten;

mod socket;
use socket::{Socket, SocketError};

use crate::balance::Resolver;
use crate::batch::Batch;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::stream::{RESOLVE_ADVICE, deadline};
use crate::tcp::TcpTransport;
use crate::transport::Transport;
use bytes::Bytes;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Delivers each event as one datagram, for `udp { codec => json }` of Logstash and the like.
///
/// A datagram is the event and a newline, as python-logstash-async sends it; a JSON codec does not mind it, a
/// line codec needs it.
///
/// # What acknowledged means, and what can be lost
///
/// An event counts when the system has taken its datagram. **Anything can be lost after that**: on the way, in
/// the buffer of a receiver that is too slow, or because nobody listens, and datagrams may overtake each other.
/// Nobody is told, with one exception: where a machine answers that nobody listens on the port (ICMP), the
/// transport sees that with the next datagram. It then reports
/// [`Unavailable`](crate::ErrorKind::Unavailable), and the first datagram of the next attempt, like the first of
/// all, counts only if no such answer comes within [`settle_time`](Self::settle_time); so that a receiver that
/// is away costs the events under way when it went, and not all that follow.
///
/// Datagrams above the size that the network carries unfragmented (about 1,400 bytes) are lost more often;
/// [`max_datagram`](Self::max_datagram) and [`oversize`](Self::oversize) keep below it.
///
/// ```
/// use logstash_transport::{Batch, Transport, UdpTransport};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = std::net::UdpSocket::bind("127.0.0.1:0")?; // or a Logstash with a udp input
/// let mut transport = UdpTransport::new(&receiver.local_addr()?.to_string())?.max_datagram(1_400);
/// transport.send(&mut Batch::from_events([r#"{"message":"one"}"#]))?;
///
/// let mut datagram = [0; 1_400];
/// let length = receiver.recv(&mut datagram)?;
/// assert_eq!(&datagram[..length], b"{\"message\":\"one\"}\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UdpTransport {
    endpoint: Endpoint,
    max_datagram: usize,
    oversize: Oversize,
    settle_time: Duration,
    resolve_timeout: Duration,
    write_timeout: Duration,
    resolver: Resolver,
    interrupt: Interrupt,
    socket: Option<Socket>,
    /// Which address is next, of those that the name has.
    turn: usize,
    datagram: Vec<u8>,
}

impl UdpTransport {
    /// A transport to `host:port` or `udp://host:port`.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        Ok(Self::to(Endpoint::parse_as(address, Scheme::Udp)?))
    }

    /// A transport to an endpoint, whose address may say `max_datagram=BYTES` and
    /// `oversize=truncate|reject`.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Self {
        let max_datagram = endpoint.number("max_datagram").and_then(|bytes| usize::try_from(bytes).ok());
        let rejects = endpoint.option("oversize") == Some("reject");
        Self {
            endpoint,
            max_datagram: max_datagram.unwrap_or(MAX_DATAGRAM),
            oversize: if rejects { Oversize::Reject } else { Oversize::Truncate },
            settle_time: Duration::from_millis(50),
            resolve_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(5),
            resolver: Resolver::system(),
            interrupt: Interrupt::new(),
            socket: None,
            turn: 0,
            datagram: Vec::new(),
        }
    }

    /// Bytes of the largest datagram, its newline included; at most and by default 65,507, what IPv4 carries.
    #[must_use]
    pub fn max_datagram(mut self, bytes: usize) -> Self {
        self.max_datagram = bytes.clamp(1, MAX_DATAGRAM);
        self
    }

    /// What becomes of an event that does not fit into a datagram. Default: its message is truncated.
    #[must_use]
    pub fn oversize(mut self, oversize: Oversize) -> Self {
        self.oversize = oversize;
        self
    }

    /// How long the answer that nobody listens is waited for, after the first datagram of a socket and after
    /// each such answer. Default: 50 ms.
    #[must_use]
    pub const fn settle_time(mut self, time: Duration) -> Self {
        self.settle_time = time;
        self
    }

    /// Time for resolving the name. Default: 10 s.
    #[must_use]
    pub const fn resolve_timeout(mut self, timeout: Duration) -> Self {
        self.resolve_timeout = timeout;
        self
    }

    /// Where the peer is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn send_event(&mut self, event: &[u8]) -> Result<(), TransportError> {
        let event = event.strip_suffix(b"\n").unwrap_or(event);
        let limit = self.max_datagram - 1;
        self.datagram.clear();
        if event.len() <= limit {
            self.datagram.extend_from_slice(event);
        } else {
            match &mut self.oversize {
                Oversize::Tcp(stream) => {
                    return stream.send(&mut Batch::from_events([Bytes::copy_from_slice(event)]));
                }
                Oversize::Truncate if shorten::message(event, limit, &mut self.datagram) => {}
                Oversize::Truncate | Oversize::Reject => {
                    return Err(self.too_large(event.len() + 1, limit + 1));
                }
            }
        }
        self.datagram.push(b'\n');
        self.send_datagram()
    }

    fn send_datagram(&mut self) -> Result<(), TransportError> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open()?.0,
        };
        match socket.send(&self.datagram, self.settle_time, self.write_timeout, &self.interrupt) {
            Ok(()) => {
                self.socket = Some(socket);
                Ok(())
            }
            // It may be for this network only that it is too large; the socket is as good as before.
            Err(SocketError::TooLarge) => {
                self.socket = Some(socket);
                Err(self.too_large(self.datagram.len(), self.max_datagram))
            }
            Err(SocketError::Refused) => {
                self.turn += 1;
                let advice = "see whether the receiver runs and listens on this address and port";
                Err(self.unavailable("nobody listens there, its machine answers").advise(advice))
            }
            Err(SocketError::Io(error)) => {
                self.turn += 1;
                Err(self.unavailable("the system cannot send").caused_by(error))
            }
            Err(SocketError::Interrupted) => Err(self.unavailable("interrupted")),
        }
    }

    /// A socket to the address whose turn it is, of those that a datagram can be sent to.
    fn open(&mut self) -> Result<(Socket, Vec<SocketAddr>), TransportError> {
        let addresses = self.resolve()?;
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for step in 0..addresses.len() {
            let Some(address) = addresses.get((self.turn + step) % addresses.len()) else { continue };
            match Socket::connect(*address) {
                Ok(socket) => return Ok((socket, addresses)),
                Err(error) => failure = error,
            }
        }
        let error = self.unavailable("there is no way to any of its addresses").caused_by(failure);
        Err(error.advise("see whether this machine has a network, and a route to that address"))
    }

    fn resolve(&mut self) -> Result<Vec<SocketAddr>, TransportError> {
        let (host, port) = (self.endpoint.host(), self.endpoint.port());
        if let Ok(address) = host.parse() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let failed = |error| {
            TransportError::new(ErrorKind::Unavailable, format!("cannot resolve {host:?}"))
                .caused_by(error)
                .advise(RESOLVE_ADVICE)
        };
        self.resolver.start(host, port).map_err(failed)?;
        let deadline = deadline(self.resolve_timeout);
        loop {
            match self.resolver.found(Interrupt::SLICE) {
                Some(found) => return found.map_err(failed),
                None if self.interrupt.is_raised() => return Err(self.unavailable("interrupted")),
                None if Instant::now() >= deadline => return Err(failed(io::ErrorKind::TimedOut.into())),
                None => {}
            }
        }
    }

    fn unavailable(&self, what: &str) -> TransportError {
        TransportError::new(ErrorKind::Unavailable, format!("cannot send to {}: {what}", self.endpoint))
    }

    fn too_large(&self, size: usize, limit: usize) -> TransportError {
        let text = format!("event makes a datagram of {size} bytes for {}, more than {limit}", self.endpoint);
        TransportError::new(ErrorKind::Rejected, text)
            .advise("send such events over TCP with UdpTransport::oversize, or change max_datagram")
    }
}

impl Transport for UdpTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if let Some(socket) = &mut self.socket {
            socket.look_for_refusal();
        }
        while !batch.is_done() {
            for event in batch.events_at(batch.acknowledged(), RUN)?.to_vec() {
                if self.interrupt.is_raised() {
                    return Err(self.unavailable("interrupted"));
                }
                self.send_event(&event)?;
                batch.acknowledge(1);
            }
        }
        Ok(())
    }

    /// Resolves, and sees whether there is a way. Sends nothing, because a receiver would take it for an event;
    /// so it is `Ok` also where nobody listens.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let started = Instant::now();
        let (socket, addresses) = self.open()?;
        let listed = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
        let mut report = ProbeReport::new();
        report.push("resolve", listed, started.elapsed());
        let detail = format!("{}; nothing was sent: nobody can say whether anything listens", socket.peer());
        report.push("connect", detail, Duration::ZERO);
        if let Oversize::Tcp(stream) = &mut self.oversize {
            let found = stream.probe().map_err(|error| error.after(&report))?;
            report.absorb(found, str::to_owned);
        }
        Ok(report)
    }

    fn close(&mut self) {
        self.socket = None;
        if let Oversize::Tcp(stream) = &mut self.oversize {
            stream.close();
        }
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        if let Oversize::Tcp(stream) = &mut self.oversize {
            stream.interrupt_by(interrupt.clone());
        }
        self.interrupt = interrupt;
    }
}

/// What becomes of an event that does not fit into a datagram.
#[derive(Debug)]
#[non_exhaustive]
pub enum Oversize {
    /// It is an error of kind [`Rejected`](crate::ErrorKind::Rejected).
    Reject,
    /// It goes over TCP; it may be overtaken by what follows.
    Tcp(Box<TcpTransport>),
    /// The text of its top-level `message` is cut at the end, as much as is needed, and ends with
    /// `...[truncated]`; the rest stays as it is, valid JSON and UTF-8. Where that is not enough, as `Reject`.
    Truncate,
}

/// What IPv4 carries: 65,535 bytes without two headers.
const MAX_DATAGRAM: usize = 65_507;

/// Events taken out of a batch at once.
const RUN: usize = 1024;
