//! Resolves and connects within a deadline, and stops waiting when it is told to.

use super::{RESOLVE_ADVICE, deadline};
use crate::balance::{Lookup, system_lookup};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// Makes connections to one host and port.
///
/// Neither the system's resolver nor a blocking connect can be interrupted, so both work on threads of
/// their own, one attempt at a time. One that takes too long is left behind; the next attempt waits for
/// it again instead of starting another.
pub(super) struct Dialer {
    pub(super) lookup: Lookup,
    pending: Option<Receiver<Dialed>>,
}

/// What came of an attempt.
type Dialed = Result<Established, TransportError>;

/// Where to connect.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) host: String,
    pub(super) port: u16,
    /// A name that is resolved as well, for a proxy that shall not do it.
    pub(super) resolve_too: Option<String>,
    /// For messages.
    pub(super) name: String,
}

/// A new connection, and how it came about.
pub(super) struct Established {
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    pub(super) resolved: Vec<SocketAddr>,
    /// What [`Route::resolve_too`] is.
    pub(super) resolved_too: Option<IpAddr>,
    pub(super) resolving: Duration,
    pub(super) connecting: Duration,
}

impl Dialer {
    /// Resolves and connects; each may take `timeout`.
    pub(super) fn dial(&mut self, route: &Route, timeout: Duration, interrupt: &Interrupt) -> Dialed {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => start(route.clone(), Arc::clone(&self.lookup), timeout)?,
        };
        let started = Instant::now();
        let name = &route.name;
        loop {
            match pending.recv_timeout(Interrupt::SLICE) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(unreachable(name, io::ErrorKind::Other.into()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let raised = interrupt.is_raised();
            if raised || started.elapsed() >= timeout.saturating_mul(2) {
                self.pending = Some(pending);
                let what = if raised { "interrupted while connecting to" } else { "no answer in time for" };
                return Err(TransportError::new(ErrorKind::Unavailable, format!("{what} {name}")));
            }
        }
    }
}

impl Default for Dialer {
    fn default() -> Self {
        Self { lookup: system_lookup(), pending: None }
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("pending", &self.pending.is_some()).finish_non_exhaustive()
    }
}

fn start(route: Route, lookup: Lookup, timeout: Duration) -> Result<Receiver<Dialed>, TransportError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = route.name.clone();
    let work = move || {
        // Nobody listens any more after an interrupt; the connection ends with the message.
        let _ = sender.send(establish(&route, &lookup, timeout));
    };
    match spawn(work) {
        Ok(()) => Ok(receiver),
        Err(error) => {
            let what = format!("cannot start a thread to connect to {name}");
            Err(TransportError::new(ErrorKind::Unavailable, what).caused_by(error))
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("logstash-connect".into()).spawn(work).map(drop)
}

fn establish(route: &Route, lookup: &Lookup, timeout: Duration) -> Dialed {
    let started = Instant::now();
    let addresses = resolve(lookup, &route.host, route.port)?;
    let too = route.resolve_too.as_ref();
    let too = too.map(|host| resolve(lookup, host, route.port)).transpose()?;
    let resolving = started.elapsed();
    let started = Instant::now();
    let (stream, address) = connect(&addresses, timeout)
        .map_err(|error| unreachable(&route.name, error).after(&resolved(&addresses, resolving)))?;
    let resolved_too = too.and_then(|addresses| addresses.first().map(SocketAddr::ip));
    Ok(Established {
        stream,
        address,
        resolved: addresses,
        resolved_too,
        resolving,
        connecting: started.elapsed(),
    })
}

/// The step that found these addresses.
pub(super) fn resolved(addresses: &[SocketAddr], time: Duration) -> ProbeReport {
    let listed = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
    let mut report = ProbeReport::new();
    report.push("resolve", listed, time);
    report
}

/// All addresses, in the order of the resolver.
fn resolve(lookup: &Lookup, host: &str, port: u16) -> Result<Vec<SocketAddr>, TransportError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = || {
        TransportError::new(ErrorKind::Unavailable, format!("cannot resolve {host:?}")).advise(RESOLVE_ADVICE)
    };
    match lookup(host, port) {
        Ok(addresses) if addresses.is_empty() => Err(failed()),
        Ok(mut addresses) => {
            addresses.truncate(MAX_ADDRESSES);
            Ok(addresses)
        }
        Err(error) => Err(failed().caused_by(error)),
    }
}

/// Connects to the first address that answers. All are tried, each a moment after the one before or as
/// soon as that has failed (as in RFC 8305), so that a dead one delays but little.
fn connect(addresses: &[SocketAddr], timeout: Duration) -> io::Result<(TcpStream, SocketAddr)> {
    if let [address] = addresses {
        return connect_one(address, timeout).map(|stream| (stream, *address));
    }
    let deadline = deadline(timeout);
    let (sender, receiver) = mpsc::sync_channel(addresses.len());
    let mut untried = addresses.iter();
    let mut pending = 0;
    let mut failure = io::Error::from(io::ErrorKind::TimedOut);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let next = untried.next().filter(|_| !left.is_zero());
        if let Some(address) = next {
            try_one(*address, left, sender.clone())?;
            pending += 1;
        } else if pending == 0 || left.is_zero() {
            return Err(failure);
        }
        let patience = if untried.len() > 0 { left.min(HEAD_START) } else { left };
        match receiver.recv_timeout(patience) {
            Ok((address, Ok(stream))) => return Ok((stream, address)),
            Ok((_, Err(error))) => {
                pending -= 1;
                failure = error;
            }
            Err(_) => {}
        }
    }
}

