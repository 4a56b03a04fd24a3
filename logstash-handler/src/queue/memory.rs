use super::backlog::{Backlog, Content};
use super::sync::{Mutex, MutexGuard};
use super::{Depth, Peek, Queue, QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::sync::PoisonError;
use std::time::SystemTime;

/// A queue in memory: gone when the process is.
///
/// ```
/// use logstash_handler::queue::{MemoryQueue, Queue};
/// use lumberjack_codec::WindowEncoder;
/// use std::time::SystemTime;
///
/// let queue = MemoryQueue::new().max_bytes(1024 * 1024);
/// let window = WindowEncoder::new(3).encode(["{}", "{}"])?;
/// queue.append(&[window], SystemTime::now())?;
///
/// queue.advance(1);
/// assert_eq!(queue.peek(10, 100_000)?.skip, 1);
/// assert_eq!(queue.depth().events, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryQueue {
    max_bytes: u64,
    backlog: Mutex<Backlog>,
}

impl MemoryQueue {
    /// An empty queue of 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self { max_bytes: 64 * 1024 * 1024, backlog: Mutex::default() }
    }

    /// Encoded bytes that the queue holds at most, one window aside that is larger. Default: 64 MiB.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Queue for MemoryQueue {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        let mut backlog = self.backlog();
        check_room(windows, backlog.bytes(), self.max_bytes)?;
        for window in windows.iter().filter(|window| window.events() > 0) {
            backlog.append(window.clone(), 0, at);
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), QueueError> {
        Ok(())
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        let backlog = self.backlog();
        let windows = backlog
            .front(max_windows, max_bytes)
            .filter_map(|window| match &window.content {
                Content::InMemory(content) => Some(content.clone()),
                Content::OnDisk | Content::Lost | Content::Sealed { .. } => None,
            })
            .collect();
        // Less than the events of a window, whose count is a u32.
        Ok(Peek { windows, skip: backlog.skip() as u32, damaged: 0 })
    }

    fn advance(&self, events: u64) {
        self.backlog().advance(events);
    }

    fn expire(&self, before: SystemTime) -> u64 {
        self.backlog().expire(before, u64::MAX)
    }

    fn max_bytes(&self) -> Option<u64> {
        Some(self.max_bytes)
    }

    fn depth(&self) -> Depth {
        self.backlog().depth()
    }
}

/// Refuses windows that would take a queue of `held` bytes above its maximum.
///
/// A single window always fits into an empty queue: refused, it could never be delivered.
pub(super) fn check_room(windows: &[EncodedWindow], held: u64, max_bytes: u64) -> Result<(), QueueError> {
    let bytes: u64 = windows.iter().map(|window| window.bytes().len() as u64).sum();
    let alone = held == 0 && windows.len() == 1;
    if alone || held.saturating_add(bytes) <= max_bytes {
        return Ok(());
    }
    let text =
        format!("queue is full: it holds {held} of at most {max_bytes} bytes, {bytes} more do not fit");
    Err(QueueError::new(QueueErrorKind::Full, text))
}
