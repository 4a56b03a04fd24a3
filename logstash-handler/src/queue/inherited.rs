//! The queue of a handler in a forked child.

use super::{Contained, Depth, Peek, Queue, QueueError};
use lumberjack_codec::EncodedWindow;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// What a queue becomes in a forked child: another one, which is opened with the first append, so that the
/// thread that logs does not wait for the disk.
pub(crate) struct Inherited {
    parent: Arc<Contained>,
    own: OnceLock<Box<dyn Queue>>,
}

impl Inherited {
    pub(crate) fn from(parent: &Arc<Contained>) -> Self {
        Self { parent: Arc::clone(parent), own: OnceLock::new() }
    }

    /// Only the writer thread calls this.
    fn open(&self) -> Result<&dyn Queue, QueueError> {
        if let Some(own) = self.own.get() {
            return Ok(&**own);
        }
        let own = self.parent.in_forked_child()?;
        Ok(&**self.own.get_or_init(|| own))
    }

    fn when_open<T>(&self, otherwise: T, ask: impl FnOnce(&dyn Queue) -> T) -> T {
        self.own.get().map_or(otherwise, |own| ask(&**own))
    }
}

impl Queue for Inherited {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        self.open()?.append(windows, at)
    }

    fn sync(&self) -> Result<(), QueueError> {
        self.when_open(Ok(()), |own| own.sync())
    }

    fn commit(&self) -> Result<bool, QueueError> {
        self.when_open(Ok(true), |own| own.commit())
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        self.when_open(Ok(Peek::default()), |own| own.peek(max_windows, max_bytes))
    }

    fn advance(&self, events: u64) {
        self.when_open((), |own| own.advance(events));
    }

    fn expire(&self, before: SystemTime) -> u64 {
        self.when_open(0, |own| own.expire(before))
    }

    fn maintain(&self) -> Result<(), QueueError> {
        self.when_open(Ok(()), |own| own.maintain())
    }

    fn maintain_in(&self) -> Option<Duration> {
        self.when_open(None, |own| own.maintain_in())
    }

    fn reports(&self) -> Vec<String> {
        self.when_open(Vec::new(), |own| own.reports())
    }

    fn depth(&self) -> Depth {
        self.when_open(Depth::default(), |own| own.depth())
    }

    fn max_bytes(&self) -> Option<u64> {
        self.when_open(None, |own| own.max_bytes())
    }

    fn is_persistent(&self) -> bool {
        self.parent.is_persistent()
    }

    fn close(&self, timeout: Duration) {
        self.when_open((), |own| own.close(timeout));
    }
}
