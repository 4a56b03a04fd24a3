//! What the formatters write, read back by another JSON library.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod documents;
mod http;
#[cfg(feature = "log")]
mod log;
mod names;
mod properties;
mod rig;
#[cfg(feature = "tracing")]
mod tracing;
mod values;
