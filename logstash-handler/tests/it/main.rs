//! Tests of the handler, with real sockets and real threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "beats")]

mod books;
mod bridges;
#[cfg(feature = "serde")]
mod config;
mod delivery;
mod faults;
#[cfg(feature = "metrics")]
mod metrics;
mod outcome;
mod overflow;
mod panic_hook;
#[cfg(feature = "sled")]
mod persistence;
mod shutdown;
mod support;
mod sync_handler;
#[cfg(feature = "testing")]
mod testing;
mod traps;
mod truncation;
