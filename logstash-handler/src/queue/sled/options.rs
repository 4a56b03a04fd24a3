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
    pub(super) min_free_bytes: u64,
    pub(super) generation_bytes: u64,
}

impl SledOptions {
    /// 1 GiB, 64 MiB of the disk left free, durable on each sync, 4 MiB of cache.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_bytes: 1 << 30,
            durability: Durability::Flush,
            cache_bytes: 4 << 20,
            min_free_bytes: 64 << 20,
            generation_bytes: 16 << 20,
        }
    }

    /// Bytes that the directory takes on disk at most, with everything in it. Default: 1 GiB.
    ///
    /// The encoded bytes of the windows are held to it as well. Of the disk the store needs 48 MiB in
    /// any case; with less than that only the encoded bytes are limited. Of several processes that share
    /// the directory each measures all of it once per second.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Bytes that are left free on the file system. Default: 64 MiB.
    ///
    /// When there is less, the queue is [`Full`](crate::queue::QueueErrorKind::Full); it is drained all
    /// the same, and takes windows again when there is room. With 0 it uses all there is.
    #[must_use]
    pub const fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.min_free_bytes = bytes;
        self
    }

    /// Bytes on disk after which a new generation of the store is begun; the old one is deleted as soon
    /// as it is delivered. Default: 16 MiB, or an eighth of [`max_bytes`](Self::max_bytes) where that is
    /// less.
    ///
    /// Smaller ones give the disk back sooner and take less memory; each costs some milliseconds.
    #[must_use]
    pub const fn generation_bytes(mut self, bytes: u64) -> Self {
        self.generation_bytes = bytes;
        self
    }

    /// What survives which crash. Default: [`Durability::Flush`].
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Encoded bytes of windows that are kept in memory, so that they need not be read back.
    /// Default: 4 MiB.
    ///
    /// Windows that are not synced yet stay in memory in any case.
    #[must_use]
    pub const fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Opens the queue in a directory, which is created if it is not there.
    ///
    /// Reads and checks the generation that was written last; the others are read when they are due.
    ///
    /// A store that is damaged is set aside, and what can be read of it is delivered: that is no error,
    /// see [`SledQueue`].
    ///
    /// # Errors
    ///
    /// Of kind [`Locked`](crate::queue::QueueErrorKind::Locked) when another process keeps the directory
    /// locked, [`Misconfigured`](crate::queue::QueueErrorKind::Misconfigured) when it cannot be created
    /// or written or holds a newer format, [`Full`](crate::queue::QueueErrorKind::Full) when the disk has
    /// no room for its files, [`Unavailable`](crate::queue::QueueErrorKind::Unavailable) when the disk
    /// failed.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SledQueue, QueueError> {
        SledQueue::with_options(path.as_ref(), self, false)
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
/// | `Os` | all that was synced survives | what the kernel had not written may be lost |
///
/// What is lost in a power cut lies in that stretch at the end of the queue. Where the disk had some of
/// it already, that survives, and the gaps between are counted as damaged.
///
/// In all of them an advance survives when the process is killed. A power cut may undo those since the
/// last call of [`maintain`](crate::queue::Queue::maintain), and of one second; with `Os` those since the
/// kernel wrote its pages, about half a minute. That repeats events and loses none.
///
/// In configuration files (feature `serde`): `"flush"`, `{ interval = "1 s" }` or `"os"`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
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
    /// in the last interval, plus the time until the next call of
    /// [`sync`](crate::queue::Queue::sync) or [`maintain`](crate::queue::Queue::maintain), which the
    /// writer of a handler makes in time.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::duration"))]
    Interval(Duration),
    /// Handed to the kernel before `sync` returns; only a generation that is full is put on the disk.
    ///
    /// A killed process loses nothing that was synced. A power cut may lose what the kernel did not
    /// write by itself: about half a minute, and at most one generation.
    Os,
}
