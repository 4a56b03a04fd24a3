mod cursor;
mod damaged;
mod directory;
#[cfg(feature = "relay")]
pub(crate) use directory::is_queue;
mod files;
mod generation;

mod inspect;
pub use inspect::{DamagedStore, Inspection, LaneInspection, export, inspect, purge};

mod lane;
mod lock;
mod opening;

mod options;
pub use options::{Durability, SledOptions};

mod plain;
mod raw;
mod record;
mod scan;
mod slot;
mod space;
mod span;
mod store;
mod trees;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

use self::directory::Claimed;
use self::lane::{Lane, Shared};
use self::space::Space;
use super::sync::{Mutex, MutexGuard};
use super::{Depth, Peek, Queue, QueueError, QueueErrorKind};
use logstash_transport::error_chain;
use lumberjack_codec::EncodedWindow;
use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A queue on disk.
///
/// What was appended and synced is delivered at least once, in order, also after the process was
/// killed, or after a power cut as [`Durability`] promises. What cannot be read any more because the
/// files were damaged is counted in [`Peek::damaged`]: its events are known by their ids.
///
/// # Several processes
///
/// Processes may share the directory. Each writes to a lane of its own; a lane whose process is gone
/// is taken over and delivered by one that lives, when it opens the queue and every few seconds
/// ([`Queue::adopt`]). Order is kept within a lane. Lanes that are found when the queue is opened come first,
/// one after the other, then the own one; one that is taken over later comes behind what is queued by
/// then. A process that is started again goes on with the lane of its predecessor.
///
/// A forked child gets a lane of its own with its first call. sled does not work there, so that the lane
/// is a plain file, which the next process that takes it over reads. The lane of a parent that ends is
/// taken over when those children have ended that never used the queue.
///
/// # On disk
///
/// ```text
/// log-queue/                    0700
///   lock                        locked while lanes are taken or removed
///   lane-0000000001/
///     lock                      locked while a process has the lane; says which
///     cursor                    how far it was delivered, written on each advance
///     generation-0000000017/    a sled database with windows, and the file `span`: which ones
///     damaged-0000000018/       one that sled cannot read; what is whole in its file is delivered
///   damaged-0000000001-0000000012/    delivered, kept for a human, with the file `reason`
/// ```
///
/// Files are readable by their owner only. A generation takes no more when it has
/// [`generation_bytes`](SledOptions::generation_bytes), and is deleted once it is delivered; a second after
/// the last event was delivered the directory is below 32 MB. At most 4 damaged ones of 256 MiB in all, and no
/// more than a quarter of [`max_bytes`](SledOptions::max_bytes), are kept; they make room when there is none.
///
/// # Damage
///
/// A database that sled cannot open, that panics, or that took the process down when it was opened the last
/// time, is set aside, and the queue goes on with a fresh one. Each value on the disk says what it is and has
/// a checksum: all that are whole are found in the file without sled, and are delivered in their order. What is
/// missing is counted as lost when delivery reaches its place.
///
/// # When the disk fails, or is full
///
/// After an error of [`append`](Queue::append) or [`sync`](Queue::sync) the database counts as dead; one of the
/// next calls of the writer begins another one, at most once per second. Windows that were appended but not yet
/// synced stay in memory until then, and are stored again. Delivery goes on, from memory and from the files,
/// which are read without sled where it needs room to read.
///
/// # Example
///
/// ```no_run
/// use logstash_handler::{Durability, SledOptions, SledQueue};
///
/// # fn main() -> Result<(), logstash_handler::queue::QueueError> {
/// let queue = SledQueue::open("log-queue")?;
/// let other = SledOptions::new().durability(Durability::Os).open("other-queue")?;
/// # Ok(())
/// # }
/// ```
pub struct SledQueue {
    shared: Arc<Shared>,
    /// The process that opened it; a forked child has another one.
    process: u32,
    own: Arc<Lane>,
    /// Those that were taken over.
    adopted: Mutex<Vec<Arc<Lane>>>,
    /// Whose turn it is to be delivered, and how far; when there is none, the own lane's.
    turns: Mutex<VecDeque<Turn>>,
    /// When lanes were looked for.
    looked: Mutex<Instant>,
    closed: AtomicBool,
    /// It was told that somebody has removed the directory.
    removed: AtomicBool,
    /// In a forked child.
    child: OnceLock<Result<Box<Self>, String>>,
}

/// A lane is delivered next, up to a window that ends at a place.
///
/// A place, and no count of events: a count would have to change in the same moment as the lane does.
struct Turn {
    lane: Arc<Lane>,
    /// Id behind the last event.
    end: u64,
}

impl Turn {
    /// All that the lane has now.
    fn all_of(lane: &Arc<Lane>) -> Self {
        Self { lane: Arc::clone(lane), end: lane.end() }
    }
}

