//! Looks host names up within a deadline.

use crate::endpoint::Endpoint;
use crate::error::{ErrorKind, TransportError};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// All addresses of an endpoint, in the order of the resolver.
///
/// The system's resolver has no deadline, so a name is looked up on a thread of its own, which is
/// left behind when it takes too long; it ends when the resolver gives up.
pub(crate) fn resolve(endpoint: &Endpoint, timeout: Duration) -> Result<Vec<SocketAddr>, TransportError> {
    if let Ok(address) = endpoint.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, endpoint.port())]);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let target = (endpoint.host().to_owned(), endpoint.port());
    let lookup = move || {
        let found = target.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody listens any more after the deadline.
        let _ = sender.send(found);
    };
    let spawned = thread::Builder::new().name("logstash-resolve".into()).spawn(lookup);
    let failed =
        |what: &str| TransportError::new(ErrorKind::Unavailable, format!("{what} {:?}", endpoint.host()));
    spawned.map_err(|error| failed("cannot start the lookup of").caused_by(error))?;
    match receiver.recv_timeout(timeout) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(failed("no address for")),
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(failed("cannot resolve").caused_by(error)),
        Err(_) => Err(failed("no answer from the resolver in time for")),
    }
}
