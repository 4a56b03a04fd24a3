use super::backlog::{Backlog, Content};
use super::sync::{Mutex, MutexGuard};
use super::{Depth, Peek, Queue, QueueError};
use lumberjack_codec::EncodedWindow;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

/// Keeps windows in memory while the peer takes them in time, and in another queue when it does not.
///
/// What a peer that keeps up takes over never touches the disk. What waits longer than
/// [`after`](Self::after), or needs more than [`memory_bytes`](Self::memory_bytes), goes to the store,
/// and so does everything behind it until the store is empty again: the order is kept. Somebody who
/// asks for durability gets it at once; so does everything at a shutdown. A crash loses what is in
/// memory.
///
/// ```
/// use logstash_handler::queue::{MemoryQueue, OnBacklog};
/// use std::time::Duration;
///
/// # let store = MemoryQueue::new();
/// // The store is a `SledQueue`, as a rule.
/// let queue = OnBacklog::new(store).memory_bytes(16 * 1024 * 1024).after(Duration::from_millis(500));
/// ```
#[derive(Debug)]
pub struct OnBacklog<Q> {
    store: Q,
    memory_bytes: u64,
    after: Duration,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    backlog: Backlog,
    /// The store has what is to be delivered next; memory is empty then.
    is_in_store: bool,
    /// Its windows move to the store right now, where they are not to be looked for until all are there.
    is_moving: bool,
    /// Events that left the front of memory since then.
    left: u64,
}

impl<Q: Queue> OnBacklog<Q> {
    /// Memory before a store; what is in the store already is delivered first.
    pub fn new(store: Q) -> Self {
        let memory = Memory { is_in_store: store.depth().events > 0, ..Memory::default() };
        Self {
            store,
            memory_bytes: 8 * 1024 * 1024,
            after: Duration::from_secs(1),
            memory: Mutex::new(memory),
        }
    }

    /// Encoded bytes that may be in memory. Default: 8 MiB.
    #[must_use]
    pub const fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// How long a window may be in memory. Default: 1 s.
    #[must_use]
    pub const fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the next windows go. Goes back to memory when the store is empty, and to the store when that
    /// has something that others have left.
    fn is_in_store(&self) -> bool {
        let mut memory = self.memory();
        if memory.is_moving {
            return false;
        }
        let is_empty = self.store.depth().events == 0;
        if memory.is_in_store && is_empty {
            memory.is_in_store = false;
        } else if !is_empty && memory.backlog.depth().events == 0 {
            memory.is_in_store = true;
        }
        memory.is_in_store
    }

    /// Moves everything from memory to the store. Only the writer thread does that.
    ///
    /// The sender goes on with what is in memory meanwhile, and is never made to wait for the disk.
    fn move_to_store(&self) -> Result<(), QueueError> {
        if self.is_in_store() {
            return Ok(());
        }
        let (windows, skip) = {
            let mut memory = self.memory();
            (memory.left, memory.is_moving) = (0, true);
            let all = memory.backlog.front(usize::MAX, usize::MAX);
            let content = |window: &super::backlog::Stored| match &window.content {
                Content::InMemory(content) => Some((content.clone(), window.at)),
                Content::OnDisk | Content::Lost | Content::Sealed { .. } => None,
            };
            (all.filter_map(content).collect::<Vec<_>>(), memory.backlog.skip())
        };
        let mut moving = Moving { queue: self, events: 0, skip };
        for (window, at) in windows {
            let events = u64::from(window.events());
            self.store.append(&[window], at)?;
            moving.events += events;
        }
        moving.end();
        Ok(())
    }

    /// How long the oldest window may still stay in memory.
    fn overdue_in(&self) -> Option<Duration> {
        let oldest = self.memory().backlog.depth().oldest?;
        // A clock that was set back makes it wait once more.
        Some(self.after.saturating_sub(oldest.elapsed().unwrap_or_default()))
    }
}

/// Windows of memory that the store has as well.
struct Moving<'a, Q: Queue> {
    queue: &'a OnBacklog<Q>,
    /// How many events the store has of them; it has nothing else.
    events: u64,
    /// How many had left memory before.
    skip: u64,
}

