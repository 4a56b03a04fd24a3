use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Where events end: counted if it is open, held up for good if it is not.
pub(crate) struct Gate {
    is_open: bool,
    passed: AtomicU64,
}

impl Gate {
    pub(crate) const fn new(is_open: bool) -> Self {
        Self { is_open, passed: AtomicU64::new(0) }
    }

    pub(crate) fn pass(&self, events: u64) {
        while !self.is_open {
            thread::park();
        }
        self.passed.fetch_add(events, Ordering::Release);
    }

    /// Waits until so many events have passed since the start.
    pub(crate) fn wait_for(&self, events: u64) {
        while self.passed.load(Ordering::Acquire) < events {
            thread::sleep(Duration::from_micros(200));
        }
    }
}
