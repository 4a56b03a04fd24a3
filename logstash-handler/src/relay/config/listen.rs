use super::error::nearest;
use serde::Deserialize;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use url::Url;

/// Where an input listens, and what it expects: `syslog+tcp://0.0.0.0:514`.
///
/// | address | what comes | default port |
/// | --- | --- | --- |
/// | `lines+tcp://HOST:PORT`, `lines+tls://…` | lines, taken as they are | none |
/// | `json+tcp://HOST:PORT`, `json+tls://…` | JSON documents, one on each line | none |
/// | `json+udp://HOST:PORT` | a JSON document in each datagram | none |
/// | `syslog+tcp://HOST:PORT`, `syslog+tls://…` | syslog, framed in either way of RFC 6587 | 514, 6514 |
/// | `syslog+udp://HOST:PORT` | a message of syslog in each datagram | 514 |
/// | `syslog+unix:PATH` | the same, over a socket of the file system such as `/dev/log` | |
/// | `python+tcp://HOST:PORT`, `python+tls://…` | records of Python's `SocketHandler`, read as data and never as a program | none |
/// | `python+udp://HOST:PORT` | records of Python's `DatagramHandler` | none |
/// | `beats://HOST:PORT`, `beats+tls://…` | the Lumberjack protocol, versions 1 and 2 | 5044 |
///
/// `HOST` is an address of this machine, `0.0.0.0` or `[::]` for all of them. The TLS ones take
/// `?tls_cert=FILE&tls_key=FILE&tls_client_ca=FILE`, decoded as in any URL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listen {
    protocol: Protocol,
    carrier: Carrier,
    host: String,
    port: u16,
    path: PathBuf,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    tls_client_ca: Option<PathBuf>,
}

impl Listen {
    /// What comes.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// On what it comes.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// Address of this machine; empty for a socket of the file system.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port; 0 for one that the system chooses.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path of a socket of the file system; empty otherwise.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn tls_files(&self) -> (Option<&PathBuf>, Option<&PathBuf>) {
        (self.tls_cert.as_ref(), self.tls_key.as_ref())
    }

    pub(super) const fn tls_client_ca(&self) -> Option<&PathBuf> {
        self.tls_client_ca.as_ref()
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let wrong = |cause: String| ListenError(format!("{text:?} is no address to listen on: {cause}"));
        let (scheme, rest) =
            text.split_once(':').ok_or_else(|| wrong(format!("it begins with one of {}", schemes())))?;
        let (protocol, carrier) = KNOWN
            .iter()
            .find(|(name, ..)| name.eq_ignore_ascii_case(scheme))
            .map(|(_, protocol, carrier)| (*protocol, *carrier))
            .ok_or_else(|| wrong(unknown_scheme(scheme)))?;
        let none = Self {
            protocol,
            carrier,
            host: String::new(),
            port: 0,
            path: PathBuf::new(),
            tls_cert: None,
            tls_key: None,
            tls_client_ca: None,
        };
        if carrier == Carrier::Unix {
            if rest.is_empty() {
                return Err(wrong(format!("a path follows, as in {scheme}:/dev/log")));
            }
            return Ok(Self { path: rest.into(), ..none });
        }
        let url = Url::parse(text)
            .map_err(|error| wrong(format!("{error}; write it like {scheme}://0.0.0.0:PORT")))?;
        if !matches!(url.path(), "" | "/") || !url.username().is_empty() || url.fragment().is_some() {
            return Err(wrong("it has a host and a port, and nothing else but options behind ?".to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        if host.is_empty() {
            return Err(wrong(
                "it has no host; 0.0.0.0 or [::] means all addresses of this machine".to_owned(),
            ));
        }
        let port = url
            .port()
            .or_else(|| default_port(protocol, carrier))
            .ok_or_else(|| wrong("it has no port".to_owned()))?;
        let mut listen = Self { host, port, ..none };
        for (name, value) in url.query_pairs() {
            let place = match (&*name, carrier) {
                ("tls_cert", Carrier::Tls) => &mut listen.tls_cert,
                ("tls_key", Carrier::Tls) => &mut listen.tls_key,
                ("tls_client_ca", Carrier::Tls) => &mut listen.tls_client_ca,
                _ => return Err(wrong(format!("{scheme} takes no option {name}"))),
            };
            *place = Some(PathBuf::from(&*value));
        }
        Ok(listen)
    }
}

impl TryFrom<String> for Listen {
    type Error = ListenError;

    fn try_from(text: String) -> Result<Self, ListenError> {
        text.parse()
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, carrier, host, port, .. } = self;
        let name = KNOWN.iter().find(|known| (known.1, known.2) == (*protocol, *carrier));
        let name = name.map_or("", |(name, ..)| name);
        match carrier {
            Carrier::Unix => write!(f, "{name}:{}", self.path.display()),
            _ if host.contains(':') => write!(f, "{name}://[{host}]:{port}"),
            _ => write!(f, "{name}://{host}:{port}"),
        }
    }
}

/// What comes in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Protocol {
    /// Lumberjack, versions 1 and 2.
    Beats,
    /// JSON documents.
    Json,
    /// Lines as they are.
    Lines,
    /// Records of Python's logging.
    Python,
    /// Syslog, in any of its forms.
    Syslog,
}

