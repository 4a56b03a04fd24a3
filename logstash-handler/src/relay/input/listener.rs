//! Accepts connections, and waits for nothing else.

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

/// Serves a connection, unless there are too many or it is of somebody who is not allowed.
fn admit(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    if !shared.config.allows(Some(peer.ip())) {
        shared.counters.not_allowed.add(1);
        shared.problem(&format!("a connection of {peer} was closed at once, it is not allowed"));
        return;
    }
    let place = Arc::clone(&shared.places).try_acquire_owned().ok();
    let of_peer = shared.peers.enter(peer.ip().to_canonical());
    let (Some(place), Some(of_peer)) = (place, of_peer) else {
        shared.counters.refused_connections.add(1);
        shared.problem(&format!("a connection of {peer} was closed at once, there are too many"));
        return;
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        connection::run(stream, peer, &shared).await;
        drop((place, of_peer));
    });
}

const PAUSE: Duration = Duration::from_millis(100);

/// How long an input that stops waits for one who has connected already.
const LAST_LOOK: Duration = Duration::from_millis(10);
