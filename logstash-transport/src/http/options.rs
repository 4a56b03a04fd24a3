use super::HttpTransport;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use std::time::Duration;

impl HttpTransport {
    /// How events stand in the body. Default: as a JSON array.
    #[must_use]
    pub fn body(mut self, body: HttpBody) -> Self {
        self.options.body = body;
        self
    }

    /// Events of one request, at least 1. Default: 2,048.
    #[must_use]
    pub fn max_body_events(mut self, events: usize) -> Self {
        self.options.max_body_events = events.max(1);
        self
    }

    /// Bytes of one body before compression, brackets and commas included. Default: 32 MiB.
    ///
    /// An event that is larger alone is rejected. Logstash takes 100 MiB by default, nginx 1 MiB. A
    /// peer that takes less than this answers 413; the transport then halves its bodies until it is
    /// closed.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.options.max_body_bytes = bytes;
        self
    }

    /// gzip level of the bodies, from 1 to 9, or 0 for none. Default: 0.
    ///
    /// Logstash takes gzip; not every receiver does.
    #[must_use]
    pub fn gzip_level(mut self, level: u32) -> Self {
        self.options.gzip_level = level.min(9);
        self
    }

    /// Adds to the path of the address; there is one `/` between them, however they are written.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.options.path = join(&self.options.path, path);
        self
    }

    /// Basic authentication, in place of the credentials of the address.
    #[must_use]
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        self.options.headers.insert(AUTHORIZATION, basic(user, Some(password)));
        self
    }

    /// `Authorization: Bearer TOKEN`.
    ///
    /// # Errors
    ///
    /// Misconfigured when no header can hold the token.
    pub fn bearer_token(self, token: &str) -> Result<Self, TransportError> {
        self.secret_header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// `Authorization: ApiKey KEY`, the key as Elastic shows it: `id:key` in base64.
    ///
    /// # Errors
    ///
    /// Misconfigured when no header can hold the key.
    pub fn api_key(self, key: &str) -> Result<Self, TransportError> {
        self.secret_header(AUTHORIZATION, &format!("ApiKey {key}"))
    }

    /// A header of every request, in place of one of that name. Its value is never shown.
    ///
    /// # Errors
    ///
    /// Misconfigured when this is no name or no value of a header.
    pub fn header(self, name: &str, value: &str) -> Result<Self, TransportError> {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => self.secret_header(name, value),
            Err(error) => Err(misconfigured(format!("{name:?} is no name of a header")).caused_by(error)),
        }
    }

    fn secret_header(mut self, name: HeaderName, value: &str) -> Result<Self, TransportError> {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.options.headers.insert(name, value);
                Ok(self)
            }
            Err(error) => {
                let text = format!("the value of header {name} has control characters");
                Err(misconfigured(text).caused_by(error))
            }
        }
    }

    /// Sends through a proxy, such as `http://user:password@proxy:3128`.
    ///
    /// Requests to `http://` are handed to the proxy, connections to `https://` go through it. A SOCKS5
    /// proxy is set in [`ConnectionOptions`](crate::ConnectionOptions) instead.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read.
    pub fn proxy(self, address: &str) -> Result<Self, EndpointError> {
        self.through(Endpoint::parse_as(address, Scheme::Http)?)
    }

    /// As [`proxy`](Self::proxy), with an address that is read already.
    pub(crate) fn through(mut self, proxy: Endpoint) -> Result<Self, EndpointError> {
        if proxy.scheme() != Scheme::Http {
            return Err(proxy.unfit("a proxy for HTTP is spoken to without TLS: write http://"));
        }
        self.options.proxy = Some(proxy);
        Ok(self)
    }

    /// Statuses that acknowledge. Default: every 2xx.
    #[must_use]
    pub fn expected_statuses(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.options.expected_statuses = statuses.into_iter().collect();
        self
    }

    /// Time for a request, from connecting to the answer. Default: 60 s.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.options.request_timeout = timeout;
        self
    }

    /// How long a connection is kept that is not used. Default: 30 s.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.idle_timeout = timeout;
        self
    }
}

/// How events stand in the body of a request to [`HttpTransport`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HttpBody {
    /// A JSON array: `[{…},{…}]`, as `application/json`.
    Array,
    /// A line for each event, as `application/x-ndjson`. Line breaks inside an event become spaces.
    Lines,
    /// One event for each request, as `application/json`.
    Single,
}

impl HttpBody {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Array | Self::Single => "application/json",
            Self::Lines => "application/x-ndjson",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) body: HttpBody,
    pub(super) max_body_events: usize,
    pub(super) max_body_bytes: usize,
    pub(super) gzip_level: u32,
    /// Behind the path of the address.
    pub(super) path: String,
    headers: HeaderMap,
    pub(super) proxy: Option<Endpoint>,
    pub(super) expected_statuses: Vec<u16>,
    pub(super) request_timeout: Duration,
    pub(super) idle_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body: HttpBody::Array,
            max_body_events: 2048,
            max_body_bytes: 32 * 1024 * 1024,
            gzip_level: 0,
            path: String::new(),
            headers: HeaderMap::new(),
            proxy: None,
            expected_statuses: Vec::new(),
            request_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// The headers of a request; those of the user win.
    pub(super) fn headers(&self, has_body: bool, endpoint: &Endpoint) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.body.content_type()));
            if self.gzip_level > 0 {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        let (user, password) = (endpoint.user(), endpoint.password());
        if user.is_some() || password.is_some() {
            headers.insert(AUTHORIZATION, basic(user.unwrap_or_default(), password));
        }
        headers.extend(self.headers.clone());
        headers
    }
}

/// `Authorization: Basic …`.
fn basic(user: &str, password: Option<&str>) -> HeaderValue {
    let credentials = BASE64_STANDARD.encode(format!("{user}:{}", password.unwrap_or_default()));
    // Base64 has only characters that a header can hold.
    let mut value = HeaderValue::from_str(&format!("Basic {credentials}"))
        .unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// Two parts of a path with one `/` between them.
pub(super) fn join(first: &str, second: &str) -> String {
    match second.trim_start_matches('/') {
        "" => first.to_owned(),
        second => format!("{}/{second}", first.trim_end_matches('/')),
    }
}

fn misconfigured(text: String) -> TransportError {
    TransportError::new(ErrorKind::Misconfigured, text)
}

const PRODUCT: &str = concat!("logstash-transport/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_by_one_slash() {
        for (first, second, joined) in [
            ("", "", ""),
            ("", "logs", "/logs"),
            ("", "/logs", "/logs"),
            ("/", "logs", "/logs"),
            ("/a", "b", "/a/b"),
            ("/a/", "/b/", "/a/b/"),
            ("/a/", "", "/a/"),
            ("/a", "/", "/a"),
        ] {
            assert_eq!(join(first, second), joined, "{first:?} and {second:?}");
        }
    }
}