impl SledQueue {
    /// Opens the queue in a directory, which is created if it is not there, with default
    /// [`SledOptions`].
    ///
    /// # Errors
    ///
    /// Those of [`SledOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, QueueError> {
        SledOptions::new().open(path)
    }

    fn with_options(directory: &Path, options: SledOptions, plain: bool) -> Result<Self, QueueError> {
        let created = files::create_dir(directory).and_then(|()| std::path::absolute(directory));
        let directory = created.map_err(|cause| cannot_use(directory, cause))?;
        files::sync_parent(&directory).map_err(|cause| cannot_use(&directory, cause))?;
        let space = Space::new(&directory, &options);
        let shared = Arc::new(Shared { directory, options, space, plain, reports: Mutex::default() });
        let Claimed { own, adopted } = directory::claim(&shared)?;
        let adopted: Vec<_> = adopted.into_iter().map(Arc::new).collect();
        let turns = adopted.iter().map(Turn::all_of);
        let queue = Self {
            shared,
            process: std::process::id(),
            own: Arc::new(own),
            turns: Mutex::new(turns.collect()),
            adopted: Mutex::new(adopted),
            looked: Mutex::new(Instant::now()),
            closed: AtomicBool::new(false),
            removed: AtomicBool::new(false),
            child: OnceLock::new(),
        };
        queue.shared.space.measure(queue.own.tail().as_ref().map_or(0, |tail| tail.allocated()));
        Ok(queue)
    }

    /// The queue of this process; refuses to work once closed.
    fn here(&self) -> Result<&Self, QueueError> {
        let queue = if self.is_forked() {
            let open = || self.open_in_child().map(Box::new).map_err(|error| error_chain(&error));
            let child = self.child.get_or_init(open);
            let refused = |text: &String| QueueError::new(QueueErrorKind::Unavailable, text.clone());
            child.as_deref().map_err(refused)?
        } else {
            self
        };
        if queue.closed.load(Ordering::Acquire) {
            let path = queue.shared.directory.display();
            return Err(QueueError::new(QueueErrorKind::Unavailable, format!("queue {path} is closed")));
        }
        Ok(queue)
    }

    /// The queue of a forked child.
    fn open_in_child(&self) -> Result<Self, QueueError> {
        // Its locks may be held by threads that this process does not have.
        self.own.forget_in_child();
        if let Ok(adopted) = self.adopted.try_lock() {
            adopted.iter().for_each(|lane| lane.forget_in_child());
        }
        let Shared { directory, options, .. } = &*self.shared;
        Self::with_options(directory, options.clone(), true)
    }

    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Tells once if the directory was removed while it is in use.
    fn look_for_removal(&self) {
        if !self.own.cursor.is_linked() && !self.removed.swap(true, Ordering::AcqRel) {
            let path = self.shared.directory.display();
            self.shared.report(format!(
                "queue {path} was removed while it is in use: what it holds is lost when this process ends; restart it"
            ));
        }
    }

    /// All lanes.
    fn lanes(&self) -> Vec<Arc<Lane>> {
        let mut lanes = self.adopted().clone();
        lanes.push(Arc::clone(&self.own));
        lanes
    }

    fn adopted(&self) -> MutexGuard<'_, Vec<Arc<Lane>>> {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turns that are not over.
    fn turns(&self) -> MutexGuard<'_, VecDeque<Turn>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        while turns.front().is_some_and(|turn| turn.lane.head() >= turn.end) {
            turns.pop_front();
        }
        turns
    }

    /// Whose turn it is, and the id behind its last event, if another one comes after it.
    fn turn(&self) -> (Arc<Lane>, Option<u64>) {
        let turns = self.turns();
        turns
            .front()
            .map_or_else(|| (Arc::clone(&self.own), None), |turn| (Arc::clone(&turn.lane), Some(turn.end)))
    }

    /// Lets go of lanes that were taken over and are delivered.
    fn remove_delivered(&self) -> Result<(), QueueError> {
        let is_delivered = |lane: &&Arc<Lane>| !lane.has_something() && lane.state().generations.is_empty();
        let delivered: Vec<_> = self.adopted().iter().filter(is_delivered).cloned().collect();
        for lane in delivered {
            let removed = directory::remove(&lane);
            if !matches!(removed, Ok(false)) {
                // Also where that failed: its lock is given back, so that it may be another's by now.
                self.adopted().retain(|other| !Arc::ptr_eq(other, &lane));
            }
            removed?;
        }
        Ok(())
    }
}

