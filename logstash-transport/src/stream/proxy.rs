use super::socket::{Socket, is_pause};
use crate::interrupt::Interrupt;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::time::Instant;

/// A SOCKS5 proxy (RFC 1928), with user name and password where it wants them (RFC 1929).
///
/// The password crosses the network unencrypted; that is how the protocol is.
///
/// In configuration files it is a table of `host`, `port` (1080 where it is not said), `user`, `password`
/// and `local_resolution`.
#[derive(Clone, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "crate::config::ProxyFields"))]
#[must_use = "a proxy does nothing until the options of a connection get it"]
pub struct Socks5Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) local_resolution: bool,
}

impl Socks5Proxy {
    /// A proxy without credentials. The usual port is 1080; IPv6 addresses come without brackets.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, credentials: None, local_resolution: false }
    }

    /// User name and password, at most 255 bytes each.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Whether names of peers are resolved here instead of by the proxy. Default: by the proxy.
    pub const fn local_resolution(mut self, local: bool) -> Self {
        self.local_resolution = local;
        self
    }

    /// Has the proxy connect to a peer.
    pub(super) fn open(
        &self,
        socket: &mut Socket,
        host: &str,
        port: u16,
        deadline: Instant,
        interrupt: &Interrupt,
    ) -> Result<(), ProxyError> {
        let mut talk = Talk { socket, deadline, interrupt };
        let methods: &[u8] = if self.credentials.is_some() {
            &[VERSION, 2, NO_AUTH, PASSWORD]
        } else {
            &[VERSION, 1, NO_AUTH]
        };
        talk.write(methods)?;
        match (talk.read::<2>()?, &self.credentials) {
            ([VERSION, NO_AUTH], _) => {}
            ([VERSION, PASSWORD], Some((user, password))) => authenticate(&mut talk, user, password)?,
            ([VERSION, _], None) => {
                return Err(ProxyError::Refused("the proxy wants a user name and a password"));
            }
            ([VERSION, _], Some(_)) => return Err(ProxyError::Refused("the proxy takes no password")),
            _ => return Err(ProxyError::Refused("what listens there is no SOCKS5 proxy")),
        }
        let mut request = vec![VERSION, CONNECT, 0];
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Err(_) => {
                request.push(NAME);
                push_short(&mut request, host)?;
            }
        }
        request.extend(port.to_be_bytes());
        talk.write(&request)?;
        let [version, reply, _, kind] = talk.read::<4>()?;
        if version != VERSION {
            return Err(ProxyError::Refused("what listens there is no SOCKS5 proxy"));
        }
        if reply != 0 {
            return Err(refusal(reply));
        }
        // Which address it connected from, is of no interest.
        match kind {
            IPV4 => drop(talk.read::<6>()?),
            IPV6 => drop(talk.read::<18>()?),
            NAME => {
                let [length] = talk.read::<1>()?;
                (0..usize::from(length) + 2).try_for_each(|_| talk.read::<1>().map(drop))?;
            }
            _ => return Err(ProxyError::Refused("the answer of the proxy cannot be read")),
        }
        Ok(())
    }
}

impl fmt::Debug for Socks5Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socks5Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .field("local_resolution", &self.local_resolution)
            .finish_non_exhaustive()
    }
}

/// Why there is no way through a proxy.
pub(super) enum ProxyError {
    Io(io::Error),
    /// The peer cannot be reached from there, for now.
    Unreachable(&'static str),
    /// It will not do it.
    Refused(&'static str),
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn authenticate(talk: &mut Talk<'_>, user: &str, password: &str) -> Result<(), ProxyError> {
    let mut message = vec![1];
    push_short(&mut message, user)?;
    push_short(&mut message, password)?;
    talk.write(&message)?;
    match talk.read::<2>()? {
        [_, 0] => Ok(()),
        _ => Err(ProxyError::Refused("the proxy does not accept the user name and password")),
    }
}

fn push_short(out: &mut Vec<u8>, text: &str) -> Result<(), ProxyError> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length > 0);
    out.push(length.ok_or(ProxyError::Refused("SOCKS5 takes names and passwords of 1 to 255 bytes"))?);
    out.extend(text.as_bytes());
    Ok(())
}

const fn refusal(reply: u8) -> ProxyError {
    match reply {
        2 => ProxyError::Refused("the proxy does not allow connections to that peer"),
        3 => ProxyError::Unreachable("the proxy finds the network unreachable"),
        4 => ProxyError::Unreachable("the proxy finds the host unreachable, or cannot resolve its name"),
        5 => ProxyError::Unreachable("connection refused, says the proxy"),
        6 => ProxyError::Unreachable("the proxy got no answer from there"),
        7 | 8 => ProxyError::Refused("the proxy does not support the request"),
        _ => ProxyError::Unreachable("the proxy has failed"),
    }
}

/// Whole messages over a socket, within a deadline.
struct Talk<'a> {
    socket: &'a mut Socket,
    deadline: Instant,
    interrupt: &'a Interrupt,
}

impl Talk<'_> {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.check()?;
            match self.socket.write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            self.check()?;
            match self.socket.read(rest) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    fn check(&self) -> io::Result<()> {
        if self.interrupt.is_raised() || Instant::now() >= self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

const VERSION: u8 = 5;
const NO_AUTH: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
