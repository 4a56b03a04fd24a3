//! Tests of the transports, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
#[cfg(all(feature = "beats", feature = "testing"))]
mod beats;
mod endpoint;
