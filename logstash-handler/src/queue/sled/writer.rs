use super::generation::{Failure, Generation};
use super::{Durability, SledQueue, record};
use crate::queue::backlog::Content;
use crate::queue::memory::check_room;
use crate::queue::{QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The side of a [`SledQueue`] that changes the store.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Something was appended since the last sync.
    unsynced: bool,
    /// Since when something waits in the kernel for an `fdatasync`.
    in_kernel_since: Option<Instant>,
    /// When the database was opened again the last time.
    opened_again: Option<Instant>,
    /// When the cursor was put on disk the last time.
    pub(super) cursor_synced: Option<Instant>,
    /// Windows below this number may be removed: on disk, too, the cursor is past them.
    removable: u64,
}

impl SledQueue {
    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cannot_store(&self, window: &EncodedWindow) -> QueueError {
        let (path, bytes, encoding) = (self.directory.display(), window.bytes().len(), window.encoding());
        QueueError::new(
            QueueErrorKind::Misconfigured,
            format!("queue {path} has no format for a window of {bytes} bytes, encoded as {encoding:?}"),
        )
    }
}

impl Writer {
    pub(super) fn append(
        &mut self,
        queue: &SledQueue,
        windows: &[EncodedWindow],
        at: SystemTime,
    ) -> Result<(), QueueError> {
        let (end, held) = {
            let state = queue.state();
            (state.backlog.end(), state.backlog.bytes())
        };
        check_room(windows, held, queue.options.max_bytes)?;
        let generation = self.generation(queue)?;
        let at = record::stored_time(at);
        let windows = || windows.iter().filter(|window| window.events() > 0);
        let mut event = end.event;
        let records = windows().map(|window| {
            let first_event = event;
            event += u64::from(window.events());
            record::encode(window, first_event, at).ok_or_else(|| queue.cannot_store(window))
        });
        // All of them before the first is stored.
        let records = records.collect::<Result<Vec<_>, _>>()?;
        for (number, values) in (end.window..).zip(records) {
            let inserted = generation.insert(number, values);
            inserted.map_err(|failure| self.failed(queue, "store a window", failure))?;
        }
        let mut state = queue.state();
        for window in windows() {
            let parts = record::parts(window.bytes().len() as u64).unwrap_or(u16::MAX);
            state.backlog.append(window.clone(), parts, at);
        }
        drop(state);
        self.unsynced = true;
        // The windows are in the queue; what failed here is met again by the next call.
        let _ = self.remove_done(queue, &generation, REMOVALS_PER_APPEND);
        Ok(())
    }

    pub(super) fn sync(&mut self, queue: &SledQueue) -> Result<(), QueueError> {
        if !self.unsynced {
            return Ok(());
        }
        let generation = self.generation(queue)?;
        let end = queue.state().backlog.end();
        generation.flush().map_err(|failure| self.failed(queue, "flush", failure))?;
        self.in_kernel_since.get_or_insert_with(Instant::now);
        self.put_on_disk(queue, &generation)?;
        self.unsynced = false;

        let mark = {
            let mut state = queue.state();
            let first = state.synced.window;
            state.synced = end;
            state.backlog.release_down_to(queue.options.cache_bytes, first);
            state.mark()
        };
        queue.write_cursor(mark);
        Ok(())
    }

    pub(super) fn maintain(&mut self, queue: &SledQueue) -> Result<(), QueueError> {
        let generation = self.generation(queue)?;
        if queue.options.durability != Durability::Flush {
            self.put_on_disk(queue, &generation)?;
        }
        if queue.cursor.is_behind() {
            let mark = queue.state().mark();
            queue.cursor.write(mark).map_err(|cause| self.cursor_failed(queue, cause))?;
        }
        let removals = queue.state().done.len();
        let is_due = self.cursor_synced.is_none_or(|at| at.elapsed() >= CURSOR_SYNC);
        if removals >= MANY_REMOVALS || (removals > 0 && is_due) {
            let head = queue.cursor.sync().map_err(|cause| self.cursor_failed(queue, cause))?;
            self.removable = head.window;
            self.cursor_synced = Some(Instant::now());
        }
        self.remove_done(queue, &generation, REMOVALS_PER_MAINTAIN)
    }

