//! The books that the threads of a handler keep together, and where they wait for each other.

use crate::stats::{ConnectionState, DropReason, Drops};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// Where every event is, from the moment it leaves the arena.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
    changed: Condvar,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// Events that were turned away before they reached the arena.
    pub(crate) turned_away: u64,
    pub(crate) recovered: u64,
    pub(crate) in_writer: u64,
    pub(crate) queued: u64,
    pub(crate) acknowledged: u64,
    pub(crate) dropped: Drops,
    /// Events that the writer took from the arena.
    pub(crate) taken: u64,
    /// Those of them that are stored durably, or dropped; they are so in order.
    pub(crate) stored: u64,
    /// Events that are or were in the queue for the sender to see, recovered ones among them.
    pub(crate) appended: u64,
    /// Events that left the queue, in order. May run ahead of `appended` for a moment.
    pub(crate) left_queue: u64,
    pub(crate) connection: ConnectionState,
    pub(crate) failures: u64,
    pub(crate) last_error: Option<(String, SystemTime)>,
    pub(crate) writer_ended: bool,
    pub(crate) sender_ended: bool,
    /// The sender is asked to try now instead of waiting its backoff out.
    pub(crate) hurried: bool,
    pub(crate) stopping: bool,
}

impl Books {
    /// Events that the sender finds in the queue.
    pub(crate) const fn to_send(&self) -> u64 {
        self.appended.saturating_sub(self.left_queue)
    }

    /// Events leave the front of the queue.
    pub(crate) fn leave_queue(&mut self, events: u64) {
        self.queued = self.queued.saturating_sub(events);
        self.left_queue += events;
    }

    /// Events of the queue are given up.
    pub(crate) fn drop_queued(&mut self, events: u64, reason: DropReason) {
        self.leave_queue(events);
        self.dropped.add(reason, events);
    }

    pub(crate) fn failed(&mut self, error: String) {
        self.failures += 1;
        self.last_error = Some((error, SystemTime::now()));
    }
}

impl Ledger {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Books> {
        // The books are right after every statement, so a panic elsewhere does not spoil them.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the books and wakes whoever waits for them.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `condition` holds, at most until `deadline`; tells whether it holds.
    pub(crate) fn wait_until(
        &self,
        deadline: Option<Instant>,
        mut condition: impl FnMut(&Books) -> bool,
    ) -> bool {
        let mut books = self.lock();
        while !condition(&books) {
            books = match deadline {
                None => self.changed.wait(books).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.changed.wait_timeout(books, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }
}
