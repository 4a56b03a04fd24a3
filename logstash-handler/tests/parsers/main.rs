//! Tests of what the relay makes of the bytes it receives, without sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "relay")]

mod framing;
mod pickle;
mod syslog;
