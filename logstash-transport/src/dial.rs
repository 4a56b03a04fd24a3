//! Resolves and connects within a deadline, and stops waiting when it is told to.

use crate::endpoint::Endpoint;
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Makes connections to one endpoint.
///
/// Neither the system's resolver nor a blocking connect can be interrupted, so both work on a thread
/// of their own, one at a time. One that takes too long is left behind; the next attempt waits for it
/// again instead of starting another.
#[derive(Default)]
pub(crate) struct Dialer {
    pending: Option<Receiver<Dialed>>,
}

/// What came of an attempt.
type Dialed = Result<Established, TransportError>;

/// A new connection, and how it came about.
pub(crate) struct Established {
    pub(crate) stream: TcpStream,
    pub(crate) address: SocketAddr,
    pub(crate) resolved: Vec<SocketAddr>,
    pub(crate) resolving: Duration,
    pub(crate) connecting: Duration,
}

impl Dialer {
    /// Resolves and connects; each may take `timeout`.
    pub(crate) fn dial(
        &mut self,
        endpoint: &Endpoint,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<Established, TransportError> {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => start(endpoint.clone(), timeout)?,
        };
        let started = Instant::now();
        loop {
            match pending.recv_timeout(SLICE) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(unreachable(endpoint, io::ErrorKind::Other.into()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let raised = interrupt.is_raised();
            if raised || started.elapsed() >= timeout.saturating_mul(2) {
                self.pending = Some(pending);
                let what = if raised { "interrupted while connecting to" } else { "no answer in time for" };
                return Err(TransportError::new(ErrorKind::Unavailable, format!("{what} {endpoint}")));
            }
        }
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("pending", &self.pending.is_some()).finish()
    }
}

fn start(endpoint: Endpoint, timeout: Duration) -> Result<Receiver<Dialed>, TransportError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let text = endpoint.to_string();
    let work = move || {
        // Nobody listens any more after an interrupt; the connection ends with the message.
        let _ = sender.send(establish(&endpoint, timeout));
    };
    match thread::Builder::new().name("logstash-connect".into()).spawn(work) {
        Ok(_) => Ok(receiver),
        Err(error) => {
            let what = format!("cannot start a thread to connect to {text}");
            Err(TransportError::new(ErrorKind::Unavailable, what).caused_by(error))
        }
    }
}

fn establish(endpoint: &Endpoint, timeout: Duration) -> Dialed {
    let started = Instant::now();
    let resolved = resolve(endpoint)?;
    let resolving = started.elapsed();
    let started = Instant::now();
    let (stream, address) = connect(&resolved, timeout).map_err(|error| unreachable(endpoint, error))?;
    Ok(Established { stream, address, resolved, resolving, connecting: started.elapsed() })
}

/// All addresses of the endpoint, in the order of the resolver.
fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, TransportError> {
    if let Ok(address) = endpoint.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, endpoint.port())]);
    }
    let failed =
        || TransportError::new(ErrorKind::Unavailable, format!("cannot resolve {:?}", endpoint.host()));
    match (endpoint.host(), endpoint.port()).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(failed().caused_by(error)),
    }
}

/// Tries the addresses in turn; all of them together have the timeout.
fn connect(addresses: &[SocketAddr], timeout: Duration) -> io::Result<(TcpStream, SocketAddr)> {
    let started = Instant::now();
    let mut failure = io::Error::from(io::ErrorKind::TimedOut);
    for (index, address) in addresses.iter().enumerate() {
        let left = timeout.saturating_sub(started.elapsed());
        // A dead first address must leave time for the others.
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1).max(1);
        if share.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn unreachable(endpoint: &Endpoint, error: io::Error) -> TransportError {
    TransportError::new(ErrorKind::Unavailable, format!("cannot connect to {endpoint}")).caused_by(error)
}

/// How long an interrupt may go unnoticed.
const SLICE: Duration = Duration::from_millis(50);
