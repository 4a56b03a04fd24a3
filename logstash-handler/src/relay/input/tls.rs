//! TLS of connections that come in: with OpenSSL, where it is there, otherwise with what native-tls stands for,
//! which cannot ask clients for certificates.

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
mod native;
#[cfg(any(target_os = "windows", target_vendor = "apple"))]
use native as library;

#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
mod openssl;
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
use openssl as library;

use crate::relay::tls_peer::TlsPeer;
use logstash_transport::{TlsError, TlsServerConfig};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Shakes hands, with certificates as they were when it was made.
#[derive(Clone)]
pub(super) struct Acceptor(library::Acceptor);

pub(super) use library::Stream;

impl Acceptor {
    pub(super) fn new(config: &TlsServerConfig) -> Result<Self, TlsError> {
        library::Acceptor::new(config).map(Self)
    }

    /// Shakes hands within a time; otherwise tells why not. There is nothing if the connection ended without a byte, as
    /// balancers have it that look whether somebody listens.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> Result<Option<(Stream, TlsPeer)>, String> {
        let begin = Instant::now();
        match timeout(limit, stream.peek(&mut [0])).await {
            Ok(Ok(0) | Err(_)) => Ok(None),
            Ok(Ok(_)) => self.0.accept(stream, limit.saturating_sub(begin.elapsed())).await.map(Some),
            Err(_) => Err(TOO_LONG.to_owned()),
        }
    }
}

const TOO_LONG: &str = "the handshake took too long";
