use super::deadline;
use super::dial::{Dialer, Established, Route, resolved};
use super::options::ConnectionOptions;
use super::proxy::{ProxyError, Socks5Proxy};
use super::socket::{Socket, Stream};
use crate::endpoint::Endpoint;
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
#[cfg(all(feature = "beats", feature = "tls"))]
use crate::tls::Verification;
#[cfg(feature = "tls")]
use crate::tls::{PeerCertificate, TlsConfig, TlsContext};
use std::time::Instant;

/// Makes connections to an endpoint, all the way up to encryption.
#[derive(Debug)]
pub(crate) struct Connector {
    endpoint: Endpoint,
    options: ConnectionOptions,
    dialer: Dialer,
    #[cfg(feature = "tls")]
    tls: Option<TlsContext>,
}

/// A connection, ready for the protocol.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    /// How it came about.
    pub(crate) report: ProbeReport,
}

impl Connector {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        let mut connector = Self {
            endpoint,
            options: ConnectionOptions::new(),
            dialer: Dialer::default(),
            #[cfg(feature = "tls")]
            tls: None,
        };
        connector.set_options(ConnectionOptions::new());
        connector
    }

    pub(crate) fn set_options(&mut self, options: ConnectionOptions) {
        #[cfg(feature = "tls")]
        {
            let by_scheme = self.endpoint.scheme().is_tls().then(TlsConfig::new);
            let config = options.tls.clone().or(by_scheme);
            self.tls = config.map(|config| TlsContext::new(self.endpoint.refine(config)));
        }
        self.options = options;
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) const fn options(&self) -> &ConnectionOptions {
        &self.options
    }

    /// Resolves, connects, has a proxy connect, encrypts.
    pub(crate) fn connect(&mut self, interrupt: &Interrupt) -> Result<Connected, TransportError> {
        self.prepare(interrupt)?;
        let (socket, report) = self.open(interrupt)?;
        self.encrypt(socket, report, interrupt)
    }

    /// Reads certificates, and looks for those that are known by their fingerprints.
    pub(crate) fn prepare(&mut self, interrupt: &Interrupt) -> Result<(), TransportError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            // Files that do not fit together are not worth a connection.
            tls.connector()?;
            if tls.lacks_authority() {
                let (socket, report) = self.open(interrupt)?;
                self.find_authority(socket, interrupt).map_err(|error| error.after(&report))?;
            }
        }
        #[cfg(not(feature = "tls"))]
        if self.endpoint.scheme().is_tls() {
            let what = format!("{} needs the feature tls of logstash-transport", self.endpoint);
            return Err(TransportError::new(ErrorKind::Misconfigured, what));
        }
        let _ = interrupt;
        Ok(())
    }

    /// Whether the peer encrypts, though it was not asked to: it shakes hands over a connection of its own,
    /// whoever it is.
    #[cfg(all(feature = "beats", feature = "tls"))]
    pub(crate) fn wants_tls(&mut self, interrupt: &Interrupt) -> bool {
        let mut tls = TlsContext::new(TlsConfig::new().verification(Verification::DangerNone));
        let timeout = self.options.handshake_timeout;
        self.tls.is_none()
            && self.open(interrupt).is_ok_and(|(socket, _)| {
                tls.handshake(socket, self.endpoint.name(), timeout, interrupt).is_ok()
            })
    }

    /// Whether connections are encrypted.
    #[cfg(feature = "http")]
    pub(crate) const fn encrypts(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// What a library encrypts with that makes its own connections, and the name that it must ask for;
    /// after [`prepare`](Self::prepare).
    #[cfg(all(feature = "http", feature = "tls"))]
    pub(crate) fn tls(&mut self) -> Result<Option<(native_tls::TlsConnector, String)>, TransportError> {
        let Some(tls) = &mut self.tls else { return Ok(None) };
        let connector = tls.connector()?;
        Ok(Some((connector, tls.server_name(self.endpoint.name()).to_owned())))
    }

    /// Everything but TLS.
    fn open(&mut self, interrupt: &Interrupt) -> Result<(Socket, ProbeReport), TransportError> {
        let route = self.route();
        let established = self.dialer.dial(&route, self.options.connect_timeout, interrupt)?;
        let report = report(&established);
        let socket = Socket::new(established.stream, &self.options).map_err(|error| {
            let what = format!("cannot use the connection to {}", route.name);
            TransportError::new(ErrorKind::Unavailable, what).caused_by(error)
        })?;
        let Some(proxy) = &self.options.proxy else { return Ok((socket, report)) };
        let host = established.resolved_too.map_or_else(|| self.endpoint.host().into(), |ip| ip.to_string());
        self.pass(proxy, &host, socket, report, interrupt)
    }

    fn route(&self) -> Route {
        let (host, port) = (self.endpoint.host(), self.endpoint.port());
        match &self.options.proxy {
            None => Route { host: host.into(), port, resolve_too: None, name: self.endpoint.to_string() },
            Some(proxy) => Route {
                host: proxy.host.clone(),
                port: proxy.port,
                resolve_too: proxy.local_resolution.then(|| host.into()),
                name: format!("the proxy {}:{} of {}", proxy.host, proxy.port, self.endpoint),
            },
        }
    }

    /// Has the proxy connect to the peer.
    fn pass(
        &self,
        proxy: &Socks5Proxy,
        host: &str,
        mut socket: Socket,
        mut report: ProbeReport,
        interrupt: &Interrupt,
    ) -> Result<(Socket, ProbeReport), TransportError> {
        let started = Instant::now();
        let deadline = deadline(self.options.handshake_timeout);
        let passed = report.clone();
        let failed = |kind, advice: &'static str| {
            let what = format!(
                "cannot connect to {} through the proxy {}:{}",
                self.endpoint, proxy.host, proxy.port
            );
            TransportError::new(kind, what).advise(advice).after(&passed)
        };
        match proxy.open(&mut socket, host, self.endpoint.port(), deadline, interrupt) {
            Ok(()) => {
                report.push("proxy", format!("connected to {host}"), started.elapsed());
                Ok((socket, report))
            }
            Err(ProxyError::Io(error)) => {
                let advice = "see whether a SOCKS5 proxy listens there, and is not overloaded";
                Err(failed(ErrorKind::Unavailable, advice).caused_by(error))
            }
            Err(ProxyError::Unreachable(what)) => {
                let advice = "see whether the peer runs, and whether the proxy's machine reaches it";
                Err(failed(ErrorKind::Unavailable, advice).caused_by(what))
            }
            Err(ProxyError::Refused(what)) => {
                let advice = "compare the address, the user and the password with those of the proxy, and the \
                              peer with what it allows";
                Err(failed(ErrorKind::Misconfigured, advice).caused_by(what))
            }
        }
    }

    #[cfg(feature = "tls")]
    fn find_authority(&mut self, socket: Socket, interrupt: &Interrupt) -> Result<(), TransportError> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        let timeout = self.options.handshake_timeout;
        tls.find_authority(socket, self.endpoint.name(), timeout, interrupt)
    }

    #[cfg(feature = "tls")]
    fn encrypt(
        &mut self,
        socket: Socket,
        mut report: ProbeReport,
        interrupt: &Interrupt,
    ) -> Result<Connected, TransportError> {
        let Some(tls) = &mut self.tls else { return Ok(Connected { stream: Stream::Plain(socket), report }) };
        let started = Instant::now();
        let stream = tls
            .handshake(socket, self.endpoint.name(), self.options.handshake_timeout, interrupt)
            .map_err(|error| error.after(&report))?;
        let der = stream.peer_certificate().ok().flatten().and_then(|certificate| certificate.to_der().ok());
        let peer = der.and_then(|der| PeerCertificate::from_der(&der));
        let detail =
            peer.as_ref().map_or_else(|| "no certificate that can be read".into(), ToString::to_string);
        report.push("tls", detail, started.elapsed());
        report.certificate = peer;
        Ok(Connected { stream: Stream::Tls(Box::new(stream)), report })
    }

    #[cfg(not(feature = "tls"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "the form of the one with TLS")]
    fn encrypt(
        &self,
        socket: Socket,
        report: ProbeReport,
        _: &Interrupt,
    ) -> Result<Connected, TransportError> {
        Ok(Connected { stream: Stream::Plain(socket), report })
    }
}

fn report(established: &Established) -> ProbeReport {
    let mut report = resolved(&established.resolved, established.resolving);
    report.push("connect", established.address.to_string(), established.connecting);
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Scheme;
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// T-24: a name that means another address by the next attempt.
    #[test]
    fn t24_a_name_is_looked_up_again_for_each_connection() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = live.local_addr().unwrap();
        let has_moved = Arc::new(AtomicBool::new(false));
        let moved = Arc::clone(&has_moved);
        let mut connector = Connector::new(Endpoint::new(Scheme::Tcp, "logstash.example", 5044));
        connector.dialer.lookup = Arc::new(move |host, port| {
            assert_eq!((host, port), ("logstash.example", 5044));
            Ok(vec![if moved.load(Ordering::SeqCst) { address } else { gone }])
        });
        let error = connector.connect(&Interrupt::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        has_moved.store(true, Ordering::SeqCst);
        let connected = connector.connect(&Interrupt::new()).unwrap();
        assert_eq!(connected.report.steps[1].detail, address.to_string());
    }
}