/// On what it comes in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Carrier {
    /// A connection.
    Tcp,
    /// An encrypted connection.
    Tls,
    /// Datagrams.
    Udp,
    /// Datagrams to a socket of the file system.
    Unix,
}

/// An address that is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListenError(String);

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ListenError {}

const KNOWN: &[(&str, Protocol, Carrier)] = &[
    ("beats", Protocol::Beats, Carrier::Tcp),
    ("beats+tls", Protocol::Beats, Carrier::Tls),
    ("json+tcp", Protocol::Json, Carrier::Tcp),
    ("json+tls", Protocol::Json, Carrier::Tls),
    ("json+udp", Protocol::Json, Carrier::Udp),
    ("lines+tcp", Protocol::Lines, Carrier::Tcp),
    ("lines+tls", Protocol::Lines, Carrier::Tls),
    ("python+tcp", Protocol::Python, Carrier::Tcp),
    ("python+tls", Protocol::Python, Carrier::Tls),
    ("python+udp", Protocol::Python, Carrier::Udp),
    ("syslog+tcp", Protocol::Syslog, Carrier::Tcp),
    ("syslog+tls", Protocol::Syslog, Carrier::Tls),
    ("syslog+udp", Protocol::Syslog, Carrier::Udp),
    ("syslog+unix", Protocol::Syslog, Carrier::Unix),
];

const fn default_port(protocol: Protocol, carrier: Carrier) -> Option<u16> {
    match protocol {
        Protocol::Beats => Some(5044),
        Protocol::Json | Protocol::Lines | Protocol::Python => None,
        Protocol::Syslog => Some(if matches!(carrier, Carrier::Tls) { 6514 } else { 514 }),
    }
}

fn schemes() -> String {
    let names: Vec<&str> = KNOWN.iter().map(|(name, ..)| *name).collect();
    names.join(", ")
}

fn unknown_scheme(scheme: &str) -> String {
    let known = KNOWN.iter().map(|(name, ..)| *name);
    match nearest(&scheme.to_ascii_lowercase(), known) {
        Some(name) => format!("{scheme} is no protocol; did you mean {name}?"),
        None => format!("{scheme} is none of the protocols {}", schemes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Listen {
        text.parse().unwrap()
    }

    fn error(text: &str) -> String {
        text.parse::<Listen>().unwrap_err().to_string()
    }

    #[test]
    fn addresses_are_read_and_shown() {
        let listen = parse("lines+tcp://127.0.0.1:5000");
        assert_eq!((listen.protocol(), listen.carrier()), (Protocol::Lines, Carrier::Tcp));
        assert_eq!((listen.host(), listen.port()), ("127.0.0.1", 5000));
        assert_eq!(listen.to_string(), "lines+tcp://127.0.0.1:5000");
        assert_eq!(parse("beats://[::]").to_string(), "beats://[::]:5044");
        assert_eq!(parse("json+udp://[::1]:0").host(), "::1");
        let tls = parse("beats+tls://0.0.0.0:5045?tls_cert=/etc/a%20b.pem&tls_key=/k");
        assert_eq!(tls.tls_files(), (Some(&"/etc/a b.pem".into()), Some(&"/k".into())));
    }

    #[test]
    fn errors_say_what_to_write() {
        assert!(error("5000").contains("begins with one of beats,"));
        assert!(error("line+tcp://h:1").contains("did you mean lines+tcp?"));
        assert!(error("gopher://h:1").contains("none of the protocols"));
        assert!(error("lines+tcp://127.0.0.1").contains("no port"));
        assert!(error("lines+tcp://:5000").contains("lines+tcp://0.0.0.0:PORT"));
        assert!(error("lines+tcp://h:70000").contains("port"));
        assert!(error("lines+tcp://h:1/path").contains("nothing else"));
        assert!(error("lines+tcp://h:1?tls_cert=x").contains("takes no option tls_cert"));
    }
}
