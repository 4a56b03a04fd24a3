//! Tests of the program `logstash-relay`, as it is run from a shell.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "relay")]

mod lines;
mod manual;
mod program;
mod queue;
mod send;
