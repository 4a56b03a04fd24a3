//! One connection, from its handshake to its end.

use super::listener::enter;
use super::peers::Place;
use super::proxy_protocol::{self, Client};
use super::{Shared, beats, lines, stopped};
use crate::relay::config::{Carrier, Protocol};
use crate::relay::source::Source;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Serves a connection until it ends, one way or another; that of a proxy tells first whose it is.
pub(super) async fn run(mut stream: TcpStream, peer: SocketAddr, is_proxy: bool, shared: &Shared) {
    let counters = &shared.counters;
    // In this order, so that nobody who sees it counted takes it for closed already.
    counters.open_connections.add(1);
    let _open = Open(shared);
    counters.connections.add(1);
    // A connection that cannot be tuned works all the same.
    let _ = stream.set_nodelay(true);
    // Finds out about peers that are gone without a word.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    let (peer, _place) = if is_proxy {
        let Some(client) = behind(peer, &mut stream, shared).await else { return };
        client
    } else {
        (peer, None)
    };
    let end = if shared.config.listen.carrier() == Carrier::Tls {
        let Some(acceptor) = shared.acceptor() else { return };
        let mut stop = shared.stop.clone();
        let handshake = tokio::select! {
            () = stopped(&mut stop) => return,
            handshake = acceptor.accept(stream, shared.config.handshake_timeout()) => handshake,
        };
        match handshake {
            Ok(Some((stream, tls))) => serve(stream, shared.source(Some(peer), Some(tls)), shared).await,
            Ok(None) => return,
            Err(reason) => {
                shared.problem(&format!("TLS with {peer} failed: {reason}"));
                return counters.failed_handshakes.add(1);
            }
        }
    } else {
        serve(stream, shared.source(Some(peer), None), shared).await
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

/// Who is behind a proxy, with a place if he takes one; none if there is nobody to be served.
async fn behind(
    proxy: SocketAddr,
    stream: &mut TcpStream,
    shared: &Shared,
) -> Option<(SocketAddr, Option<Place>)> {
    let mut stop = shared.stop.clone();
    let header = tokio::select! {
        // What is there is read also at the end.
        biased;
        header = timeout(shared.config.handshake_timeout(), proxy_protocol::read(stream)) => header,
        () = async { stopped(&mut stop).await; sleep(LAST_HEADER).await } => return None,
    };
    let text = match header {
        Ok(Ok(Client::At(client))) => return enter(client, shared).map(|place| (client, Some(place))),
        // Whoever is not known counts as the proxy.
        Ok(Ok(Client::Unknown)) if !shared.config.allows(Some(proxy.ip())) => {
            // Without a problem: health checks come all the time.
            shared.counters.not_allowed.add(1);
            return None;
        }
        Ok(Ok(Client::Unknown)) => return Some((proxy, None)),
        Ok(Ok(Client::Gone)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its PROXY header took too long".to_owned(),
    };
    shared.problem(&format!(
        "the connection of {proxy} failed: {text}; let it send one, or take its address out of proxy_protocol"
    ));
    shared.counters.failed_connections.add(1);
    None
}

async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin>(stream: S, source: Source, shared: &Shared) -> End {
    match shared.config.listen.protocol() {
        Protocol::Beats => beats::serve(stream, source, shared).await,
        Protocol::Json | Protocol::Lines | Protocol::Python | Protocol::Syslog => {
            lines::serve(stream, source, shared).await
        }
    }
}

/// Closes with FIN: what is not read would turn the end into a reset, which can destroy what was written last on
/// its way.
pub(super) async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let goodbye = async {
        stream.shutdown().await?;
        copy(stream, &mut sink()).await
    };
    // It is over in any case.
    let _ = timeout(LINGER, goodbye).await;
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

impl End {
    /// It broke. If that is all that came of it, somebody has looked whether anybody listens: balancers do so all the
    /// time, and end it by a reset.
    pub(super) fn of(error: io::Error, is_silent: bool) -> Self {
        if is_silent { Self::Closed } else { error.into() }
    }
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

const KEEPALIVE: Duration = Duration::from_secs(60);

/// How long the header of one who has connected already may take at the end: that there is something to be read is not
/// known at the first look.
const LAST_HEADER: Duration = Duration::from_millis(20);
const LINGER: Duration = Duration::from_secs(1);
