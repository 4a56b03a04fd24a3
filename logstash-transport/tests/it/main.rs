//! Tests of the transports, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
#[cfg(all(feature = "beats", feature = "testing"))]
mod beats;
#[cfg(all(unix, any(feature = "file", feature = "stdout")))]
mod child;
mod endpoint;
#[cfg(feature = "file")]
mod file;
#[cfg(all(unix, feature = "stdout"))]
mod stdout;