impl<Q: Queue> Moving<'_, Q> {
    /// They are in the store only.
    fn end(mut self) {
        let mut memory = self.queue.memory();
        let (left, moved) = (self.skip + memory.left, std::mem::take(&mut self.events));
        if moved > 0 {
            // No more than a note in memory, as the contract has it.
            self.queue.store.advance(left.min(moved));
            memory.is_in_store = true;
        }
        memory.backlog.advance(u64::MAX);
    }
}

impl<Q: Queue> Drop for Moving<'_, Q> {
    /// Unless it came to its end, they are in memory only, and are moved another time.
    fn drop(&mut self) {
        let mut memory = self.queue.memory();
        memory.is_moving = false;
        self.queue.store.advance(self.events);
    }
}

impl<Q: Queue> Queue for OnBacklog<Q> {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        let bytes: u64 = windows.iter().map(|window| window.bytes().len() as u64).sum();
        if !self.is_in_store() {
            let mut memory = self.memory();
            if memory.backlog.bytes() + bytes <= self.memory_bytes {
                for window in windows.iter().filter(|window| window.events() > 0) {
                    memory.backlog.append(window.clone(), 0, at);
                }
                return Ok(());
            }
            drop(memory);
            self.move_to_store()?;
        }
        self.store.append(windows, at)?;
        self.memory().is_in_store = true;
        Ok(())
    }

    fn sync(&self) -> Result<(), QueueError> {
        self.move_to_store()?;
        self.store.sync()
    }

    fn commit(&self) -> Result<bool, QueueError> {
        if self.is_in_store() { self.store.commit() } else { Ok(self.memory().backlog.depth().events == 0) }
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        if !self.is_in_store() {
            let memory = self.memory();
            if !memory.is_in_store {
                let windows =
                    memory.backlog.front(max_windows, max_bytes).filter_map(|window| match &window.content {
                        Content::InMemory(content) => Some(content.clone()),
                        Content::OnDisk | Content::Lost | Content::Sealed { .. } => None,
                    });
                // Less than the events of a window, whose count is a u32.
                let skip = memory.backlog.skip() as u32;
                return Ok(Peek { windows: windows.collect(), skip, damaged: 0 });
            }
        }
        self.store.peek(max_windows, max_bytes)
    }

    fn advance(&self, events: u64) {
        let mut memory = self.memory();
        if memory.is_in_store {
            return self.store.advance(events);
        }
        let before = memory.backlog.depth().events;
        memory.backlog.advance(events);
        memory.left += before - memory.backlog.depth().events;
    }

    fn expire(&self, before: SystemTime) -> u64 {
        let mut memory = self.memory();
        if memory.is_in_store {
            return self.store.expire(before);
        }
        let expired = memory.backlog.expire(before, u64::MAX);
        memory.left += expired;
        expired
    }

    fn maintain(&self) -> Result<(), QueueError> {
        if self.overdue_in().is_some_and(|left| left.is_zero()) {
            self.move_to_store()?;
        }
        self.store.maintain()
    }

    fn maintain_in(&self) -> Option<Duration> {
        self.overdue_in().into_iter().chain(self.store.maintain_in()).min()
    }

    fn adopt(&self, found: &mut dyn FnMut(u64) -> Result<(), QueueError>) -> Result<(), QueueError> {
        self.store.adopt(&mut |events| {
            // What is in memory comes first.
            self.move_to_store()?;
            found(events)
        })
    }

    fn reports(&self) -> Vec<String> {
        self.store.reports()
    }

    fn depth(&self) -> Depth {
        let memory = self.memory();
        let store = self.store.depth();
        if memory.is_in_store {
            store
        } else {
            Depth { bytes_on_disk: store.bytes_on_disk, ..memory.backlog.depth() }
        }
    }

    fn max_bytes(&self) -> Option<u64> {
        self.store.max_bytes()
    }

    fn is_persistent(&self) -> bool {
        self.store.is_persistent()
    }

    /// The store alone: nobody delivers from memory there.
    fn in_forked_child(&self) -> Result<Box<dyn Queue>, QueueError> {
        self.store.in_forked_child()
    }

    fn close(&self, timeout: Duration) {
        self.store.close(timeout);
    }
}
