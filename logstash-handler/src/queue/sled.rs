mod cursor;
mod files;
mod generation;
mod lock;

mod options;
pub use options::{Durability, SledOptions};

mod record;
mod scan;
mod writer;

#[cfg(test)]
mod tests;

use self::cursor::{Cursor, Mark, NewerFormat};
use self::generation::{Generation, ReadError};
use self::lock::DirectoryLock;
use self::writer::Writer;
use super::backlog::{Backlog, Content, Position, Stored};
use super::{Depth, Peek, Queue, QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A queue on disk.
///
/// What was appended and synced is delivered at least once, in order, also after the process was
/// killed, or after a power cut as [`Durability`] promises. What cannot be read any more because the
/// files were damaged is counted in [`Peek::damaged`]: its events are known by their ids.
///
/// One process uses a directory at a time, and a child that it forks must open one of its own: what
/// it inherited answers with [`QueueErrorKind::Unavailable`], and looks empty.
///
/// # On disk
///
/// ```text
/// log-queue/                  0700
///   lock                      locked while the queue is open; the process that has it
///   cursor                    how far it was delivered, written on each advance
///   generation-0000000001/    a sled database with the windows
/// ```
///
/// Files are readable by their owner only. Space of windows that were delivered is used again; the
/// files do not shrink.
///
/// # Memory
///
/// Beside [`cache_bytes`](SledOptions::cache_bytes), about 40 MB while the peer keeps up and 130 MB
/// with a backlog of 1 GB: the cache of sled, which does not keep to the capacity it is given.
///
/// # When the disk fails
///
/// After an error of [`append`](Queue::append) or [`sync`](Queue::sync) the database counts as dead
/// and is opened again by one of the next calls of the writer, at most once per second. Windows that
/// were appended but not yet synced stay in memory until then, and are stored again.
pub struct SledQueue {
    directory: PathBuf,
    options: SledOptions,
    /// The process that opened it; in a forked child nothing here may be touched.
    process: u32,
    /// Held for work in memory only.
    state: Mutex<State>,
    cursor: Cursor,
    /// The open database. Held for taking a copy only; `None` after an error.
    generation: Mutex<Option<Arc<Generation>>>,
    /// What belongs to the writer thread; held over calls of sled.
    writer: Mutex<Writer>,
    /// Bytes on disk, and when they were measured.
    measured: Mutex<Option<(Instant, u64)>>,
    /// `None` once it was given back.
    lock: Mutex<Option<DirectoryLock>>,
    closed: AtomicBool,
}

/// What memory knows of the queue.
#[derive(Debug)]
struct State {
    backlog: Backlog,
    /// Windows that are done but still in the store, with the number of their parts.
    done: VecDeque<(u64, u16)>,
    /// Everything before this place is as durable as it gets.
    synced: Position,
    /// Damaged events that no peek has reported yet.
    damaged: u64,
    /// A window whose reading made sled panic.
    suspect: Option<u64>,
    /// Counts the marks of the cursor.
    turn: u64,
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

    fn with_options(directory: &Path, options: SledOptions) -> Result<Self, QueueError> {
        let created = files::create_dir(directory).and_then(|()| std::path::absolute(directory));
        let directory = created.map_err(|cause| cannot_use(directory, cause))?;
        let lock = DirectoryLock::acquire(&directory)?;
        let (cursor, mark) =
            Cursor::open(&directory.join("cursor")).map_err(|cause| cannot_use(&directory, cause))?;
        let mark = mark.map_err(|newer| newer_cursor(&directory, &newer))?;
        let generation = Generation::open(&only_generation(&directory)?)?;
        let synced = files::sync_dir(&directory).and_then(|()| files::sync_parent(&directory));
        synced.map_err(|cause| cannot_use(&directory, cause))?;

        let scan::Found { backlog, done } = scan::scan(&generation, mark)?;
        let state = State {
            synced: backlog.end(),
            backlog,
            done: done.into(),
            damaged: 0,
            suspect: None,
            turn: mark.map_or(0, |mark| mark.turn),
        };
        let queue = Self {
            directory,
            options,
            process: std::process::id(),
            state: Mutex::new(state),
            cursor,
            generation: Mutex::new(Some(Arc::new(generation))),
            writer: Mutex::default(),
            measured: Mutex::default(),
            lock: Mutex::new(Some(lock)),
            closed: AtomicBool::new(false),
        };
        queue.measure();
        Ok(queue)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn generation(&self) -> MutexGuard<'_, Option<Arc<Generation>>> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Declares the database dead.
    fn abandon_generation(&self) {
        let dead = self.generation().take();
        // Closed without the lock, because that may take its time.
        drop(dead);
    }

    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Whether the files may not be touched any more.
    fn is_out_of_use(&self) -> bool {
        self.is_forked() || self.closed.load(Ordering::Acquire)
    }

    /// Refuses to work once closed, and in a forked child, where sled would hang and the files are the
    /// parent's.
    fn check_in_use(&self) -> Result<(), QueueError> {
        if !self.is_out_of_use() {
            return Ok(());
        }
        if !self.is_forked() {
            return Err(self.unavailable(format!("queue {} is closed", self.directory.display())));
        }
        let (path, parent) = (self.directory.display(), self.process);
        Err(self.unavailable(format!("queue {path} belongs to process {parent}, which forked this one")))
    }

    fn unavailable(&self, message: String) -> QueueError {
        QueueError::new(QueueErrorKind::Unavailable, message)
    }

    /// What [`Queue::peek`] can take from memory, and what has to be read.
    fn plan(&self, max_windows: usize, max_bytes: usize) -> Plan {
        let mut state = self.state();
        let State { backlog, done, damaged, .. } = &mut *state;
        let lost = backlog.pop_lost(|window| remember(done, window));
        *damaged += lost;
        let planned = backlog
            .front(max_windows, max_bytes)
            .map_while(|window| match &window.content {
                Content::InMemory(content) => Some(Planned::InMemory(content.clone())),
                Content::OnDisk => Some(Planned::OnDisk(window.number)),
                Content::Lost => None,
            })
            .collect();
        // Less than the events of a window, whose count is a u32.
        let skip = backlog.skip() as u32;
        Plan { windows: planned, skip, mark: (lost > 0).then(|| state.mark()) }
    }

    /// Reads a window; `None` if it is lost, or was advanced past meanwhile.
    fn read(&self, number: u64) -> Result<Option<EncodedWindow>, QueueError> {
        let path = self.directory.display();
        let Some(generation) = self.generation().clone() else {
            return Err(self.unavailable(format!("store of queue {path} failed and is not open again yet")));
        };
        let read = generation.read(number);
        drop(generation);
        match read {
            Ok(window) => {
                self.state().backlog.keep(number, &window, self.options.cache_bytes);
                Ok(Some(window))
            }
            Err(ReadError::Lost) => {
                self.state().backlog.lose(number);
                Ok(None)
            }
            Err(ReadError::Failed(failure)) => {
                let mut state = self.state();
                // A panic may be the fault of the handle: only one that comes back after the store
                // was opened again is the fault of the window.
                if failure.is_panic() && state.suspect.replace(number) == Some(number) {
                    state.suspect = None;
                    state.backlog.lose(number);
                    return Ok(None);
                }
                drop(state);
                self.abandon_generation();
                let error = self.unavailable(format!("cannot read window {number} of queue {path}"));
                Err(error.caused_by(failure))
            }
        }
    }

    /// Moves the cursor file. If that fails, [`Queue::maintain`] does it again and tells.
    fn write_cursor(&self, mark: Mark) {
        let _ = self.cursor.write(mark);
    }

    /// Measures the bytes on disk, at most once per second.
    fn measure(&self) {
        let due = self.measured().is_none_or(|(at, _)| at.elapsed() >= Duration::from_secs(1));
        if due {
            let bytes = files::size_on_disk(&self.directory);
            *self.measured() = Some((Instant::now(), bytes));
        }
    }

    fn measured(&self) -> MutexGuard<'_, Option<(Instant, u64)>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for SledQueue {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        self.check_in_use()?;
        self.writer().append(self, windows, at)
    }

    fn sync(&self) -> Result<(), QueueError> {
        self.check_in_use()?;
        self.writer().sync(self)
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        self.check_in_use()?;
        let (windows, skip) = loop {
            let Plan { windows: planned, skip, mark } = self.plan(max_windows, max_bytes);
            if let Some(mark) = mark {
                self.write_cursor(mark);
            }
            let wanted = planned.len();
            let mut windows = Vec::with_capacity(wanted);
            for planned in planned {
                match planned {
                    Planned::InMemory(window) => windows.push(window),
                    Planned::OnDisk(number) => match self.read(number) {
                        Ok(Some(window)) => windows.push(window),
                        Ok(None) => break,
                        Err(_) if !windows.is_empty() => break,
                        Err(error) => return Err(error),
                    },
                }
            }
            if wanted == 0 || !windows.is_empty() {
                break (windows, skip);
            }
            // The first window turned out to be lost.
        };
        let damaged = std::mem::take(&mut self.state().damaged);
        Ok(Peek { windows, skip, damaged })
    }

    fn advance(&self, events: u64) {
        if events == 0 || self.is_out_of_use() {
            return;
        }
        let mark = {
            let mut state = self.state();
            let State { backlog, done, .. } = &mut *state;
            backlog.advance(events, |window| remember(done, window));
            state.mark()
        };
        self.write_cursor(mark);
    }

    fn expire(&self, before: SystemTime) -> u64 {
        if self.is_out_of_use() {
            return 0;
        }
        let (expired, mark) = {
            let mut state = self.state();
            let State { backlog, done, .. } = &mut *state;
            let expired = backlog.expire(before, |window| remember(done, window));
            if expired == 0 {
                return 0;
            }
            (expired, state.mark())
        };
        self.write_cursor(mark);
        expired
    }

    fn maintain(&self) -> Result<(), QueueError> {
        self.check_in_use()?;
        self.measure();
        self.writer().maintain(self)
    }

    fn depth(&self) -> Depth {
        if self.is_forked() {
            return Depth::default();
        }
        let depth = self.state().backlog.depth();
        // As the writer thread found it last: whoever asks must not wait for the disk.
        Depth { bytes_on_disk: self.measured().map_or(0, |(_, bytes)| bytes), ..depth }
    }

    fn max_bytes(&self) -> Option<u64> {
        Some(self.options.max_bytes)
    }

    fn is_persistent(&self) -> bool {
        true
    }

    fn close(&self, timeout: Duration) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let generation = self.generation().take();
        if self.is_forked() {
            // sled would wait for threads that a child does not have.
            let _ = std::mem::ManuallyDrop::new(generation);
            return;
        }
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (closed, wait) = mpsc::channel();
        let close = move || {
            drop(generation);
            if let Some(lock) = lock {
                lock.release();
            }
            let _ = closed.send(());
        };
        // Where no thread can be started, this drops the closure, which closes everything right here.
        if thread::Builder::new().name("queue-close".to_owned()).spawn(close).is_ok() {
            let _ = wait.recv_timeout(timeout);
        }
    }
}

