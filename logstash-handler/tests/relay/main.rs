//! Tests of the relay, with real sockets on both sides.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "relay")]

#[path = "../../../logstash-transport/tests/it/authority.rs"]
mod authority;
mod back_pressure;
mod beats;
mod books;
mod config;
mod datagrams;
mod limits;
mod metrics;
mod probe;
#[cfg(unix)]
mod program;
mod python;
mod reload;
mod routes;
mod streams;
mod support;
mod tls;
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
mod tls_clients;
mod traps;
mod under_load;
mod web;
