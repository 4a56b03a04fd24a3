//! Lines on the standard error that nothing waits for without an end.

use std::io;
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(unix)]
use std::process;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
#[cfg(unix)]
use std::thread;
#[cfg(unix)]
use std::time::{Duration, Instant};

/// Writes a line to the standard error.
///
/// That may be a pipe which nobody reads, or whose reader has ended. What the library has for it waits there for
/// ever, with its lock in hand, or panics. Here the line is given up: after [`PATIENCE`], and from then on at once
/// until there is room again. Outside Unix there is no such deadline.
///
/// Room is asked for before it is used, so only one thread at a time does both. What else writes to the same pipe,
/// by other means, can still take the last room in between.
pub(crate) fn print(line: &str) {
    let line = format!("{line}\n");
    #[cfg(unix)]
    {
        let patience = if STALLED.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        let until = Instant::now() + patience;
        let turn = Turn::wait(&HOLDER, until);
        let is_written = turn.is_some_and(|_turn| write(io::stderr(), line.as_bytes(), until));
        STALLED.store(!is_written, Ordering::Relaxed);
    }
    #[cfg(not(unix))]
    {
        // Nobody can be told where it is closed.
        let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
    }
}

/// The right to write, until it is dropped.
///
/// A mutex that another thread holds during a fork is locked for ever in the child. This one knows whose it is.
#[cfg(unix)]
struct Turn<'a>(&'a AtomicU32);

#[cfg(unix)]
impl<'a> Turn<'a> {
    /// Waits for it in small steps, so that nobody has to wake this thread.
    fn wait(holder: &'a AtomicU32, until: Instant) -> Option<Self> {
        let own = process::id();
        loop {
            let found = holder.load(Ordering::Relaxed);
            let is_free = found != own;
            if is_free && holder.compare_exchange(found, own, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Some(Self(holder));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            thread::sleep(left.min(STEP));
        }
    }
}

#[cfg(unix)]
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

/// Writes what a file takes until then; false if it has no room for all of it.
///
/// One that is closed or fails is none to wait for.
#[cfg(unix)]
fn write(file: impl AsFd, mut bytes: &[u8], until: Instant) -> bool {
    use rustix::io::Errno;

    let chunk = chunk(&file);
    while !bytes.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        let result = match wait(&file, left) {
            Ok(false) => return false,
            // A signal says nothing about room, and a write without room has no deadline.
            Err(Errno::INTR) => Err(Errno::INTR),
            // Whatever else is wrong, the write tells.
            Ok(true) | Err(_) => rustix::io::write(&file, bytes.get(..chunk).unwrap_or(bytes)),
        };
        match result {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN | Errno::INTR) if left.is_zero() => return false,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return true,
        }
    }
    true
}

/// Waits for room in a file, or for a signal.
#[cfg(unix)]
fn wait(file: impl AsFd, patience: Duration) -> rustix::io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let patience = Timespec::try_from(patience).ok();
    poll(&mut [PollFd::new(&file, PollFlags::OUT)], patience.as_ref()).map(|ready| ready > 0)
}

/// What a file that is ready takes at once: of a pipe POSIX promises 512 bytes, Linux a page; a terminal takes less.
#[cfg(unix)]
fn chunk(file: impl AsFd) -> usize {
    use rustix::fs::{FileType, fstat};

    let is_pipe = || fstat(file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    if cfg!(target_os = "linux") && is_pipe() { 4096 } else { 512 }
}

/// The process whose thread writes; 0 if none does.
#[cfg(unix)]
static HOLDER: AtomicU32 = AtomicU32::new(0);

/// Whether the last line found no room: one wait is enough.
#[cfg(unix)]
static STALLED: AtomicBool = AtomicBool::new(false);

/// How long a reader may take nothing.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait before asking for the turn again.
#[cfg(unix)]
const STEP: Duration = Duration::from_millis(5);

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_pipe_takes_a_line_longer_than_itself_if_it_is_read() {
        let (mut reader, writer) = io::pipe().unwrap();
        let line = vec![b'x'; 200_000];
        let read = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read)
        });
        let is_written = write(&writer, &line, within(60_000));
        drop(writer);
        assert!(is_written);
        assert_eq!(read.join().unwrap().unwrap(), line);
    }

    #[test]
    fn a_line_without_room_is_given_up() {
        let (_reader, writer) = io::pipe().unwrap();
        while write(&writer, &[b'x'; 4096], within(0)) {}
        assert!(!write(&writer, b"line\n", within(20)));
    }

    #[test]
    fn a_pipe_without_a_reader_is_not_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        assert!(write(&writer, b"line\n", within(60_000)));
    }

    #[test]
    fn one_thread_at_a_time_has_the_turn() {
        let holder = AtomicU32::new(0);
        let turn = Turn::wait(&holder, within(0)).unwrap();
        assert!(Turn::wait(&holder, within(20)).is_none());
        drop(turn);
        assert!(Turn::wait(&holder, within(0)).is_some());
    }

    #[test]
    fn a_forked_child_does_not_wait_for_a_thread_of_its_parent() {
        let holder = AtomicU32::new(std::os::unix::process::parent_id());
        assert!(Turn::wait(&holder, within(0)).is_some());
    }

    fn within(milliseconds: u64) -> Instant {
        Instant::now() + Duration::from_millis(milliseconds)
    }
}
