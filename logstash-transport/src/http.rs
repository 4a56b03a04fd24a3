mod body;

mod client;
use client::{Answer, Client, Failure};

mod connect;

mod failure;

mod options;
pub use options::HttpBody;
use options::Options;

mod resolver;

mod status;
use status::Verdict;

use crate::batch::Batch;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::stream::{ConnectionOptions, Connector};
use crate::transport::Transport;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::LOCATION;
use std::time::Instant;

/// Delivers in the bodies of HTTP requests: an event counts when the answer to its request has come.
///
/// Peers: Logstash's http input, and whatever takes JSON by POST.
///
/// # What "acknowledged" means
///
/// The status line of the answer says so: any 2xx, or one of
/// [`expected_statuses`](Self::expected_statuses). All events of the request are then with the peer,
/// in its memory or, where Logstash has a persistent queue, on its disk. What the body of the answer
/// says, and whether it arrives, does not matter.
///
/// Nothing is lost on the way. Events are repeated when the answer to their request is lost: because
/// the connection ends, or because [`request_timeout`](Self::request_timeout) passes, after the peer
/// has taken them over.
///
/// # Answers and errors
///
/// | status or error | [`ErrorKind`] | |
/// | --- | --- | --- |
/// | 2xx | | delivered |
/// | 400, 422 | `Rejected` | the events at fault are narrowed down by the caller |
/// | 413 | | half of the body is tried, and so on; `Rejected` when one event alone is too large |
/// | 429, 503, 507 | `Throttled` | with the pause of `Retry-After`, in seconds or as a date; at most an hour |
/// | 408, 425, 500, 502, 504, other 5xx | `Unavailable` | `Throttled` where there is a `Retry-After` |
/// | 3xx | `Misconfigured` | not followed: a redirected POST loses its body; the message names the target |
/// | 401, 403, 404, 405, 407, 415, other 4xx, 501, 505, 511, a 2xx that is not expected | `Misconfigured` | |
/// | the name cannot be resolved, the connection is refused, reset or closed, a timeout, no HTTP | `Unavailable` | |
/// | the certificate is refused, by either side; a proxy wants other credentials | `Misconfigured` | |
/// | an event without content, or larger than [`max_body_bytes`](Self::max_body_bytes) | `Rejected` | not sent |
///
/// # Connections
///
/// One connection is kept from request to request. One that the peer has closed in the meantime is
/// replaced at once, without an error. The HTTP library works on a runtime of its own on the calling
/// thread, only while a request is under way; nothing of it runs in the background of the application.
/// Proxies of the environment are not used, only [`proxy`](Self::proxy).
///
/// ```no_run
/// use logstash_transport::{Batch, HttpTransport, Transport};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut transport = HttpTransport::new("http://user:secret@logstash.example:8080/app")?.gzip_level(6);
/// transport.send(&mut Batch::from_events([r#"{"message":"one"}"#]))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct HttpTransport {
    connector: Connector,
    options: Options,
    interrupt: Interrupt,
    client: Option<Client>,
    /// Over a connection that the client still holds.
    last_answer: Option<Instant>,
    /// Bytes of a body that the peer may take, from what it has refused.
    learned_limit: usize,
}

