//! One connection, from its handshake to its end.

use super::{Shared, beats, lines, stopped};
use crate::relay::config::{Carrier, Protocol};
use socket2::{SockRef, TcpKeepalive};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Serves a connection until it ends, one way or another.
pub(super) async fn run(stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    let counters = &shared.counters;
    counters.connections.add(1);
    counters.open_connections.add(1);
    let _open = Open(shared);
    // A connection that cannot be tuned works all the same.
    let _ = stream.set_nodelay(true);
    // Finds out about peers that are gone without a word.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    if shared.config.listen.carrier() != Carrier::Tls {
        return serve(stream, peer, shared).await;
    }
    let Some(acceptor) = shared.acceptor() else { return };
    let mut stop = shared.stop.clone();
    let handshake = tokio::select! {
        () = stopped(&mut stop) => return,
        handshake = timeout(shared.config.handshake_timeout(), acceptor.accept(stream)) => handshake,
    };
    let text = match handshake {
        Ok(Ok(stream)) => return serve(stream, peer, shared).await,
        Ok(Err(error)) => format!("TLS with {peer} failed: {}", chain(&error)),
        Err(_) => format!("TLS with {peer} failed: the handshake took too long"),
    };
    counters.failed_handshakes.add(1);
    shared.problem(&text);
}

async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin>(stream: S, peer: SocketAddr, shared: &Shared) {
    let end = match shared.config.listen.protocol() {
        Protocol::Beats => beats::serve(stream, peer, shared).await,
        Protocol::Json | Protocol::Lines | Protocol::Python | Protocol::Syslog => {
            lines::serve(stream, peer, shared).await
        }
    };
    match end {
        End::Closed => {}
        End::Idle => shared.counters.idle_connections.add(1),
        End::Failed(text) => {
            shared.counters.failed_connections.add(1);
            shared.problem(&format!("the connection of {peer} failed: {text}"));
        }
    }
}

/// How a connection ended.
pub(super) enum End {
    /// By one of the two, in order.
    Closed,
    /// Nothing came for too long.
    Idle,
    /// It broke, or the peer did not keep to the protocol.
    Failed(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Counts a connection out, however it ends.
struct Open<'s>(&'s Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counters.open_connections.sub(1);
    }
}

fn chain(error: &dyn Error) -> String {
    logstash_transport::error_chain(error)
}

const KEEPALIVE: Duration = Duration::from_secs(60);
