//! Tests of the transports, over real sockets.

mod batch;
#[cfg(all(feature = "beats", feature = "testing"))]
mod beats;
mod endpoint;
