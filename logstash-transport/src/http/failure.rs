//! What an error of the library means.

use super::resolver;
use crate::error::{ErrorKind, TransportError, error_chain};
use crate::stream;
use std::error::Error;
use std::io;

/// Whether a connection ended, as opposed to one that was never made or that is slow.
pub(super) fn is_lost(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_timeout() && !error.is_connect()
}

/// The error for a request without an answer; `text` says what was being done.
pub(super) fn explain(error: reqwest::Error, text: String) -> TransportError {
    let (kind, advice) = meaning(&error);
    // The URL of the library's error would show the query.
    let advice = advice.unwrap_or_else(|| answer_advice(&error));
    TransportError::new(kind, text).advise(advice).caused_by(error.without_url())
}

fn meaning(error: &reqwest::Error) -> (ErrorKind, Option<&'static str>) {
    if error.is_builder() {
        return (ErrorKind::Misconfigured, None);
    }
    if error.is_connect()
        && let Some(advice) = proxy_advice(&error_chain(error))
    {
        return (ErrorKind::Misconfigured, Some(advice));
    }
    tls(error).unwrap_or_else(|| (ErrorKind::Unavailable, connect_advice(error)))
}

/// What to do about a peer that was reached, but does not answer as it should.
fn answer_advice(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "see whether the peer is overloaded, and whether HttpTransport::request_timeout is long enough"
    } else {
        "see the log of the peer, and whether it speaks HTTP on this port, without TLS or with (https)"
    }
}

/// What to do where a proxy refuses; the library has no types for what it says.
fn proxy_advice(text: &str) -> Option<&'static str> {
    const CREDENTIALS: &str = "compare the user and the password with those of the proxy";
    let rules = [
        ("proxy authorization required", CREDENTIALS),
        ("SOCKS error: credentials not accepted", CREDENTIALS),
        ("SOCKS error: server does not support user/pass", CREDENTIALS),
        ("SOCKS error: server implements authentication incorrectly", CREDENTIALS),
        ("SOCKS error: connection not allowed", "have the proxy allow connections to that peer"),
        ("SOCKS error: command not supported", "look for a proxy that connects, and to such addresses"),
        ("SOCKS error: address type not supported", "look for a proxy that connects, and to such addresses"),
    ];
    rules.iter().find(|(sign, _)| text.contains(sign)).map(|(_, advice)| *advice)
}

/// What to do where no connection comes about.
fn connect_advice(error: &reqwest::Error) -> Option<&'static str> {
    if !error.is_connect() {
        return None;
    }
    let causes = || std::iter::successors(error.source(), |cause| Error::source(*cause));
    if causes().any(<dyn Error>::is::<resolver::Failure>) {
        return Some(stream::RESOLVE_ADVICE);
    }
    let kind = causes().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    Some(stream::connect_advice(kind.unwrap_or(io::ErrorKind::Other)))
}

/// What TLS has to say to it, if anything.
#[cfg(feature = "tls")]
fn tls(error: &reqwest::Error) -> Option<(ErrorKind, Option<&'static str>)> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<native_tls::Error>() {
            return Some((crate::tls::kind(error), crate::tls::advice(&error.to_string())));
        }
        if let Some(error) = error.downcast_ref::<io::Error>()
            && crate::tls::is_refusal(error)
        {
            return Some((ErrorKind::Misconfigured, crate::tls::advice(&error.to_string())));
        }
        cause = error.source();
    }
    None
}

#[cfg(not(feature = "tls"))]
fn tls(_: &reqwest::Error) -> Option<(ErrorKind, Option<&'static str>)> {
    None
}
