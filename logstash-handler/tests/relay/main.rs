//! Tests of the relay, with real sockets on both sides.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "relay")]

// A link to the tests of logstash-transport, as is redis_server: in a package it is a file of its own.
mod authority;
mod back_pressure;
mod beats;
mod books;
mod config;
mod datagrams;
#[cfg(target_os = "linux")]
mod full;
mod limits;
mod metrics;
#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "no disk is made read-only here")]
#[path = "../queue/mounted.rs"]
mod mounted;
mod outage;
mod probe;
#[cfg(unix)]
mod program;
mod proxy_protocol;
mod python;
#[expect(dead_code, reason = "not all of it is needed here")]
mod redis_server;
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
