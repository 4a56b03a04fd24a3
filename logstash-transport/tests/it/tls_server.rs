//! A server that takes TLS off and hands the rest on to a plain receiver.
//!
//! ```ignore
//! let authority = Authority::new("ca");
//! let server = TlsServer::new(&authority.server(&["localhost"])).in_front_of(receiver.address());
//! ```

#![allow(dead_code, reason = "not every combination of features needs all of it")]

use crate::authority::{Authority, Leaf};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// How a server presents itself.
pub(crate) struct TlsServer {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Option<RootCertStore>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl TlsServer {
    pub(crate) fn new(leaf: &Leaf) -> Self {
        Self {
            chain: vec![leaf.der.clone().into()],
            key: PrivateKeyDer::Pkcs8(leaf.key.serialize_der().into()),
            clients: None,
            versions: rustls::ALL_VERSIONS.to_vec(),
        }
    }

    /// Presents the certificate of the authority too.
    pub(crate) fn with_authority(mut self, authority: &Authority) -> Self {
        self.chain.push(authority.der().into());
        self
    }

    /// Demands a client certificate that this authority has issued.
    pub(crate) fn demanding(mut self, authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().into()).unwrap();
        self.clients = Some(roots);
        self
    }

    /// Speaks this version only.
    pub(crate) fn only(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// Starts on a free port of 127.0.0.1.
    pub(crate) fn in_front_of(self, upstream: SocketAddr) -> TlsFront {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)
            .unwrap();
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = Arc::new(builder.with_single_cert(self.chain, self.key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Acquire) {
                    return;
                }
                let (config, shared) = (Arc::clone(&config), Arc::clone(&accepting));
                let serve = move |stream| {
                    let seen = match serve(stream, config, upstream, &shared) {
                        Ok(()) => return,
                        Err(error) => Err(error.to_string()),
                    };
                    shared.note(seen);
                };
                thread::spawn(move || stream.map(serve));
            }
        });
        TlsFront { address, shared }
    }
}

/// A running server. It takes no more connections when it is dropped.
pub(crate) struct TlsFront {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl TlsFront {
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came of the first handshake, once that is known.
    pub(crate) fn first(&self) -> Result<Seen, String> {
        self.nth(0)
    }

    /// What came of the handshake number `index`, once that is known.
    pub(crate) fn nth(&self, index: usize) -> Result<Seen, String> {
        let handshakes = self.shared.handshakes.lock().unwrap();
        let wait = self.shared.changed.wait_timeout_while(handshakes, PATIENCE, |all| all.len() <= index);
        wait.unwrap().0.get(index).cloned().unwrap_or_else(|| Err("no handshake in time".into()))
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// What a server saw of a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    /// The name that the client wanted (SNI).
    pub(crate) name: Option<String>,
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) version: String,
}

#[derive(Default)]
struct Shared {
    handshakes: Mutex<Vec<Result<Seen, String>>>,
    changed: Condvar,
    stopped: AtomicBool,
}

impl Shared {
    fn note(&self, handshake: Result<Seen, String>) {
        self.handshakes.lock().unwrap().push(handshake);
        self.changed.notify_all();
    }
}

fn serve(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    upstream: SocketAddr,
    shared: &Shared,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        if let Err(error) = tls.complete_io(&mut stream) {
            // Goodbye in order: an RST could destroy the alert on its way.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = io::copy(&mut stream, &mut io::sink());
            return Err(error);
        }
    }
    shared.note(Ok(Seen {
        name: tls.server_name().map(ToOwned::to_owned),
        certificate: tls.peer_certificates().and_then(|chain| chain.first()).map(|der| der.to_vec()),
        version: format!("{:?}", tls.protocol_version().unwrap()),
    }));
    // What follows is the business of the two ends.
    let _ = shuttle(StreamOwned::new(tls, stream), upstream);
    Ok(())
}

/// Hands bytes on in both directions until both sides have closed.
fn shuttle(mut tls: StreamOwned<ServerConnection, TcpStream>, upstream: SocketAddr) -> io::Result<()> {
    let mut plain = TcpStream::connect(upstream)?;
    plain.set_nodelay(true)?;
    plain.set_read_timeout(Some(TICK))?;
    tls.sock.set_read_timeout(Some(TICK))?;
    let mut buffer = vec![0; 64 * 1024];
    let mut client_is_done = false;
    loop {
        if !client_is_done {
            match tls.read(&mut buffer) {
                Ok(0) => client_is_done = true,
                Ok(length) => plain.write_all(&buffer[..length])?,
                Err(error) if is_timeout(&error) => {}
                Err(_) => client_is_done = true,
            }
            if client_is_done {
                plain.shutdown(Shutdown::Write)?;
            }
        }
        match plain.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => tls.write_all(&buffer[..length])?,
            Err(error) if is_timeout(&error) => {}
            Err(_) => break,
        }
    }
    tls.conn.send_close_notify();
    tls.flush()?;
    tls.sock.shutdown(Shutdown::Write)?;
    tls.sock.set_read_timeout(Some(PATIENCE))?;
    io::copy(&mut tls.sock, &mut io::sink()).map(drop)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// How long one direction is waited for before the other is looked at.
const TICK: Duration = Duration::from_millis(1);

/// How long a peer may take for anything.
const PATIENCE: Duration = Duration::from_secs(5);
