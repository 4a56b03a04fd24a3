//! [`TcpTransport`] over TLS.

use crate::line_receiver::LineReceiver;
use crate::tls_matrix::{Rig, tls_matrix};
use bytes::Bytes;
use logstash_transport::{ConnectionOptions, Endpoint, Scheme, TcpTransport, Transport};
use std::net::SocketAddr;
use std::time::Duration;

struct Lines(LineReceiver);

impl Rig for Lines {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn transport(&self, host: &str, port: u16, tls: TlsConfig) -> Box<dyn Transport> {
        let options = ConnectionOptions::new().tls(tls).handshake_timeout(Duration::from_secs(2));
        // The verdict on a client certificate is waited for, and this machine may be busy.
        let transport =
            TcpTransport::to(Endpoint::new(Scheme::Tcp, host, port)).settle_time(Duration::from_millis(500));
        Box::new(transport.connection(options))
    }

    fn events(&self, count: usize) -> Vec<Bytes> {
        self.0.lines(count)
    }
}

tls_matrix!(Lines(LineReceiver::start()));
