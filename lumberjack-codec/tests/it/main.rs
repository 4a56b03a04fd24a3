//! The tests of the crate, in one binary.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod captures;
mod client;
mod collector;
mod data;
mod decoder;
mod defaults;
mod encode;
mod encoded_window;
mod errors;
mod examples;
#[cfg(feature = "tokio-util")]
mod frame_codec;
mod pacing;
mod properties;
mod scenarios;
mod server;
mod traps;
#[cfg(feature = "testing")]
mod two_peers;
mod vectors;