type Tried = (SocketAddr, io::Result<TcpStream>);

fn try_one(address: SocketAddr, timeout: Duration, sender: SyncSender<Tried>) -> io::Result<()> {
    spawn(move || {
        // A connection that comes too late is closed with the message.
        let _ = sender.send((address, connect_one(&address, timeout)));
    })
}

fn connect_one(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, timeout)?;
    if is_its_own_peer(&stream) { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(stream) }
}

/// Whether a connection leads back to itself: the system may choose for it the very port of this machine that
/// it is to connect to, where nobody listens. What it writes, nobody else would ever read.
fn is_its_own_peer(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

fn unreachable(name: &str, error: io::Error) -> TransportError {
    let (what, advice) = (format!("cannot connect to {name}"), connect_advice(error.kind()));
    TransportError::new(ErrorKind::Unavailable, what).caused_by(error).advise(advice)
}

/// One sentence on what to do where no connection comes about.
pub(crate) fn connect_advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::ConnectionRefused => "see whether the peer runs and listens on this address and port",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "this machine has no way there: look at the address, and at the networks and routes of this machine"
        }
        _ => "see whether the peer's machine is up, and whether a firewall lets this port through",
    }
}

/// How long an address is tried alone. The value that RFC 8305 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// Of a name; each takes a thread while it is tried.
const MAX_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// T-24: a first address that swallows everything delays the second one by the head start only.
    #[cfg(target_os = "linux")]
    #[test]
    fn t24_a_dead_first_address_does_not_delay_the_next_one_for_long() {
        let dead = TcpListener::bind("127.0.0.1:0").unwrap();
        let dead_address = dead.local_addr().unwrap();
        // A listener whose queue is full answers no more.
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&dead_address, Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 10_000, "the queue of the listener never fills");
        }
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [dead_address, live.local_addr().unwrap()];
        let started = Instant::now();
        let (_, address) = connect(&addresses, Duration::from_secs(60)).unwrap();
        assert_eq!(address, addresses[1]);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_to_itself_is_known() {
        use socket2::{Domain, Socket, Type};

        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        socket.connect(&socket.local_addr().unwrap()).unwrap();
        assert!(is_its_own_peer(&TcpStream::from(socket)));
        let listener = TcpListener::bind(any).unwrap();
        assert!(!is_its_own_peer(&TcpStream::connect(listener.local_addr().unwrap()).unwrap()));
    }

    #[test]
    fn all_addresses_are_tried_and_the_last_failure_is_told_at_once() {
        let gone = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut addresses: Vec<SocketAddr> = (0..40).map(|_| gone()).collect();
        let started = Instant::now();
        let error = connect(&addresses, Duration::from_secs(60)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        // Forty head starts are ten seconds.
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
        addresses.push(live.local_addr().unwrap());
        let found = connect(&addresses, Duration::from_secs(60)).unwrap();
        assert_eq!(found.1, live.local_addr().unwrap());
    }
}
