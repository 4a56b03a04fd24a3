//! Keeps the panics of a queue away from the threads that use it.

use super::{Depth, Peek, Queue, QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

/// A queue whose panics are errors: the call failed, and is tried again like any other that failed.
pub(crate) struct Contained(Box<dyn Queue>);

impl Contained {
    pub(crate) fn new(queue: Box<dyn Queue>) -> Self {
        Self(queue)
    }

    fn attempt<T>(&self, call: impl FnOnce(&dyn Queue) -> Result<T, QueueError>) -> Result<T, QueueError> {
        catch_unwind(AssertUnwindSafe(|| call(&*self.0)))
            .unwrap_or_else(|_| Err(QueueError::new(QueueErrorKind::Unavailable, "the queue panicked")))
    }

    /// For calls that have no way to fail.
    fn attempt_or_default<T: Default>(&self, call: impl FnOnce(&dyn Queue) -> T) -> T {
        catch_unwind(AssertUnwindSafe(|| call(&*self.0))).unwrap_or_default()
    }
}

impl Queue for Contained {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        self.attempt(|queue| queue.append(windows, at))
    }

    fn sync(&self) -> Result<(), QueueError> {
        self.attempt(|queue| queue.sync())
    }

    fn commit(&self) -> Result<bool, QueueError> {
        self.attempt(|queue| queue.commit())
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        self.attempt(|queue| queue.peek(max_windows, max_bytes))
    }

    fn advance(&self, events: u64) {
        self.attempt_or_default(|queue| queue.advance(events));
    }

    fn expire(&self, before: SystemTime) -> u64 {
        self.attempt_or_default(|queue| queue.expire(before))
    }

    fn maintain(&self) -> Result<(), QueueError> {
        self.attempt(|queue| queue.maintain())
    }

    fn maintain_in(&self) -> Option<Duration> {
        self.attempt_or_default(|queue| queue.maintain_in())
    }

    fn adopt(&self, found: &mut dyn FnMut(u64) -> Result<(), QueueError>) -> Result<(), QueueError> {
        self.attempt(|queue| queue.adopt(found))
    }

    fn reports(&self) -> Vec<String> {
        self.attempt_or_default(|queue| queue.reports())
    }

    fn depth(&self) -> Depth {
        self.attempt_or_default(|queue| queue.depth())
    }

    fn max_bytes(&self) -> Option<u64> {
        self.attempt_or_default(|queue| queue.max_bytes())
    }

    fn in_forked_child(&self) -> Result<Box<dyn Queue>, QueueError> {
        self.attempt(|queue| queue.in_forked_child())
    }

    fn is_persistent(&self) -> bool {
        self.attempt_or_default(|queue| queue.is_persistent())
    }

    fn close(&self, timeout: Duration) {
        self.attempt_or_default(|queue| queue.close(timeout));
    }
}
