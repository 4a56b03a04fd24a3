//! What the formatters write, read back by another JSON library.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[cfg(feature = "tower")]
mod access_log;
#[cfg(feature = "serde")]
mod config;
mod documents;
mod ecs;
mod golden;
mod http;
mod limits;
#[cfg(feature = "log")]
mod log;
mod names;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod panics;
mod properties;
mod rig;
mod rules;
#[cfg(feature = "tracing")]
mod spans;
mod tags;
#[cfg(feature = "tracing")]
mod tracing;
mod unique;
mod values;
