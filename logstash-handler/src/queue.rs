//! Where windows wait for the peer: the contract, and the implementations.

mod backlog;

mod contained;
pub(crate) use contained::Contained;

mod error;
pub use error::{QueueError, QueueErrorKind};

#[cfg(test)]
mod interleaving;

mod inherited;
pub(crate) use inherited::Inherited;

mod memory;
pub use memory::MemoryQueue;

mod on_backlog;
pub use on_backlog::OnBacklog;

#[cfg(feature = "sled")]
mod sled;
#[cfg(feature = "relay")]
pub(crate) use self::sled::is_queue;
#[cfg(feature = "sled")]
pub use self::sled::{
    DamagedStore, Durability, Inspection, LaneInspection, SledOptions, SledQueue, export, inspect, purge,
};

mod sync;

use lumberjack_codec::EncodedWindow;
use std::time::{Duration, SystemTime};

/// Where windows wait between the writer thread and the sender thread, first in, first out.
///
/// The writer calls [`append`](Self::append), [`commit`](Self::commit), [`sync`](Self::sync) and
/// [`maintain`](Self::maintain),
/// the sender calls [`peek`](Self::peek), [`advance`](Self::advance) and [`expire`](Self::expire);
/// neither waits for the other longer than a lookup in memory takes. What was appended and synced
/// comes back, in order, until it was advanced past: at least once, also after a crash.
pub trait Queue: Send + Sync {
    /// Appends windows at the end: all of them, or none.
    ///
    /// `at` is the time of their oldest event, for [`expire`](Self::expire).
    ///
    /// # Errors
    ///
    /// [`QueueErrorKind::Full`] when the windows do not fit, [`QueueErrorKind::Unavailable`] when
    /// the store failed; either may pass, so the same windows may be appended again later. A single
    /// window fits into an empty queue whatever its size.
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError>;

    /// Makes everything appended so far as durable as the queue can.
    ///
    /// # Errors
    ///
    /// [`QueueErrorKind::Unavailable`] when the store failed; nothing appended since the last
    /// success counts as stored then.
    fn sync(&self) -> Result<(), QueueError>;

    /// Makes what was appended so far as durable as it is to be while nobody asks for more, and tells
    /// whether all of it is durable. Default: [`sync`](Self::sync).
    ///
    /// # Errors
    ///
    /// Those of [`sync`](Self::sync).
    fn commit(&self) -> Result<bool, QueueError> {
        self.sync().map(|()| true)
    }

    /// The oldest windows, at most `max_windows` and `max_bytes` of encoded bytes, but at least one
    /// if there is one. They stay in the queue.
    ///
    /// # Errors
    ///
    /// [`QueueErrorKind::Unavailable`] when the store could not be read. A window that is damaged is
    /// no error: it is left out and counted in [`Peek::damaged`].
    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError>;

    /// Takes the oldest `events` events off the queue, because they are delivered or given up.
    ///
    /// Never waits for the disk and needs no sync: an advance that is lost in a crash repeats
    /// events, it never loses any. More events than there are: the queue is empty then.
    fn advance(&self, events: u64);

    /// Takes windows off the front whose time is before `before`, and tells how many events that were.
    fn expire(&self, before: SystemTime) -> u64;

    /// Does what is due in the background: frees the space of windows that were advanced past.
    ///
    /// Called by the writer thread between appends and at least every second while there is work.
    ///
    /// # Errors
    ///
    /// [`QueueErrorKind::Unavailable`] when the store failed; it is tried again later.
    fn maintain(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// When [`maintain`](Self::maintain) is to be called at the latest, without another reason for it.
    /// Default: never.
    fn maintain_in(&self) -> Option<Duration> {
        None
    }

    /// Takes over what other processes have left behind, if that is due: it comes behind what is here.
    ///
    /// `found` is told the number of events before a [`peek`](Self::peek) shows any of them; when it fails,
    /// they stay where they were. Called by the writer thread, after [`maintain`](Self::maintain).
    ///
    /// # Errors
    ///
    /// As [`maintain`](Self::maintain), and those of `found`.
    fn adopt(&self, found: &mut dyn FnMut(u64) -> Result<(), QueueError>) -> Result<(), QueueError> {
        let _ = found;
        Ok(())
    }

    /// What has happened since the last call that a human should know, a line for each.
    fn reports(&self) -> Vec<String> {
        Vec::new()
    }

    /// How much is in the queue. Cheap.
    fn depth(&self) -> Depth;

    /// Bytes that the queue holds at most; a part of them is kept for events that are severe, under
    /// [`Overflow::BySeverity`](crate::Overflow::BySeverity). Default: unlimited.
    fn max_bytes(&self) -> Option<u64> {
        None
    }

    /// Whether what is in the queue is still there for the next process. Default: no.
    fn is_persistent(&self) -> bool {
        false
    }

    /// A queue for a forked child of the process that this one was opened in, which calls it before anything
    /// else. What is in there is delivered by whoever takes it over. Default: refused.
    ///
    /// A child has none of the threads of its parent, and what these had locked is locked for ever: so this
    /// waits for no lock, and touches neither events nor files of the parent.
    ///
    /// # Errors
    ///
    /// [`QueueErrorKind::Misconfigured`] where this kind of queue cannot be used there; otherwise those of
    /// opening it.
    fn in_forked_child(&self) -> Result<Box<dyn Queue>, QueueError> {
        Err(QueueError::new(QueueErrorKind::Misconfigured, "this queue is of no use in a forked child"))
    }

    /// Writes out what is in memory and lets go of the store, so that somebody else can open it.
    ///
    /// Waits at most `timeout`; a slower disk goes on behind its back. Called at shutdown: what is asked of
    /// the queue afterwards fails, and a second call does nothing.
    fn close(&self, timeout: Duration) {
        let _ = timeout;
    }
}

/// What [`Queue::peek`] found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Peek {
    /// The oldest windows, in order.
    pub windows: Vec<EncodedWindow>,
    /// Leading events of the first window that were advanced past already.
    pub skip: u32,
    /// Events of damaged windows that were found on the way and taken off the queue.
    pub damaged: u64,
}

impl Peek {
    /// A peek at these windows.
    #[must_use]
    pub const fn new(windows: Vec<EncodedWindow>, skip: u32, damaged: u64) -> Self {
        Self { windows, skip, damaged }
    }
}

/// How much is in a [`Queue`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Depth {
    /// Events that were not advanced past.
    pub events: u64,
    /// Windows with such events. A queue on disk may count some more at its front until a peek shows them;
    /// of `bytes` and `oldest` the same is true.
    pub windows: u64,
    /// Encoded bytes of these windows.
    pub bytes: u64,
    /// Bytes that the store takes on disk; 0 for a queue in memory.
    pub bytes_on_disk: u64,
    /// Time of the oldest window.
    pub oldest: Option<SystemTime>,
}
