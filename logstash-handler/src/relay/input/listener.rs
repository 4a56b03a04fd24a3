//! Accepts connections, and waits for nothing else.

use super::peers::Place;
use super::{Shared, connection, stopped};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// Accepts until the input is stopped, then those who have connected by then: what they have sent counts as delivered
/// for them.
pub(super) async fn run(socket: TcpListener, shared: Arc<Shared>) {
    let mut stop = shared.stop.clone();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, &shared),
            Err(error) => {
                // Out of file descriptors, as a rule: others close in time.
                shared.problem(&format!("cannot accept a connection: {error}"));
                sleep(PAUSE).await;
            }
        }
    }
    for _ in 0..shared.config.max_connections() {
        let Ok(Ok((stream, peer))) = timeout(LAST_LOOK, socket.accept()).await else { return };
        admit(stream, peer, &shared);
    }
}

/// Serves a connection, unless there are too many or it is of somebody who is not allowed. Whose it is that comes from a
/// proxy shows later.
fn admit(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let is_proxy = shared.config.is_proxy(peer.ip());
    let of_peer = if is_proxy { None } else { enter(peer, shared) };
    if of_peer.is_none() && !is_proxy {
        return;
    }
    let Ok(place) = Arc::clone(&shared.places).try_acquire_owned() else { return refuse(peer, shared) };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        connection::run(stream, peer, is_proxy, &shared).await;
        drop((place, of_peer));
    });
}

/// A place for a connection of somebody, unless he is not allowed or has too many.
pub(super) fn enter(peer: SocketAddr, shared: &Shared) -> Option<Place> {
    if !shared.config.allows(Some(peer.ip())) {
        shared.counters.not_allowed.add(1);
        shared.problem(&format!("a connection of {peer} was closed at once, it is not allowed"));
        return None;
    }
    let place = shared.peers.enter(peer.ip().to_canonical());
    if place.is_none() {
        refuse(peer, shared);
    }
    place
}

fn refuse(peer: SocketAddr, shared: &Shared) {
    shared.counters.refused_connections.add(1);
    shared.problem(&format!("a connection of {peer} was closed at once, there are too many"));
}

const PAUSE: Duration = Duration::from_millis(100);

/// How long an input that stops waits for one who has connected already.
const LAST_LOOK: Duration = Duration::from_millis(10);
