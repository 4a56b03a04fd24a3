use super::tls_peer::TlsPeer;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where an event comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    input: Arc<Labels>,
    peer: Option<SocketAddr>,
    /// Address of the peer, without its port.
    address: String,
    tls: Option<Arc<TlsPeer>>,
}

/// What the events of an input have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pub(crate) name: String,
    pub(crate) message_type: String,
    pub(crate) tags: Vec<String>,
}

impl Source {
    pub(crate) fn new(input: Arc<Labels>, peer: Option<SocketAddr>, tls: Option<Arc<TlsPeer>>) -> Self {
        // An address of IPv4 that came to a socket of IPv6 is shown as what it is.
        let peer = peer.map(|peer| SocketAddr::new(peer.ip().to_canonical(), peer.port()));
        let address = peer.map(|peer| peer.ip().to_string()).unwrap_or_default();
        Self { input, peer, address, tls }
    }

    pub(crate) fn input(&self) -> &str {
        &self.input.name
    }

    pub(crate) fn message_type(&self) -> &str {
        &self.input.message_type
    }

    pub(crate) fn tags(&self) -> &[String] {
        &self.input.tags
    }

    pub(crate) const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Address of the peer; empty where there is none.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Who is at the other end of TLS, if it is spoken.
    pub(crate) fn tls(&self) -> Option<&TlsPeer> {
        self.tls.as_deref()
    }
}
