mod error;
pub use error::{EndpointError, EndpointPart};

mod option;

mod parse;

mod scheme;
pub use scheme::Scheme;

#[cfg(feature = "tls")]
mod tls;

mod transport;
pub use transport::TransportOptions;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// Where a peer is, as a person types it: `beats://logstash.example:5044`.
///
/// | address | default port | takes |
/// | --- | --- | --- |
/// | `beats://HOST:PORT`, `beats+tls://HOST:PORT` | 5044 | `level`, `in_flight=WINDOWS`, `window=EVENTS` |
/// | `tcp://HOST:PORT`, `tcp+tls://HOST:PORT` | none | |
/// | `udp://HOST:PORT` | none | `max_datagram=BYTES`, `oversize=truncate\|reject` |
/// | `http://USER:PASSWORD@HOST:PORT/PATH?QUERY`, `https://…` | 80, 443 | the query belongs to the server |
/// | `redis://USER:PASSWORD@HOST:PORT/DATABASE`, `rediss://…` | 6379 | `key`, `type=list\|stream\|channel`, `max_length=EVENTS` |
/// | `file:PATH` | | `rotate=SIZE`, `keep=FILES`, `sync=os\|batch` |
/// | `stdout:` | | |
/// | `discard:` | | |
///
/// `beats+tls`, `tcp+tls` and `rediss` also take `tls_ca=FILE`, `tls_cert=FILE`, `tls_key=FILE`,
/// `tls_server_name=NAME`, `tls_fingerprint=SHA256` and `tls_verify=full|certificate|danger_none`, with the
/// meaning that they have in `TlsConfig`.
///
/// What stands behind `?` is a list of options, such as `redis://cache/0?key=logstash`; those that a
/// scheme does not take are refused. A character that has a meaning in an address is written as `%`
/// and two hexadecimal digits where it is meant as itself. An IPv6 address stands in brackets. Sizes
/// are bytes, or a number with a unit: `64KiB`, `10MB`.
///
/// Neither `Display` nor `Debug` shows a password, or the query of an HTTP address.
///
/// ```
/// use logstash_transport::{Endpoint, EndpointPart, Scheme};
///
/// let endpoint: Endpoint = "redis://:secret@[::1]/2?key=logstash".parse().unwrap();
/// assert_eq!((endpoint.scheme(), endpoint.host(), endpoint.port()), (Scheme::Redis, "::1", 6379));
/// assert_eq!((endpoint.password(), endpoint.database()), (Some("secret"), 2));
/// assert_eq!(endpoint.option("key"), Some("logstash"));
/// assert_eq!(endpoint.to_string(), "redis://:***@[::1]:6379/2?key=logstash");
///
/// let error = "beats://logstash:port".parse::<Endpoint>().unwrap_err();
/// assert_eq!((error.part(), error.position()), (EndpointPart::Port, 17));
/// ```
///
/// In configuration files (feature `serde`) it is a text like these.
#[derive(Clone, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "String"))]
pub struct Endpoint {
    scheme: Scheme,
    user: Option<String>,
    password: Option<String>,
    /// Without brackets; empty where the scheme has none.
    host: String,
    /// What the peer is called where `host` is one of its addresses.
    name: Option<String>,
    /// 0 where the scheme has none.
    port: u16,
    /// HTTP: as it was typed, from its `/` on. File: decoded. Redis: the number of the database.
    path: String,
    /// HTTP only, as it was typed.
    query: Option<String>,
    /// Checked against what the scheme takes, decoded.
    options: Vec<(String, String)>,
}

impl Endpoint {
    /// An endpoint of its parts. IPv6 addresses come without brackets.
    #[must_use]
    pub fn new(scheme: Scheme, host: impl Into<String>, port: u16) -> Self {
        Self {
            scheme,
            user: None,
            password: None,
            host: host.into(),
            name: None,
            port,
            path: String::new(),
            query: None,
            options: Vec::new(),
        }
    }

    /// Reads `host`, `host:port` or a whole URL of this scheme.
    ///
    /// # Errors
    ///
    /// [`EndpointError`], which names the part that is wrong.
    pub fn parse_as(text: &str, scheme: Scheme) -> Result<Self, EndpointError> {
        Self::parse_as_one_of(text, scheme, &[])
    }

    /// Reads `host` or `host:port` of `scheme`, or a whole URL of that or one of the `other` schemes.
    ///
    /// # Errors
    ///
    /// [`EndpointError`], which names the part that is wrong.
    pub fn parse_as_one_of(text: &str, scheme: Scheme, other: &[Scheme]) -> Result<Self, EndpointError> {
        parse::endpoint(text, Some(scheme), other)
    }

    /// The same at one address of the host, which it is still called by.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(address) if address.scope_id() != 0 => {
                format!("{}%{}", address.ip(), address.scope_id())
            }
            _ => address.ip().to_string(),
        };
        let name = Some(self.name().to_owned());
        Self { host, name, port: address.port(), ..self.clone() }
    }

    /// What the peer is called: the host, unless that is only one of its addresses.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.host)
    }

    /// The protocol.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// User name, decoded.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Password, decoded.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Host name or address; an IPv6 address without brackets. Empty for `file:`, `stdout:` and `discard:`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port. 0 for `file:`, `stdout:` and `discard:`.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path: of an HTTP address as it was typed, with the leading `/`, empty where there is none; of
    /// `file:` decoded; otherwise see [`database`](Self::database).
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Query of an HTTP address as it was typed, without `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Number of the Redis database. Default: 0.
    #[must_use]
    pub fn database(&self) -> u16 {
        self.path.parse().unwrap_or_default()
    }

    /// Value of an option behind `?`, decoded.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Value of an option that is a number or a size, in bytes.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.option(name).and_then(option::number)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        parse::endpoint(text, None, &[])
    }
}

#[cfg(feature = "serde")]
impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, path, .. } = self;
        if !scheme.has_host() {
            // Two slashes at the beginning of a path would be taken for those before a host.
            let slashes = if path.starts_with("//") { "//" } else { "" };
            write!(f, "{scheme}:{slashes}{}", escape(path, "?#"))?;
            return self.fmt_options(f);
        }
        write!(f, "{scheme}://")?;
        if self.user.is_some() || self.password.is_some() {
            f.write_str(&escape(self.user.as_deref().unwrap_or_default(), ":@/?#"))?;
            f.write_str(if self.password.is_some() { ":***@" } else { "@" })?;
        }
        if host.contains(':') {
            write!(f, "[{host}]:{port}")?;
        } else {
            write!(f, "{host}:{port}")?;
        }
        if !path.is_empty() {
            write!(f, "{}{path}", if path.starts_with('/') { "" } else { "/" })?;
        }
        if self.query.is_some() {
            f.write_str("?***")?;
        }
        self.fmt_options(f)
    }
}

impl Endpoint {
    fn fmt_options(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.options.iter().enumerate() {
            write!(f, "{}{name}={}", if index == 0 { '?' } else { '&' }, escape(value, "&#"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// Writes what would be read as something else as `%` and its number.
fn escape(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '%' || character.is_ascii_control() || special.contains(character) {
            out.push_str(&format!("%{:02X}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}
