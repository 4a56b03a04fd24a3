use std::borrow::Cow;

use ::http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, REFERER, USER_AGENT};
use ::http::{Request, Response, Version};

use super::redaction::REDACTED;
use super::{HttpContext, Redaction};

impl<'a> HttpContext<'a> {
    /// What a request tells about itself; what `redaction` lists is not taken over.
    ///
    /// Everything is as the client claims it. The address of the client and the scheme are not part
    /// of a request that a server gets, so they are for the caller to add. Bytes of headers that are
    /// not UTF-8 are replaced by U+FFFD. Of addresses that the request claims to have come through
    /// the first 32 count.
    pub fn from_request<B>(request: &'a Request<B>, redaction: &Redaction) -> Self {
        let (uri, headers) = (request.uri(), request.headers());
        let (host, port) = match (uri.host(), headers.get(HOST)) {
            (Some(host), _) => (Some(Cow::Borrowed(host)), uri.port_u16()),
            (None, Some(header)) => host_and_port(header),
            (None, None) => (None, None),
        };
        let text = |name| headers.get(name).map(header_text);
        let forwarded_for = headers.get_all(X_FORWARDED_FOR);
        Self {
            method: Some(request.method().as_str().into()),
            scheme: uri.scheme_str().map(Cow::Borrowed),
            host,
            port,
            path: Some(uri.path()).filter(|path| !path.is_empty()).map(Cow::Borrowed),
            query: uri.query().map(|query| redaction.query(query)),
            version: version(request.version()).map(Cow::Borrowed),
            request_bytes: content_length(headers),
            referer: text(REFERER).map(|referer| redacted_url(referer, redaction)),
            user_agent: text(USER_AGENT),
            forwarded_for: list(forwarded_for.iter()).take(MAX_FORWARDED).collect(),
            forwarded_proto: text(X_FORWARDED_PROTO),
            request_id: text(X_REQUEST_ID),
            ..Self::default()
        }
    }

    /// Adds headers of the request, as far as it has them; what `redaction` lists or the request
    /// marks as sensitive is `REDACTED`, and so are secrets of URLs in the others.
    pub fn headers_of<'n>(
        mut self,
        headers: &'a HeaderMap,
        names: impl IntoIterator<Item = &'n HeaderName>,
        redaction: &Redaction,
    ) -> Self {
        for name in names {
            for value in headers.get_all(name) {
                let value = match redaction.redacts_header(name.as_str()) {
                    true => Cow::Borrowed(REDACTED),
                    // As the referer, some are URLs.
                    false => redacted_url(header_text(value), redaction),
                };
                self.request_headers.push((Cow::Owned(name.as_str().to_owned()), value));
            }
        }
        self
    }

    /// Adds what a response tells: its status, and its size if that is declared.
    pub fn response<B>(mut self, response: &Response<B>) -> Self {
        self.status = Some(response.status().as_u16());
        self.response_bytes = content_length(response.headers()).or(self.response_bytes);
        self
    }
}

/// With the default [`Redaction`].
impl<'a, B> From<&'a Request<B>> for HttpContext<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self::from_request(request, &Redaction::new())
    }
}

/// The elements of a header that may come several times and is a list each time.
pub(crate) fn list<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> impl Iterator<Item = Cow<'a, str>> {
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
        .map(String::from_utf8_lossy)
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(crate) fn header_text(value: &HeaderValue) -> Cow<'_, str> {
    match value.is_sensitive() {
        true => Cow::Borrowed(REDACTED),
        false => String::from_utf8_lossy(value.as_bytes()),
    }
}

/// A host that is not one stays as it is: it is what the client sent.
fn host_and_port(header: &HeaderValue) -> (Option<Cow<'_, str>>, Option<u16>) {
    let Cow::Borrowed(text) = header_text(header) else { return (Some(header_text(header)), None) };
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address has colons within its brackets.
        Some((host, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    };
    (Some(host).filter(|host| !host.is_empty()).map(Cow::Borrowed), port)
}

fn redacted_url<'a>(url: Cow<'a, str>, redaction: &Redaction) -> Cow<'a, str> {
    match url {
        Cow::Borrowed(url) => redaction.url(url),
        Cow::Owned(url) => Cow::Owned(redaction.url(&url).into_owned()),
    }
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Far more than there are proxies on a way, far less than fits into a header.
const MAX_FORWARDED: usize = 32;
