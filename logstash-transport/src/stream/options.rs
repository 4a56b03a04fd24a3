use super::proxy::Socks5Proxy;
#[cfg(feature = "tls")]
use crate::tls::TlsConfig;
use std::time::Duration;

/// How connections are made and kept, for all transports over TCP.
///
/// ```
/// use logstash_transport::{ConnectionOptions, Socks5Proxy};
/// use std::time::Duration;
///
/// let options = ConnectionOptions::new()
///     .connect_timeout(Duration::from_secs(3))
///     .proxy(Socks5Proxy::new("proxy.example", 1080));
/// ```
///
/// With the feature `serde` they can be read from configuration files, under the names of the methods.
/// Durations are [`Time`](crate::human::Time)s; `keepalive` and `user_timeout` may be `"none"`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[must_use = "options do nothing until a transport gets them"]
pub struct ConnectionOptions {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::human::timeout"))]
    pub(crate) connect_timeout: Duration,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::human::timeout"))]
    pub(crate) handshake_timeout: Duration,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::human::timeout"))]
    pub(crate) write_timeout: Duration,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::human::duration_or_none"))]
    pub(crate) keepalive: Option<Duration>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::human::duration_or_none"))]
    pub(crate) user_timeout: Option<Duration>,
    pub(crate) proxy: Option<Socks5Proxy>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsConfig>,
}

impl ConnectionOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            keepalive: Some(Duration::from_secs(60)),
            user_timeout: Some(Duration::from_secs(60)),
            proxy: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Time for resolving the name and for connecting to any of its addresses, each. Default: 10 s.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Time for what a proxy and TLS exchange before the first byte of ours, each. Default: 10 s.
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Time for which the peer may take nothing of what is written, nor send a sign of life.
    /// Default: 30 s.
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Idle time after which the system asks whether the peer is still there, from 1 s to 9 h.
    /// Default: 60 s.
    pub const fn keepalive(mut self, idle: Option<Duration>) -> Self {
        self.keepalive = idle;
        self
    }

    /// Time for which bytes may stay unacknowledged by the peer's system before the connection counts as
    /// dead (`TCP_USER_TIMEOUT`; Linux and Android only). Default: 60 s.
    pub const fn user_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.user_timeout = timeout;
        self
    }

    /// Connects through a proxy. Default: none; the environment is not looked at.
    pub fn proxy(mut self, proxy: Socks5Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// With the same times, but neither through a proxy nor encrypted.
    #[cfg(feature = "http")]
    pub(crate) fn in_the_open(self) -> Self {
        Self {
            proxy: None,
            #[cfg(feature = "tls")]
            tls: None,
            ..self
        }
    }

    /// Encrypts, also where the address does not say so. Default: only where it does, as
    /// [`TlsConfig::new`] has it.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = Some(tls);
        self
    }
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_the_documentation_states() {
        let options = ConnectionOptions::new();
        let ten_seconds = Duration::from_secs(10);
        assert_eq!((options.connect_timeout, options.handshake_timeout), (ten_seconds, ten_seconds));
        assert_eq!(options.write_timeout, Duration::from_secs(30));
        let minute = Some(Duration::from_secs(60));
        assert_eq!((options.keepalive, options.user_timeout), (minute, minute));
        assert!(options.proxy.is_none());
    }
}
