//! Tests of the transports, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "tls")]
mod authority;
#[cfg(all(feature = "beats", feature = "testing"))]
mod balance;
mod batch;
#[cfg(all(feature = "beats", feature = "testing"))]
mod beats;
#[cfg(feature = "beats")]
mod beats_faults;
#[cfg(all(feature = "beats", feature = "testing", feature = "tls"))]
mod beats_tls;
#[cfg(all(unix, any(feature = "file", feature = "stdout")))]
mod child;
#[cfg(feature = "serde")]
mod config;
mod discard;
mod endpoint;
#[cfg(all(feature = "beats", feature = "testing"))]
mod failover;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "http")]
mod http;
#[cfg(all(feature = "http", feature = "tls"))]
mod http_proxy;
#[cfg(feature = "http")]
mod http_server;
#[cfg(all(feature = "http", feature = "tls"))]
mod http_tls;
#[cfg(feature = "tcp")]
mod line_receiver;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod redis_server;
#[cfg(all(feature = "redis", feature = "tls"))]
mod redis_tls;
#[cfg(all(feature = "beats", feature = "testing"))]
mod restarts;
#[cfg(all(feature = "beats", feature = "testing"))]
mod socks;
#[cfg(all(unix, feature = "stdout"))]
mod stdout;
mod support;
#[cfg(all(feature = "beats", feature = "testing", feature = "tls"))]
mod switch;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(all(feature = "tcp", feature = "tls"))]
mod tcp_tls;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_matrix;
#[cfg(feature = "tls")]
mod tls_server;
#[cfg(feature = "udp")]
mod udp;
