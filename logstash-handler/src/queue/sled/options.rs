use super::SledQueue;
use crate::queue::QueueError;
use std::path::Path;
use std::time::Duration;

/// How a [`SledQueue`] is opened.
///
/// ```
/// use logstash_handler::queue::{Durability, SledOptions};
/// use std::time::Duration;
///
/// # let directory = tempfile::tempdir()?;
/// let queue = SledOptions::new()
///     .max_bytes(100 * 1024 * 1024)
///     .durability(Durability::Interval(Duration::from_secs(1)))
///     .open(directory.path().join("log-queue"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SledOptions {
    pub(super) max_bytes: u64,
    pub(super) durability: Durability,
    pub(super) cache_bytes: u64,
}

impl SledOptions {
    /// 1 GiB, durable on each sync, 8 MiB of cache.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_bytes: 1 << 30, durability: Durability::Flush, cache_bytes: 8 << 20 }
    }

    /// Encoded bytes that the queue holds at most. Default: 1 GiB.
    ///
    /// The files take up to about twice as much, and keep what they once took.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// What survives which crash. Default: [`Durability::Flush`].
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Encoded bytes of windows that are kept in memory, so that they need not be read back.
    /// Default: 8 MiB.
    ///
    /// Windows that are not synced yet stay in memory in any case.
    #[must_use]
    pub const fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Opens the queue in a directory, which is created if it is not there.
    ///
    /// Takes time in proportion to what is queued, because all of it is read and checked.
    ///
    /// # Errors
    ///
    /// Of kind [`Locked`](crate::queue::QueueErrorKind::Locked) when another queue has the directory
    /// open, [`Misconfigured`](crate::queue::QueueErrorKind::Misconfigured) when it cannot be created
    /// or written or holds a newer format, [`Damaged`](crate::queue::QueueErrorKind::Damaged) when its
    /// files cannot be read, [`Unavailable`](crate::queue::QueueErrorKind::Unavailable) when the disk
    /// failed.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SledQueue, QueueError> {
        SledQueue::with_options(path.as_ref(), self)
    }
}

impl Default for SledOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What a successful [`Queue::sync`](crate::queue::Queue::sync) of a [`SledQueue`] promises.
///
/// | | the process is killed | power is cut, the kernel panics |
/// | --- | --- | --- |
/// | `Flush` | all that was synced survives | all that was synced survives |
/// | `Interval` | all that was synced survives | the last interval may be lost |
/// | `Os` | all that was synced survives | everything may be lost |
///
/// In all of them an advance survives when the process is killed; a power cut may undo the advances
/// of about the last half minute (as long as the kernel keeps written pages to itself), which
/// repeats events and loses none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Durability {
    /// On the disk before `sync` returns: handed to the kernel, then `fdatasync`.
    ///
    /// A power cut loses nothing that was synced, if the disk keeps what it confirmed.
    #[default]
    Flush,
    /// Handed to the kernel before `sync` returns; `fdatasync` at most once in this time.
    ///
    /// A killed process loses nothing that was synced. A power cut loses at most what was synced
    /// in the last interval, plus the time between two calls of
    /// [`maintain`](crate::queue::Queue::maintain), which makes good for a pause of the events.
    Interval(Duration),
    /// Handed to the kernel before `sync` returns, which never asks the disk for anything.
    ///
    /// A killed process loses nothing that was synced. A power cut may lose everything, or leave a
    /// store that cannot be opened.
    Os,
}