    /// The open database; opens it again if it died, at most once per second.
    fn generation(&mut self, queue: &SledQueue) -> Result<Arc<Generation>, QueueError> {
        if let Some(generation) = queue.generation().clone() {
            return Ok(generation);
        }
        if self.opened_again.is_some_and(|at| at.elapsed() < OPEN_AGAIN) {
            let path = queue.directory.display();
            let message = format!("store of queue {path} failed, and is opened again in a second at most");
            return Err(queue.unavailable(message));
        }
        self.opened_again = Some(Instant::now());
        let generation = Generation::open(&super::only_generation(&queue.directory)?)?;
        restore(queue, &generation).map_err(|failure| self.failed(queue, "store again", failure))?;
        let generation = Arc::new(generation);
        *queue.generation() = Some(Arc::clone(&generation));
        Ok(generation)
    }

    /// Does the `fdatasync` that is due by the durability of the queue.
    fn put_on_disk(&mut self, queue: &SledQueue, generation: &Generation) -> Result<(), QueueError> {
        let Some(since) = self.in_kernel_since else { return Ok(()) };
        let is_due = match queue.options.durability {
            Durability::Flush => true,
            Durability::Interval(interval) => since.elapsed() >= interval,
            Durability::Os => false,
        };
        if is_due {
            let synced = generation.sync_data().map_err(Failure::Disk);
            synced.map_err(|failure| self.failed(queue, "sync", failure))?;
            self.in_kernel_since = None;
        }
        Ok(())
    }

    /// Removes windows that are done from the store.
    fn remove_done(
        &mut self,
        queue: &SledQueue,
        generation: &Generation,
        limit: usize,
    ) -> Result<(), QueueError> {
        for _ in 0..limit {
            let next = queue.state().done.front().copied();
            let Some((number, parts)) = next.filter(|&(number, _)| number < self.removable) else {
                return Ok(());
            };
            let removed = generation.remove(number, parts);
            removed.map_err(|failure| self.failed(queue, "remove a window", failure))?;
            queue.state().done.pop_front();
        }
        Ok(())
    }

    /// Declares the database dead.
    fn failed(&mut self, queue: &SledQueue, what: &str, failure: Failure) -> QueueError {
        let path = queue.directory.display();
        let message = format!("queue {path} could not {what}");
        queue.abandon_generation();
        queue.unavailable(message).caused_by(failure)
    }

    fn cursor_failed(&self, queue: &SledQueue, cause: std::io::Error) -> QueueError {
        let path = queue.directory.display();
        let message = format!("cursor of queue {path} could not be written; events repeat after a restart");
        QueueError::new(QueueErrorKind::Unavailable, message).caused_by(cause)
    }
}

/// Makes a database that was opened again hold what memory says is in the queue.
fn restore(queue: &SledQueue, generation: &Generation) -> Result<(), Failure> {
    let (end, unsynced) = {
        let state = queue.state();
        let unsynced: Vec<_> = state
            .backlog
            .from(state.synced.window)
            .filter_map(|window| match &window.content {
                Content::InMemory(content) => {
                    Some((window.number, content.clone(), window.first_event, window.at))
                }
                Content::OnDisk | Content::Lost => None,
            })
            .collect();
        (state.backlog.end(), unsynced)
    };
    // What an append that failed has left.
    generation.remove_from(end.window)?;
    for (number, content, first_event, at) in unsynced {
        if let Some(values) = record::encode(&content, first_event, at) {
            generation.insert(number, values)?;
        }
    }
    Ok(())
}

const OPEN_AGAIN: Duration = Duration::from_secs(1);
/// The cursor must be on disk before the windows it has passed are removed there; a power cut that
/// undid only the cursor would make them look lost.
const CURSOR_SYNC: Duration = Duration::from_secs(1);
/// So many windows that are done make it worthwhile sooner.
const MANY_REMOVALS: usize = 256;
const REMOVALS_PER_APPEND: usize = 64;
const REMOVALS_PER_MAINTAIN: usize = 1_024;
