//! Connections over TCP: resolved, connected, through a proxy, encrypted, each step with its deadline.

#![cfg_attr(
    not(any(feature = "beats", feature = "tcp")),
    allow(dead_code, unused_imports, reason = "what a feature brings serves the transports of others")
)]

mod connector;
pub(crate) use connector::{Connected, Connector};

mod dial;
#[cfg(feature = "http")]
pub(crate) use dial::connect_advice;

mod options;
pub use options::ConnectionOptions;

mod proxy;
pub use proxy::Socks5Proxy;

mod socket;
#[cfg(feature = "tls")]
pub(crate) use socket::Socket;
pub(crate) use socket::{Stream, is_pause, is_refusal, refused};

use std::time::{Duration, Instant};

/// What to do about a name without addresses.
pub(crate) const RESOLVE_ADVICE: &str =
    "look for a typing error in the name, and at the name servers of this machine";

/// When a timeout that begins now has passed. One that no clock can show, such as [`Duration::MAX`], is as
/// good as a year.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Instant::now() + timeout.min(YEAR)
}
