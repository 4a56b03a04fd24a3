//! What the threads of a receiver share.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a receiver does with a window that has arrived. Without a step it is kept and acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Keeps the window and acknowledges it.
    Acknowledge,
    /// Keeps the window and acknowledges it after this time; keepalives go out meanwhile.
    Delay(Duration),
    /// Throws the window away and closes the connection: the window is lost on the way.
    DropConnection,
    /// Keeps the window, but closes the connection instead of acknowledging it: the acknowledgement
    /// is lost on the way, and the window will come again.
    KeepAndDrop,
    /// Keeps this many leading events, acknowledges just them, and closes the connection.
    Partial(u32),
    /// Keeps the window and never acknowledges it; keepalives go out as long as the connection lasts.
    Stall,
}

/// Everything that a receiver knows and is told.
#[derive(Debug, Default)]
pub(super) struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) script: VecDeque<Step>,
    pub(super) events: Vec<Bytes>,
    pub(super) received: u64,
    pub(super) acknowledged: u64,
    pub(super) windows: u64,
    pub(super) connections: u64,
    pub(super) open_connections: u64,
    pub(super) hold: bool,
    /// Connections that were opened in an earlier epoch must close.
    pub(super) epoch: u64,
    pub(super) stopped: bool,
}

impl State {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic of a sink must not hide what was received.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something and wakes whoever waits for it.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `condition` holds; tells whether it did in time.
    pub(super) fn wait_until(&self, timeout: Duration, mut condition: impl FnMut(&Inner) -> bool) -> bool {
        let started = Instant::now();
        let mut inner = self.lock();
        while !condition(&inner) {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return false;
            }
            let (guard, _) = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner);
            inner = guard;
        }
        true
    }
}