impl Queue for SledQueue {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        let queue = self.here()?;
        let held = queue.lanes().iter().map(|lane| lane.depth().bytes).sum();
        queue.own.writer().append(&queue.own, windows, at, held)
    }

    fn sync(&self) -> Result<(), QueueError> {
        let queue = self.here()?;
        queue.own.writer().sync(&queue.own)
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        let queue = self.here()?;
        let (lane, end, mut peek) = loop {
            let (lane, end) = queue.turn();
            let peek = lane.peek(max_windows, max_bytes)?;
            if !peek.windows.is_empty() || end.is_none() {
                break (lane, end, peek);
            }
            // It has nothing more, whatever was expected of it.
            queue.turns().retain(|turn| !Arc::ptr_eq(&turn.lane, &lane) || Some(turn.end) != end);
            if peek.damaged > 0 {
                return Ok(peek);
            }
        };
        if let Some(end) = end {
            // What comes behind it is another lane's.
            let mut next = lane.head() - u64::from(peek.skip);
            let is_before_end = |window: &&EncodedWindow| {
                let start = next;
                next += u64::from(window.events());
                start < end
            };
            let keep = peek.windows.iter().take_while(is_before_end).count();
            peek.windows.truncate(keep);
        }
        Ok(peek)
    }

    fn advance(&self, events: u64) {
        let Ok(queue) = self.here() else { return };
        let mut left = events;
        while left > 0 {
            let (lane, end) = queue.turn();
            let here = end.map_or(left, |end| left.min(end.saturating_sub(lane.head())));
            lane.advance(here);
            left -= here;
        }
    }

    fn expire(&self, before: SystemTime) -> u64 {
        let Ok(queue) = self.here() else { return 0 };
        let mut expired = 0;
        loop {
            let (lane, end) = queue.turn();
            let most = end.map_or(u64::MAX, |end| end.saturating_sub(lane.head()));
            let here = lane.expire(before, most);
            expired += here;
            if here < most {
                return expired;
            }
        }
    }

    fn maintain(&self) -> Result<(), QueueError> {
        let queue = self.here()?;
        queue.look_for_removal();
        let lanes = queue.lanes();
        // Each of them, whatever happens to the others.
        let results: Vec<_> = lanes.iter().map(|lane| lane.writer().maintain(lane)).collect();
        let removed = queue.remove_delivered();
        results.into_iter().collect::<Result<(), _>>().and(removed)
    }

    fn maintain_in(&self) -> Option<Duration> {
        let queue = self.here().ok()?;
        let lanes = queue.lanes().into_iter().filter_map(|lane| lane.writer().due(&lane)).min();
        Some(lanes.unwrap_or(LOOK_EVERY).min(LOOK_EVERY))
    }

    fn adopt(&self, found: &mut dyn FnMut(u64) -> Result<(), QueueError>) -> Result<(), QueueError> {
        let queue = self.here()?;
        let mut looked = queue.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.elapsed() < LOOK_EVERY || queue.shared.plain {
            return Ok(());
        }
        *looked = Instant::now();
        let known: Vec<u64> = queue.lanes().iter().map(|lane| lane.number).collect();
        for lane in directory::adopt(&queue.shared, &known)? {
            let events = lane.depth().events;
            found(events)?;
            if events > 0 {
                let path = lane.directory.display();
                queue
                    .shared
                    .report(format!("{events} events of a process that is gone are taken over from {path}"));
            }
            let lane = Arc::new(lane);
            queue.adopted().push(Arc::clone(&lane));
            // Behind what the own lane has by now, which ends with a window.
            let mut turns = queue.turns();
            turns.push_back(Turn::all_of(&queue.own));
            turns.push_back(Turn::all_of(&lane));
        }
        Ok(())
    }

    fn reports(&self) -> Vec<String> {
        let Ok(queue) = self.here() else { return Vec::new() };
        std::mem::take(&mut queue.shared.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn depth(&self) -> Depth {
        let Ok(queue) = self.here() else { return Depth::default() };
        let mut sum = Depth { bytes_on_disk: queue.shared.space.on_disk(), ..Depth::default() };
        for depth in queue.lanes().iter().map(|lane| lane.depth()) {
            sum.events += depth.events;
            sum.windows += depth.windows;
            sum.bytes += depth.bytes;
            sum.oldest = sum.oldest.into_iter().chain(depth.oldest).min();
        }
        sum
    }

    fn max_bytes(&self) -> Option<u64> {
        Some(self.shared.options.max_bytes)
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn in_forked_child(&self) -> Result<Box<dyn Queue>, QueueError> {
        Ok(Box::new(self.open_in_child()?))
    }

    fn close(&self, timeout: Duration) {
        let Ok(queue) = self.here() else { return };
        if queue.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let lanes = queue.lanes();
        if queue.shared.plain {
            // There is no sled to wait for, and a forked child may be unable to start a thread.
            lanes.iter().for_each(|lane| lane.close());
            return;
        }
        // A slower disk goes on behind its back.
        let _ = watch::within(timeout, move || lanes.iter().for_each(|lane| lane.close()));
    }
}

impl std::fmt::Debug for SledQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledQueue")
            .field("directory", &self.shared.directory)
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl Drop for SledQueue {
    /// Closes the queue within five seconds, if it is not closed yet.
    fn drop(&mut self) {
        if self.is_forked() {
            // sled would wait for threads that a child does not have, so that this is never dropped.
            let _ = ManuallyDrop::new(Arc::clone(&self.own));
            if let Ok(adopted) = self.adopted.try_lock() {
                let _ = ManuallyDrop::new(adopted.clone());
            }
            return;
        }
        self.close(CLOSE_WITHIN);
    }
}

fn cannot_use(directory: &Path, cause: io::Error) -> QueueError {
    let kind = match cause.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem => QueueErrorKind::Misconfigured,
        _ if files::is_full(&cause) => QueueErrorKind::Full,
        _ => QueueErrorKind::Unavailable,
    };
    QueueError::new(kind, format!("cannot use {} as a queue", directory.display())).caused_by(cause)
}

const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// How often lanes whose processes are gone are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
