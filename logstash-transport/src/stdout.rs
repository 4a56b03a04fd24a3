use crate::batch::Batch;
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::lines::{Lines, is_full};
use crate::probe::ProbeReport;
use crate::transport::Transport;
use std::io::{self, StdoutLock, Write};
use std::time::{Duration, Instant};

/// Writes events to the standard output, one line each.
///
/// **Acknowledged** means handed to the system: to the pipe, terminal or file that the standard
/// output is. What a reader at the other end makes of it is not known.
///
/// Lines do not mix with what the program itself prints, as long as that goes through
/// [`std::io::stdout`]. A pipe without a reader is an error of kind
/// [`Misconfigured`](ErrorKind::Misconfigured), because it will not get one again. A pipe whose reader
/// does not read is given up after the [`write_timeout`](Self::write_timeout); the half of a line that
/// may then be in it is ended before the next event. Newlines between the tokens of a document become
/// spaces.
///
/// Outside Unix there is no way to wait for the standard output with a deadline: there a reader that
/// does not read stops the sender until it does.
#[derive(Debug)]
pub struct StdoutTransport {
    write_timeout: Duration,
    interrupt: Interrupt,
    lines: Lines,
    /// Whether a line was left unfinished.
    torn: bool,
}

impl StdoutTransport {
    /// A transport to the standard output.
    #[must_use]
    pub fn new() -> Self {
        Self {
            write_timeout: Duration::from_secs(30),
            interrupt: Interrupt::new(),
            lines: Lines::default(),
            torn: false,
        }
    }

    /// Time for which the reader may take nothing. Default: 30 s.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    fn write_lines(&mut self, output: &mut Output) -> Result<(), TransportError> {
        let mut last_progress = Instant::now();
        while !self.lines.rest().is_empty() {
            if self.interrupt.is_raised() {
                return Err(unavailable("interrupted while writing to the standard output"));
            }
            match output.write(self.lines.rest()).map_err(failed)? {
                0 if last_progress.elapsed() >= self.write_timeout => {
                    return Err(unavailable(
                        "the reader of the standard output takes nothing, within the write timeout",
                    ));
                }
                0 => {}
                written => {
                    self.lines.advance(written);
                    last_progress = Instant::now();
                }
            }
        }
        Ok(())
    }
}

impl Default for StdoutTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl Transport for StdoutTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        let events = batch.remaining()?;
        let mut left = events.as_slice();
        let mut output = Output::open().map_err(failed)?;
        if self.torn && !left.is_empty() {
            // An empty event is a newline.
            self.lines.fill(&[bytes::Bytes::new()], 1);
            self.write_lines(&mut output)?;
            self.torn = false;
        }
        while !left.is_empty() {
            let taken = self.lines.fill(left, CHUNK);
            left = left.get(taken..).unwrap_or_default();
            let result = self.write_lines(&mut output);
            batch.acknowledge(self.lines.complete());
            self.torn = self.lines.torn() > 0;
            result?;
        }
        Ok(())
    }

    /// Looks whether there is a standard output.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let started = Instant::now();
        Output::open().map_err(failed)?;
        let mut report = ProbeReport::new();
        report.push("open", "standard output", started.elapsed());
        Ok(report)
    }

    fn close(&mut self) {}

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}

/// The standard output, locked against the rest of the program.
struct Output {
    /// Held as long as we write.
    #[cfg_attr(unix, allow(dead_code, reason = "held for its lock"))]
    lock: StdoutLock<'static>,
    /// The standard output behind the buffer of the library, which would hide how much is written,
    /// and which takes a closed one for an endless sink.
    #[cfg(unix)]
    file: std::fs::File,
}

impl Output {
    fn open() -> io::Result<Self> {
        let mut lock = io::stdout().lock();
        lock.flush()?;
        #[cfg(unix)]
        let file = std::os::fd::AsFd::as_fd(&lock).try_clone_to_owned()?.into();
        Ok(Self {
            lock,
            #[cfg(unix)]
            file,
        })
    }

    /// Waits a while, and writes what can be written without waiting longer; 0 if there is no room.
    #[cfg(unix)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let mut ready = [PollFd::new(&self.file, PollFlags::OUT)];
        let slice = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        match poll(&mut ready, Some(&slice)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(0),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        // A pipe that is ready takes this much at once.
        match self.file.write(bytes.get(..PIPE_BUF).unwrap_or(bytes)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(0)
            }
            result => result,
        }
    }

    #[cfg(not(unix))]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whole lines pass the buffer of the library by.
        self.lock.write(bytes)
    }
}

fn failed(error: io::Error) -> TransportError {
    let text = "cannot write to the standard output";
    let (kind, advice) = match error.kind() {
        io::ErrorKind::BrokenPipe => (ErrorKind::Misconfigured, "; its reader has ended"),
        _ if is_full(&error) => (ErrorKind::Throttled { retry_after: None }, ""),
        // EBADF, which has no kind of its own, among them.
        _ => (ErrorKind::Unavailable, ""),
    };
    TransportError::new(kind, format!("{text}{advice}")).caused_by(error)
}

fn unavailable(text: &str) -> TransportError {
    TransportError::new(ErrorKind::Unavailable, text)
}

/// Bytes that are prepared at once.
const CHUNK: usize = 64 * 1024;

/// What POSIX promises of a pipe that is ready for writing is 512; Linux and the BSDs take a page.
#[cfg(unix)]
const PIPE_BUF: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };
