use std::fmt;

use super::HttpContext;

/// Displays the URL of a request; made by [`HttpContext::url`].
///
/// Without a known host it is the path and the query, without a known scheme it starts with `//`.
/// The port is left out where the scheme implies it.
#[derive(Clone, Copy, Debug)]
pub struct Url<'a>(&'a HttpContext<'a>);

impl<'a> Url<'a> {
    pub(super) fn new(context: &'a HttpContext<'_>) -> Self {
        Self(context)
    }

    /// The part with the host and the port, if the host is known.
    pub fn host_and_port(self) -> Option<impl fmt::Display + 'a> {
        let host = self.0.host.as_deref()?;
        let implied = match self.0.scheme.as_deref() {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        };
        Some(HostAndPort { host, port: self.0.port.filter(|port| Some(*port) != implied) })
    }
}

impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = self.0;
        if let Some(host) = self.host_and_port() {
            match &context.scheme {
                Some(scheme) => write!(f, "{scheme}://{host}")?,
                None => write!(f, "//{host}")?,
            }
        }
        match context.path.as_deref() {
            // `OPTIONS *` asks about the host as a whole.
            Some("*") if context.host.is_some() => (),
            Some(path) => f.write_str(path)?,
            None => (),
        }
        match &context.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

struct HostAndPort<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl fmt::Display for HostAndPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}
