//! The queues: one suite for all of them, and what only the one on disk must stand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod model;
mod on_backlog;
mod support;

#[cfg(feature = "sled")]
mod child;
#[cfg(feature = "sled")]
mod crash;
#[cfg(feature = "sled")]
mod cursor;
#[cfg(feature = "sled")]
mod damage;
#[cfg(feature = "sled")]
mod disk;
#[cfg(all(feature = "sled", target_os = "linux"))]
mod full;
#[cfg(all(feature = "sled", unix))]
mod inspect;
#[cfg(all(feature = "sled", unix))]
mod lock;
#[cfg(all(feature = "sled", target_os = "linux"))]
mod mounted;
#[cfg(feature = "sled")]
mod old_layout;
#[cfg(all(feature = "sled", unix))]
mod places;
