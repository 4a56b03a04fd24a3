use std::borrow::Cow;
use std::time::Duration;

use super::Url;

/// The HTTP request during which an event happened, and its response as far as it is known.
///
/// What is not known is left out of documents. The text is borrowed or owned; documents hold it as
/// it is, so whoever fills it in keeps secrets out of it.
///
/// ```
/// use logstash_format::{Event, HttpContext, Level};
///
/// let http = HttpContext::new().method("GET").host("shop.example").path("/orders").status(200);
/// let event = Event::new(Level::Info, "shop", "orders listed").http(&http);
/// # assert_eq!(http.url().unwrap().to_string(), "//shop.example/orders");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HttpContext<'a> {
    /// The method, in upper case where it is a standard one.
    pub method: Option<Cow<'a, str>>,
    /// `http` or `https`, as the client sees it.
    pub scheme: Option<Cow<'a, str>>,
    /// The host that the client asked for, without port; IPv6 addresses in brackets.
    pub host: Option<Cow<'a, str>>,
    /// The port that the client asked for, if it named one.
    pub port: Option<u16>,
    /// The path as it was sent, without the query.
    pub path: Option<Cow<'a, str>>,
    /// The query as it was sent, without the question mark.
    pub query: Option<Cow<'a, str>>,
    /// The pattern that a router found for the path, as `/orders/{id}`.
    pub route: Option<Cow<'a, str>>,
    /// The version of the protocol, as `1.1` or `2`.
    pub version: Option<Cow<'a, str>>,
    /// The status of the response.
    pub status: Option<u16>,
    /// Bytes in the body of the request.
    pub request_bytes: Option<u64>,
    /// Bytes in the body of the response.
    pub response_bytes: Option<u64>,
    /// From the arrival of the request to the end of the response.
    pub duration: Option<Duration>,
    /// The page that led here.
    pub referer: Option<Cow<'a, str>>,
    /// What the client calls itself.
    pub user_agent: Option<Cow<'a, str>>,
    /// The address of the client, an IP address wherever it is one, without port.
    pub client_address: Option<Cow<'a, str>>,
    /// The addresses that the request claims to have come through, the client's first.
    pub forwarded_for: Vec<Cow<'a, str>>,
    /// The scheme that the request claims to have come by.
    pub forwarded_proto: Option<Cow<'a, str>>,
    /// The user that the request was authenticated as.
    pub user: Option<Cow<'a, str>>,
    /// What identifies the request.
    pub request_id: Option<Cow<'a, str>>,
    /// Further headers of the request, names in lower case.
    pub request_headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: impl Into<Cow<'a, str>>) -> Self {
            self.$name = Some($name.into());
            self
        })*
    };
}

impl<'a> HttpContext<'a> {
    /// A request of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    texts! {
        /// Sets the method.
        method,
        /// Sets the scheme.
        scheme,
        /// Sets the host, without port.
        host,
        /// Sets the path, without the query.
        path,
        /// Sets the query, without the question mark.
        query,
        /// Sets the pattern that a router found for the path.
        route,
        /// Sets the version of the protocol.
        version,
        /// Sets the page that led here.
        referer,
        /// Sets what the client calls itself.
        user_agent,
        /// Sets the address of the client, without port.
        client_address,
        /// Sets the scheme that the request claims to have come by.
        forwarded_proto,
        /// Sets the user that the request was authenticated as.
        user,
        /// Sets what identifies the request.
        request_id,
    }

    /// Sets the port that the client asked for.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the status of the response.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the number of bytes in the body of the request.
    pub fn request_bytes(mut self, bytes: u64) -> Self {
        self.request_bytes = Some(bytes);
        self
    }

    /// Sets the number of bytes in the body of the response.
    pub fn response_bytes(mut self, bytes: u64) -> Self {
        self.response_bytes = Some(bytes);
        self
    }

    /// Sets the time from the arrival of the request to the end of the response.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Adds an address that the request claims to have come through.
    pub fn forwarded_for(mut self, address: impl Into<Cow<'a, str>>) -> Self {
        self.forwarded_for.push(address.into());
        self
    }

    /// Adds a header of the request; the name in lower case.
    pub fn request_header(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.request_headers.push((name.into(), value.into()));
        self
    }

    /// The URL, from its parts; nothing if neither host nor path is known.
    pub fn url(&self) -> Option<Url<'_>> {
        (self.host.is_some() || self.path.is_some()).then_some(Url::new(self))
    }

    /// The same context, borrowing nothing.
    pub fn into_owned(self) -> HttpContext<'static> {
        HttpContext {
            method: owned(self.method),
            scheme: owned(self.scheme),
            host: owned(self.host),
            port: self.port,
            path: owned(self.path),
            query: owned(self.query),
            route: owned(self.route),
            version: owned(self.version),
            status: self.status,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            duration: self.duration,
            referer: owned(self.referer),
            user_agent: owned(self.user_agent),
            client_address: owned(self.client_address),
            forwarded_for: self.forwarded_for.into_iter().map(text).collect(),
            forwarded_proto: owned(self.forwarded_proto),
            user: owned(self.user),
            request_id: owned(self.request_id),
            request_headers: (self.request_headers.into_iter())
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        }
    }
}

fn owned(part: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    part.map(text)
}

fn text(part: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(part.into_owned())
}
