use std::fmt;

/// Protocol of an [`Endpoint`](crate::Endpoint).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scheme {
    /// `beats://`: Lumberjack v2 over TCP. Default port 5044.
    Beats,
    /// `beats+tls://`: Lumberjack v2 over TLS. Default port 5044.
    BeatsTls,
    /// `discard:`: nowhere, for trials and measurements.
    Discard,
    /// `file:`: lines appended to a file.
    File,
    /// `http://`: requests of an HTTP client. Default port 80.
    Http,
    /// `https://`: requests of an HTTP client over TLS. Default port 443.
    Https,
    /// `redis://`: a Redis server. Default port 6379.
    Redis,
    /// `rediss://`: a Redis server over TLS. Default port 6379.
    RedisTls,
    /// `stdout:`: lines on the standard output.
    Stdout,
    /// `tcp://`: lines over TCP. No default port.
    Tcp,
    /// `tcp+tls://`: lines over TLS. No default port.
    TcpTls,
    /// `udp://`: datagrams. No default port.
    Udp,
}

impl Scheme {
    /// Every scheme.
    pub(super) const ALL: [Self; 12] = [
        Self::Beats,
        Self::BeatsTls,
        Self::Discard,
        Self::File,
        Self::Http,
        Self::Https,
        Self::Redis,
        Self::RedisTls,
        Self::Stdout,
        Self::Tcp,
        Self::TcpTls,
        Self::Udp,
    ];

    /// As it stands before `:`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Beats => "beats",
            Self::BeatsTls => "beats+tls",
            Self::Discard => "discard",
            Self::File => "file",
            Self::Http => "http",
            Self::Https => "https",
            Self::Redis => "redis",
            Self::RedisTls => "rediss",
            Self::Stdout => "stdout",
            Self::Tcp => "tcp",
            Self::TcpTls => "tcp+tls",
            Self::Udp => "udp",
        }
    }

    /// The scheme of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme.name()))
    }

    /// The port where none is given; `None` where it must be given, or where there is none.
    #[must_use]
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Beats | Self::BeatsTls => Some(5044),
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Redis | Self::RedisTls => Some(6379),
            Self::Discard | Self::File | Self::Stdout | Self::Tcp | Self::TcpTls | Self::Udp => None,
        }
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::BeatsTls | Self::Https | Self::RedisTls | Self::TcpTls)
    }

    /// Whether it names a host, and is followed by `//`.
    #[must_use]
    pub const fn has_host(self) -> bool {
        !matches!(self, Self::Discard | Self::File | Self::Stdout)
    }

    /// Whether a user name and a password may stand before the host.
    pub(super) const fn takes_credentials(self) -> bool {
        self.is_http() || matches!(self, Self::Redis | Self::RedisTls)
    }

    pub(super) const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// How an address of the scheme begins.
    pub(super) const fn separator(self) -> &'static str {
        if self.has_host() { "://" } else { ":" }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
