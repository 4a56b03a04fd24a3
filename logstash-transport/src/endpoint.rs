use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Where a peer is, as a person types it: `beats://logstash.example:5044`.
///
/// ```
/// use logstash_transport::{Endpoint, EndpointPart, Scheme};
///
/// let endpoint: Endpoint = "beats://[::1]:5044".parse().unwrap();
/// assert_eq!((endpoint.scheme(), endpoint.host(), endpoint.port()), (Scheme::Beats, "::1", 5044));
/// assert_eq!(endpoint.to_string(), "beats://[::1]:5044");
///
/// let error = "beats://logstash:port".parse::<Endpoint>().unwrap_err();
/// assert_eq!(error.part(), EndpointPart::Port);
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Endpoint {
    scheme: Scheme,
    /// Without brackets.
    host: String,
    port: u16,
}

impl Endpoint {
    /// An endpoint of its parts. IPv6 addresses come without brackets.
    #[must_use]
    pub fn new(scheme: Scheme, host: impl Into<String>, port: u16) -> Self {
        Self { scheme, host: host.into(), port }
    }

    /// Reads `host`, `host:port` or a whole URL of this scheme.
    ///
    /// # Errors
    ///
    /// [`EndpointError`], which names the part that is wrong.
    pub fn parse_as(text: &str, scheme: Scheme) -> Result<Self, EndpointError> {
        if text.contains("://") {
            let endpoint: Self = text.parse()?;
            if endpoint.scheme != scheme {
                let found = endpoint.scheme.name();
                let wanted = format!("{found}:// where {}:// is wanted", scheme.name());
                return Err(EndpointError::new(EndpointPart::Scheme, text, &wanted));
            }
            return Ok(endpoint);
        }
        parse_authority(text, text, scheme)
    }

    /// The protocol.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(EndpointError::new(EndpointPart::Scheme, text, "no scheme, such as beats://"));
        };
        let Some(scheme) = Scheme::from_name(scheme) else {
            let known = format!("unknown scheme {scheme:?}, known is beats");
            return Err(EndpointError::new(EndpointPart::Scheme, text, &known));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        parse_authority(text, authority, scheme)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        let scheme = scheme.name();
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

fn parse_authority(text: &str, authority: &str, scheme: Scheme) -> Result<Endpoint, EndpointError> {
    let wrong = |part, cause: &str| EndpointError::new(part, text, cause);
    if authority.contains(['/', '?', '#']) {
        return Err(wrong(EndpointPart::Path, "beats:// takes no path, query or fragment"));
    }
    if authority.contains('@') {
        return Err(wrong(EndpointPart::Host, "beats:// takes no user name"));
    }
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let Some((host, rest)) = bracketed.split_once(']') else {
            return Err(wrong(EndpointPart::Host, "'[' without ']'"));
        };
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(wrong(EndpointPart::Host, "no IPv6 address between '[' and ']'"));
        }
        match (rest, rest.strip_prefix(':')) {
            ("", _) => (host, None),
            (_, Some(port)) => (host, Some(port)),
            _ => return Err(wrong(EndpointPart::Port, "something other than ':' behind ']'")),
        }
    } else {
        match authority.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return Err(wrong(
                    EndpointPart::Host,
                    "an IPv6 address stands in brackets, such as [::1]:5044",
                ));
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return Err(wrong(EndpointPart::Host, "the host is empty"));
    }
    if host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(wrong(EndpointPart::Host, "white space in the host"));
    }
    let port = match port {
        None => scheme.default_port(),
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 && !text.contains(":+") => port,
            _ => return Err(wrong(EndpointPart::Port, "the port is a number from 1 to 65535")),
        },
    };
    Ok(Endpoint::new(scheme, host, port))
}

/// Protocol of an [`Endpoint`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scheme {
    /// `beats://`: Lumberjack v2 over TCP. Default port 5044.
    Beats,
}

impl Scheme {
    /// As it stands before `://`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Beats => "beats",
        }
    }

    /// The scheme of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.eq_ignore_ascii_case("beats").then_some(Self::Beats)
    }

    /// The port where none is given.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Beats => 5044,
        }
    }
}

/// An address that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndpointError {
    part: EndpointPart,
    text: String,
    cause: String,
}

impl EndpointError {
    fn new(part: EndpointPart, text: &str, cause: &str) -> Self {
        Self { part, text: text.to_owned(), cause: cause.to_owned() }
    }

    /// The part that is wrong.
    #[must_use]
    pub const fn part(&self) -> EndpointPart {
        self.part
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read the {} of address {:?}: {}", self.part, self.text, self.cause)
    }
}

impl Error for EndpointError {}

/// A part of an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EndpointPart {
    /// Host name or address.
    Host,
    /// What follows the port.
    Path,
    /// Port.
    Port,
    /// What stands before `://`.
    Scheme,
}

impl fmt::Display for EndpointPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Path => "path",
            Self::Port => "port",
            Self::Scheme => "scheme",
        })
    }
}