impl std::fmt::Debug for SledQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledQueue")
            .field("directory", &self.directory)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Drop for SledQueue {
    /// Closes the queue within five seconds, if it is not closed yet.
    fn drop(&mut self) {
        self.close(CLOSE_WITHIN);
    }
}

/// What a peek can take from memory, and what it has to read.
struct Plan {
    windows: Vec<Planned>,
    skip: u32,
    /// To be written where lost windows were taken off.
    mark: Option<Mark>,
}

enum Planned {
    InMemory(EncodedWindow),
    OnDisk(u64),
}

impl State {
    /// The next mark for the cursor.
    fn mark(&mut self) -> Mark {
        self.turn += 1;
        Mark { turn: self.turn, head: self.backlog.start(), tail: self.synced }
    }
}

/// Notes that a window is to be removed from the store.
fn remember(done: &mut VecDeque<(u64, u16)>, window: &Stored) {
    if window.parts > 0 {
        done.push_back((window.number, window.parts));
    }
}

/// The one generation that this version writes.
fn only_generation(directory: &Path) -> Result<PathBuf, QueueError> {
    const ONLY: &str = "generation-0000000001";
    for entry in fs::read_dir(directory).map_err(|cause| cannot_use(directory, cause))? {
        let name = entry.map_err(|cause| cannot_use(directory, cause))?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("generation-") && name != ONLY {
            let path = directory.display();
            return Err(QueueError::new(
                QueueErrorKind::Misconfigured,
                format!(
                    "queue {path} holds {name}, which this version does not know; use the version that wrote it"
                ),
            ));
        }
    }
    Ok(directory.join(ONLY))
}

fn newer_cursor(directory: &Path, newer: &NewerFormat) -> QueueError {
    let (path, version) = (directory.display(), newer.0);
    QueueError::new(
        QueueErrorKind::Misconfigured,
        format!("cursor of queue {path} has format {version}, which is newer than this version; upgrade it"),
    )
}

fn cannot_use(directory: &Path, cause: io::Error) -> QueueError {
    let kind = match cause.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem => QueueErrorKind::Misconfigured,
        _ => QueueErrorKind::Unavailable,
    };
    QueueError::new(kind, format!("cannot use {} as a queue", directory.display())).caused_by(cause)
}

const CLOSE_WITHIN: Duration = Duration::from_secs(5);
