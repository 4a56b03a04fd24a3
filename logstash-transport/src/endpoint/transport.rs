//! From an address to the transport that it names.

use super::{Endpoint, EndpointError, EndpointPart, Scheme};
#[cfg(feature = "_stream")]
use crate::stream::ConnectionOptions;
use crate::transport::Transport;

/// What [`Endpoint::into_transport`] gives the transports that it makes, beside what the address says.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct TransportOptions {
    #[cfg(feature = "_stream")]
    connection: ConnectionOptions,
    #[cfg(feature = "http")]
    http_proxy: Option<Endpoint>,
}

impl TransportOptions {
    /// The defaults of each transport.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How connections are made. TLS is used where the scheme asks for it, and nowhere else; what the
    /// address says about it has precedence.
    #[cfg(feature = "_stream")]
    #[must_use]
    pub fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connection = options;
        self
    }

    /// The proxy of transports over HTTP, such as `http://user:password@proxy:3128`; others take no notice.
    /// Default: none.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http_proxy(mut self, proxy: Endpoint) -> Self {
        self.http_proxy = Some(proxy);
        self
    }

    #[cfg(any(feature = "beats", feature = "http", feature = "redis", feature = "tcp"))]
    fn connection_for(&self, scheme: Scheme) -> ConnectionOptions {
        #[cfg(feature = "tls")]
        if !scheme.is_tls() {
            return ConnectionOptions { tls: None, ..self.connection.clone() };
        }
        let _ = scheme;
        self.connection.clone()
    }
}

impl Endpoint {
    /// The transport that the address names. Connects to nothing.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the scheme needs a feature of this crate that is switched off; it names the
    /// feature. Or when the proxy for HTTP is none.
    ///
    /// ```
    /// # #[cfg(feature = "file")] {
    /// use logstash_transport::{Endpoint, Transport, TransportOptions};
    ///
    /// let endpoint: Endpoint = "file:/var/log/events.log?rotate=10MB".parse().unwrap();
    /// let transport: Box<dyn Transport> = endpoint.into_transport(&TransportOptions::new()).unwrap();
    /// # let _ = transport;
    /// # }
    /// ```
    pub fn into_transport(self, options: &TransportOptions) -> Result<Box<dyn Transport>, EndpointError> {
        let scheme = self.scheme;
        self.check_encryption()?;
        // Without features there is nothing to be given.
        let _ = options;
        match scheme {
            #[cfg(feature = "beats")]
            Scheme::Beats | Scheme::BeatsTls => {
                Ok(Box::new(crate::BeatsTransport::to(self).connection(options.connection_for(scheme))))
            }
            #[cfg(not(feature = "beats"))]
            Scheme::Beats | Scheme::BeatsTls => Err(self.needs("beats")),
            Scheme::Discard => Ok(Box::new(crate::DiscardTransport::new())),
            #[cfg(feature = "file")]
            Scheme::File => Ok(Box::new(crate::FileTransport::to(&self))),
            #[cfg(not(feature = "file"))]
            Scheme::File => Err(self.needs("file")),
            #[cfg(feature = "http")]
            Scheme::Http | Scheme::Https => {
                let transport = crate::HttpTransport::to(self).connection(options.connection_for(scheme));
                Ok(match options.http_proxy.clone() {
                    Some(proxy) => Box::new(transport.through(proxy)?),
                    None => Box::new(transport),
                })
            }
            #[cfg(not(feature = "http"))]
            Scheme::Http | Scheme::Https => Err(self.needs("http")),
            #[cfg(feature = "redis")]
            Scheme::Redis | Scheme::RedisTls => {
                Ok(Box::new(crate::RedisTransport::to(self).connection(options.connection_for(scheme))))
            }
            #[cfg(not(feature = "redis"))]
            Scheme::Redis | Scheme::RedisTls => Err(self.needs("redis")),
            #[cfg(feature = "stdout")]
            Scheme::Stdout => Ok(Box::new(crate::StdoutTransport::new())),
            #[cfg(not(feature = "stdout"))]
            Scheme::Stdout => Err(self.needs("stdout")),
            #[cfg(feature = "tcp")]
            Scheme::Tcp | Scheme::TcpTls => {
                Ok(Box::new(crate::TcpTransport::to(self).connection(options.connection_for(scheme))))
            }
            #[cfg(not(feature = "tcp"))]
            Scheme::Tcp | Scheme::TcpTls => Err(self.needs("tcp")),
            #[cfg(feature = "udp")]
            Scheme::Udp => Ok(Box::new(crate::UdpTransport::to(self))),
            #[cfg(not(feature = "udp"))]
            Scheme::Udp => Err(self.needs("udp")),
        }
    }

    /// Fails where TLS is wanted and not built in.
    pub(crate) fn check_encryption(&self) -> Result<(), EndpointError> {
        if self.scheme.is_tls() && !cfg!(feature = "tls") { Err(self.needs("tls")) } else { Ok(()) }
    }

    fn needs(&self, feature: &str) -> EndpointError {
        self.unfit(&format!("{} needs the feature {feature} of logstash-transport", self.scheme))
    }

    /// An error for an address that can be read, but whose scheme is of no use.
    #[allow(dead_code, reason = "with some features every scheme is")]
    pub(crate) fn unfit(&self, cause: &str) -> EndpointError {
        EndpointError::new(EndpointPart::Scheme, &self.to_string(), 0, cause)
    }
}
