//! Accepts connections, and waits for nothing else.

use super::{Shared, connection, stopped};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Accepts until the input is stopped.
pub(super) async fn run(socket: TcpListener, shared: Arc<Shared>) {
    let mut stop = shared.stop.clone();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => return,
            accepted = socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, as a rule: others close in time.
                shared.problem(&format!("cannot accept a connection: {error}"));
                sleep(PAUSE).await;
                continue;
            }
        };
        if !shared.config.allows(Some(peer.ip())) {
            shared.counters.not_allowed.add(1);
            shared.problem(&format!("a connection of {peer} was closed at once, it is not allowed"));
            continue;
        }
        let place = Arc::clone(&shared.places).try_acquire_owned().ok();
        let of_peer = shared.peers.enter(peer.ip().to_canonical());
        let (Some(place), Some(of_peer)) = (place, of_peer) else {
            shared.counters.refused_connections.add(1);
            shared.problem(&format!("a connection of {peer} was closed at once, there are too many"));
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            connection::run(stream, peer, &shared).await;
            drop((place, of_peer));
        });
    }
}

const PAUSE: Duration = Duration::from_millis(100);
