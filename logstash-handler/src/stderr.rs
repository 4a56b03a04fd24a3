//! Lines on the standard error that nothing waits for without an end.

use std::io;
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::time::{Duration, Instant};

/// Writes a line to the standard error.
///
/// That may be a pipe which nobody reads, or whose reader has ended. What the library has for it waits there for
/// ever, with its lock in hand, or panics. Here the line is given up: after [`PATIENCE`], and from then on at once
/// until there is room again. Outside Unix there is no such deadline.
pub(crate) fn print(line: &str) {
    let line = format!("{line}\n");
    #[cfg(unix)]
    {
        let patience = if STALLED.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        let is_written = write(io::stderr(), line.as_bytes(), patience);
        STALLED.store(!is_written, Ordering::Relaxed);
    }
    #[cfg(not(unix))]
    {
        // Nobody can be told where it is closed.
        let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
    }
}

/// Writes what a file takes within this time; false if it has no room for all of it.
///
/// One that is closed or fails is none to wait for.
#[cfg(unix)]
fn write(file: impl AsFd, mut bytes: &[u8], patience: Duration) -> bool {
    use rustix::io::Errno;

    let until = Instant::now() + patience;
    while !bytes.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if !is_ready(&file, left) {
            return false;
        }
        match rustix::io::write(&file, bytes.get(..PIPE_BUF).unwrap_or(bytes)) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN | Errno::INTR) if left.is_zero() => return false,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return true,
        }
    }
    true
}

/// Waits for room in a file.
#[cfg(unix)]
fn is_ready(file: impl AsFd, patience: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let patience = Timespec::try_from(patience).ok();
    match poll(&mut [PollFd::new(&file, PollFlags::OUT)], patience.as_ref()) {
        Ok(ready) => ready > 0,
        // The write tells.
        Err(_) => true,
    }
}

/// Whether the last line found no room: one wait is enough.
#[cfg(unix)]
static STALLED: AtomicBool = AtomicBool::new(false);

/// How long a reader may take nothing.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(1);

/// What a pipe that is ready takes at once: POSIX promises 512, Linux a page.
#[cfg(unix)]
const PIPE_BUF: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_pipe_takes_a_line_longer_than_itself_if_it_is_read() {
        let (mut reader, writer) = io::pipe().unwrap();
        let line = vec![b'x'; 200_000];
        let read = std::thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read)
        });
        let is_written = write(&writer, &line, Duration::from_secs(60));
        drop(writer);
        assert!(is_written);
        assert_eq!(read.join().unwrap().unwrap(), line);
    }

    #[test]
    fn a_line_without_room_is_given_up() {
        let (_reader, writer) = io::pipe().unwrap();
        while write(&writer, &[b'x'; PIPE_BUF], Duration::ZERO) {}
        assert!(!write(&writer, b"line\n", Duration::from_millis(20)));
    }

    #[test]
    fn a_pipe_without_a_reader_is_not_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        assert!(write(&writer, b"line\n", Duration::from_secs(60)));
    }
}