impl HttpTransport {
    /// A transport to `http://host:port/path` or `https://…`; `host` and `host:port` mean `http`.
    ///
    /// A user name and password in the address are sent as basic authentication. Does not connect.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read, or wants TLS without the feature `tls`.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse_as_one_of(address, Scheme::Http, &[Scheme::Https])?;
        endpoint.check_encryption()?;
        Ok(Self::to(endpoint))
    }

    /// A transport to an endpoint.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Self {
        Self {
            connector: Connector::new(endpoint),
            options: Options::default(),
            interrupt: Interrupt::new(),
            client: None,
            last_answer: None,
            learned_limit: usize::MAX,
        }
    }

    /// How connections are made, in place of what was set before.
    ///
    /// Resolving, connecting and the TLS handshake share the sum of their timeouts;
    /// [`write_timeout`](ConnectionOptions::write_timeout) has no meaning here, see
    /// [`request_timeout`](Self::request_timeout).
    #[must_use]
    pub fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connector.set_options(options);
        self.client = None;
        self
    }

    /// Where the peer is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        self.connector.endpoint()
    }

    /// How many of the events go into the next body, by the limits and by what the peer refused.
    fn next_body(&self, events: &[Bytes]) -> usize {
        let bytes = self.options.max_body_bytes.min(self.learned_limit);
        body::prefix(events, self.options.body, self.options.max_body_events, bytes)
    }

    /// Delivers some of the leading events; tells how many.
    fn send_some(&mut self, events: &[Bytes]) -> Result<usize, TransportError> {
        let mut count = self.next_body(events);
        loop {
            let part = &events[..count];
            self.check(part)?;
            let answer = self.exchange(Method::POST, part)?;
            let kind = match status::judge(&answer, &self.options.expected_statuses) {
                Verdict::Accepted => return Ok(count),
                Verdict::TooLarge if count > 1 => {
                    // Half of the events may be a byte more than half of the brackets and commas.
                    self.learned_limit = body::length(part, self.options.body) / 2 + 1;
                    count = self.next_body(part).min(count / 2).max(1);
                    continue;
                }
                Verdict::TooLarge => ErrorKind::Rejected,
                Verdict::Failed(kind) => kind,
            };
            return Err(self.refused(&answer, kind));
        }
    }

    /// Refuses what the peer would misunderstand.
    fn check(&self, events: &[Bytes]) -> Result<(), TransportError> {
        let (length, max) = (body::length(events, self.options.body), self.options.max_body_bytes);
        let text = if events.iter().any(Bytes::is_empty) {
            "an event without content".to_owned()
        } else if length > max {
            format!("an event that makes a body of {length} bytes, where {max} are allowed")
        } else {
            return Ok(());
        };
        Err(TransportError::new(ErrorKind::Rejected, format!("cannot send {text} to {}", self.endpoint())))
    }

    /// Sends one request and waits for its answer.
    ///
    /// A connection that was kept and fails before an answer comes was idle for too long: that is no
    /// failure of the peer, and the next one follows at once.
    fn exchange(&mut self, method: Method, events: &[Bytes]) -> Result<Answer, TransportError> {
        let Options { body, gzip_level, .. } = self.options;
        let body = body::encode(events, body, gzip_level).map_err(|error| {
            TransportError::new(ErrorKind::Unavailable, "cannot compress a body").caused_by(error)
        })?;
        let body = Bytes::from(body);
        let headers = self.options.headers(!body.is_empty(), self.endpoint());
        self.last_answer.take_if(|last| last.elapsed() >= self.options.idle_timeout);
        loop {
            let kept = self.last_answer.take().is_some();
            let client = match self.client.take() {
                // With a new connection, certificates may have changed.
                Some(client) if kept || !self.connector.encrypts() => client,
                _ => connect::client(&mut self.connector, &self.options, &self.interrupt)?,
            };
            let result = client.execute(method.clone(), headers.clone(), body.clone(), &self.interrupt);
            self.client = Some(client);
            match result {
                Ok(answer) => {
                    self.last_answer = Some(Instant::now());
                    return Ok(answer);
                }
                Err(Failure::Http(error)) if kept && failure::is_lost(&error) => {}
                Err(failure) => return Err(self.failed(failure)),
            }
        }
    }

    /// An error for an answer that does not acknowledge.
    fn refused(&self, answer: &Answer, kind: ErrorKind) -> TransportError {
        let status = answer.status;
        let mut text = format!("{} answers {status}", self.endpoint());
        if status.is_redirection() {
            let target = answer.headers.get(LOCATION).and_then(|target| target.to_str().ok());
            text.push_str(", a redirect, which is not followed; its target is ");
            text.push_str(&target.map_or_else(|| "not named".to_owned(), without_secrets));
        } else if status.is_success() {
            text.push_str(", which is none of the expected statuses");
        }
        if !answer.excerpt.is_empty() {
            text.push_str(": ");
            text.push_str(&answer.excerpt);
        }
        TransportError::new(kind, text).advise(status::advice(status))
    }

    /// An error where there is no answer.
    fn failed(&self, failure: Failure) -> TransportError {
        let text = format!("cannot deliver to {}", self.endpoint());
        let unavailable = TransportError::new(ErrorKind::Unavailable, text.clone());
        match failure {
            Failure::Interrupted => unavailable.caused_by("interrupted while waiting for the peer"),
            Failure::Thread(error) => unavailable.caused_by(error),
            Failure::Http(error) => failure::explain(error, text),
        }
    }

    /// Connects as a request would, to see each step of it.
    fn probe_connection(&mut self) -> Result<ProbeReport, TransportError> {
        let connected = match &self.options.proxy {
            None => self.connector.connect(&self.interrupt)?,
            Some(proxy) => {
                let mut to_proxy = Connector::new(proxy.clone());
                to_proxy.set_options(self.connector.options().clone().in_the_open());
                to_proxy.connect(&self.interrupt)?
            }
        };
        Ok(connected.report)
    }
}

impl Transport for HttpTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        let events = batch.remaining().map_err(|error| {
            TransportError::new(ErrorKind::Rejected, "window cannot be read back").caused_by(error)
        })?;
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let count = self.send_some(rest)?;
            batch.acknowledge(count as u64);
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Connects, and then sends a request without events: an empty array or no lines, or `HEAD` where each request is one
    /// event. An answer that says that this is no event is as good as any other.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let mut report = self.probe_connection()?;
        let started = Instant::now();
        let method = if self.options.body == HttpBody::Single { Method::HEAD } else { Method::POST };
        let answer = self.exchange(method, &[]).map_err(|error| error.after(&report))?;
        let takes_no_event = matches!(answer.status.as_u16(), 400 | 405 | 411 | 422);
        match status::judge(&answer, &self.options.expected_statuses) {
            Verdict::Failed(kind) if !takes_no_event => {
                return Err(self.refused(&answer, kind).after(&report));
            }
            _ => report.push("protocol", format!("answers {}", answer.status), started.elapsed()),
        }
        Ok(report)
    }

    fn close(&mut self) {
        self.client = None;
        self.last_answer = None;
        self.learned_limit = usize::MAX;
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}

/// The address of a redirect, without what may be a secret in it: user, password, query and fragment.
fn without_secrets(target: &str) -> String {
    let shown = target.split(['?', '#']).next().unwrap_or_default();
    let (start, rest) = shown.split_at(shown.find("//").map_or(shown.len(), |slashes| slashes + 2));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{start}{host}{path}").chars().take(MAX_TARGET).collect()
}

/// Characters of a redirect's target that are shown.
const MAX_TARGET: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_of_a_redirect_is_shown_without_its_secrets_and_not_endlessly() {
        for (target, shown) in [
            ("https://user:secret@host:8080/in/a?token=secret#x", "https://host:8080/in/a"),
            ("//user:secret@host?token=secret", "//host"),
            ("/login?next=secret", "/login"),
            ("login", "login"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(target), shown);
        }
        assert_eq!(without_secrets(&format!("/{}", "x".repeat(10_000))).len(), MAX_TARGET);
    }
}
