//! The lock of the queues: that of the standard library, and in unit tests one at which threads take turns.

#[cfg(test)]
pub(super) use crate::interleave::{Mutex, MutexGuard};
#[cfg(not(test))]
pub(super) use std::sync::{Mutex, MutexGuard};
