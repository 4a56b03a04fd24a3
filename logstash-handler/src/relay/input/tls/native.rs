use super::TOO_LONG;
use crate::relay::tls_peer::TlsPeer;
use logstash_transport::{TlsError, TlsServerConfig, error_chain};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_native_tls::{TlsAcceptor, TlsStream};

#[derive(Clone)]
pub(super) struct Acceptor(TlsAcceptor);

pub(in super::super) type Stream = TlsStream<TcpStream>;

impl Acceptor {
    pub(super) fn new(config: &TlsServerConfig) -> Result<Self, TlsError> {
        config.acceptor().map(|acceptor| Self(acceptor.into()))
    }

    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> Result<(Stream, TlsPeer), String> {
        match timeout(limit, self.0.accept(stream)).await {
            // The library tells neither version nor cipher.
            Ok(Ok(stream)) => Ok((stream, TlsPeer::default())),
            Ok(Err(error)) => Err(error_chain(&error)),
            Err(_) => Err(TOO_LONG.to_owned()),
        }
    }
}
