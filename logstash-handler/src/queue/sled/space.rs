use super::SledOptions;
use super::damaged;
use super::files;
use crate::queue::{QueueError, QueueErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The room that a queue has on its disk.
#[derive(Debug)]
pub(super) struct Space {
    directory: PathBuf,
    max_bytes: u64,
    min_free_bytes: u64,
    measured: Mutex<Option<Measured>>,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    at: Instant,
    /// Another generation grows now.
    is_stale: bool,
    bytes: u64,
    /// Of these, what the generation took that grew.
    growing: u64,
}

impl Space {
    pub(super) fn new(directory: &Path, options: &SledOptions) -> Self {
        Self {
            directory: directory.to_owned(),
            max_bytes: options.max_bytes,
            min_free_bytes: options.min_free_bytes,
            measured: Mutex::default(),
        }
    }

    /// Measures again if that was not done for a second; `growing` is what the tail takes.
    pub(super) fn measure(&self, growing: u64) {
        if self.measured().is_none_or(|measured| measured.is_stale || measured.at.elapsed() >= EVERY) {
            self.measure_now(growing);
        }
    }

    /// Has it measured again, because the tail is another one.
    pub(super) fn forget(&self) {
        if let Some(measured) = &mut *self.measured() {
            measured.is_stale = true;
        }
    }

    /// Bytes on disk, as they were measured last.
    pub(super) fn on_disk(&self) -> u64 {
        self.measured().map_or(0, |measured| measured.bytes)
    }

    /// Refuses so many more encoded bytes if the disk or the budget has no room for them.
    ///
    /// A window that is all alone is not held to the budget: refused, it could never be delivered.
    pub(super) fn check(&self, bytes: u64, growing: u64, alone: bool) -> Result<(), QueueError> {
        self.measure(growing);
        // What sled may write in addition: to move old values, and segments that it begins.
        let needed = bytes.saturating_mul(2).saturating_add(MARGIN);
        let budget = self.max_bytes.max(LEAST);
        let taken = || self.measured().map_or(0, |it| (it.bytes + growing).saturating_sub(it.growing));
        if !alone && taken().saturating_add(needed) > budget {
            damaged::trim(&self.directory, 0, 0);
            self.measure_now(growing);
            let taken = taken();
            if taken.saturating_add(needed) > budget {
                let path = self.directory.display();
                let text = format!(
                    "queue {path} is full: it takes {taken} of at most {budget} bytes on disk, and keeps {MARGIN} in reserve"
                );
                return Err(QueueError::new(QueueErrorKind::Full, text));
            }
        }
        // Where that is not known, it will be seen whether there is room.
        let Ok(free) = fs4::available_space(&self.directory) else { return Ok(()) };
        if self.min_free_bytes > 0 && free < self.min_free_bytes.saturating_add(bytes.saturating_mul(2)) {
            let (path, reserve) = (self.directory.display(), self.min_free_bytes);
            let text = format!(
                "disk of queue {path} is full: {free} bytes are free, {reserve} are not touched (min_free_bytes)"
            );
            return Err(QueueError::new(QueueErrorKind::Full, text));
        }
        Ok(())
    }

    fn measure_now(&self, growing: u64) {
        let bytes = files::size_on_disk(&self.directory);
        *self.measured() = Some(Measured { at: Instant::now(), is_stale: false, bytes, growing });
    }

    fn measured(&self) -> MutexGuard<'_, Option<Measured>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const EVERY: Duration = Duration::from_secs(1);
/// Four segments of sled.
const MARGIN: u64 = 16 << 20;
/// What an empty queue needs anyway.
pub(super) const LEAST: u64 = 48 << 20;
