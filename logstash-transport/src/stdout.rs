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
/// [`std::io::stdout`]; whoever keeps its lock keeps the transport waiting. A pipe without a reader is an error of kind
/// [`Misconfigured`](ErrorKind::Misconfigured), because it will not get one again. A pipe whose reader
/// does not read is given up after the [`write_timeout`](Self::write_timeout); the half of a line that
/// may then be in it is ended before the next event. Newlines between the tokens of a document become
/// spaces.
///
/// Outside Unix there is no way to wait for the standard output with a deadline: there a reader that
/// does not read stops the sender until it does.
///
/// ```
/// use logstash_transport::{Batch, StdoutTransport, Transport};
///
/// StdoutTransport::new().send(&mut Batch::from_events([r#"{"message":"one"}"#]))?;
/// # Ok::<(), logstash_transport::TransportError>(())
/// ```
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

    /// The standard output as soon as there is room in it: whoever prints into a full one keeps the lock
    /// until there is, and what others have printed in part must go first.
    fn open(&self) -> Result<Output, TransportError> {
        let waiting = Instant::now();
        loop {
            if self.interrupt.is_raised() {
                return Err(unavailable("interrupted while writing to the standard output"));
            }
            if let Some(output) = Output::open_if_ready().map_err(failed)? {
                return Ok(output);
            }
            if waiting.elapsed() >= self.write_timeout {
                return Err(takes_nothing());
            }
        }
    }

    fn write_lines(&mut self, output: &mut Output) -> Result<(), TransportError> {
        let mut last_progress = Instant::now();
        while !self.lines.rest().is_empty() {
            if self.interrupt.is_raised() {
                return Err(unavailable("interrupted while writing to the standard output"));
            }
            match output.write(self.lines.rest()).map_err(failed)? {
                0 if last_progress.elapsed() >= self.write_timeout => return Err(takes_nothing()),
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
        if left.is_empty() {
            return Ok(());
        }
        let mut output = self.open()?;
        if self.torn {
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

    /// Looks whether there is a standard output, and whether it takes anything.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let started = Instant::now();
        self.open()?;
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
    /// Waits a while for room.
    #[cfg(unix)]
    fn open_if_ready() -> io::Result<Option<Self>> {
        let file = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?.into();
        if !is_ready(&file, Interrupt::SLICE)? {
            return Ok(None);
        }
        let mut lock = io::stdout().lock();
        // Others may have filled it before the lock was ours.
        if !is_ready(&file, Duration::ZERO)? {
            return Ok(None);
        }
        lock.flush()?;
        Ok(Some(Self { lock, file }))
    }

    #[cfg(not(unix))]
    fn open_if_ready() -> io::Result<Option<Self>> {
        let mut lock = io::stdout().lock();
        lock.flush()?;
        Ok(Some(Self { lock }))
    }

    /// Waits a while, and writes what can be written without waiting longer; 0 if there is no room.
    #[cfg(unix)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !is_ready(&self.file, Interrupt::SLICE)? {
            return Ok(0);
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
        let written = self.lock.write(bytes)?;
        // The library may have kept a part of it.
        self.lock.flush()?;
        Ok(written)
    }
}

/// Waits for room in a file, no longer than `patience`.
#[cfg(unix)]
fn is_ready(file: &std::fs::File, patience: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    match poll(&mut [PollFd::new(file, PollFlags::OUT)], Some(&patience)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn failed(error: io::Error) -> TransportError {
    let text = "cannot write to the standard output";
    let (kind, advice) = match error.kind() {
        io::ErrorKind::BrokenPipe => (ErrorKind::Misconfigured, "its reader has ended: start both again"),
        _ if is_full(&error) => (ErrorKind::Throttled { retry_after: None }, "make room on the disk"),
        // EBADF, which has no kind of its own, among them.
        _ => (ErrorKind::Unavailable, "see whether the program was started with a standard output"),
    };
    TransportError::new(kind, text).caused_by(error).advise(advice)
}

fn takes_nothing() -> TransportError {
    let error = unavailable("the reader of the standard output takes nothing, within the write timeout");
    error.advise("see whether what reads it is stopped, or too slow")
}

fn unavailable(text: &str) -> TransportError {
    TransportError::new(ErrorKind::Unavailable, text)
}

/// Bytes that are prepared at once.
const CHUNK: usize = 64 * 1024;

/// What POSIX promises of a pipe that is ready for writing is 512; Linux and the BSDs take a page.
#[cfg(unix)]
const PIPE_BUF: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };
