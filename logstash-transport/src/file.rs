mod log_file;
use log_file::LogFile;

mod rotation;

use crate::batch::Batch;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::lines::{Lines, is_full};
use crate::probe::ProbeReport;
use crate::transport::Transport;
use bytes::Bytes;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Appends events to a file, one line each.
///
/// **Acknowledged** means written to the file. What survives a power cut is what the
/// [`sync`](Self::sync) policy says; a crash of the program alone loses nothing that was acknowledged.
///
/// The file is created for the owner alone (0600 on Unix), its folder must be there. A file that
/// another program moved away, removed or replaced is opened anew before the next batch, so that
/// external rotation by renaming works, except on Windows, where it cannot be renamed while it is open.
/// Symbolic links are followed. If the file ends in the middle of a line, because a program
/// or the machine crashed, that line is ended first. Newlines between the tokens of a document become
/// spaces.
///
/// On a full disk [`send`](Transport::send) returns an error of kind
/// [`Throttled`](ErrorKind::Throttled); the line that did not fit is taken back, and the batch knows
/// exactly what is in the file. A device, such as `/dev/null`, is written to without rotation.
///
/// Writing to a file cannot be interrupted: an interrupt is seen every 256 KiB.
///
/// ```
/// use logstash_transport::{Batch, FileTransport, Transport};
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("events.log");
/// let mut transport = FileTransport::new(&path).rotate_at(10 * 1024 * 1024).keep_files(3);
/// transport.send(&mut Batch::from_events([r#"{"n":1}"#, r#"{"n":2}"#])).unwrap();
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":1}\n{\"n\":2}\n");
/// ```
#[derive(Debug)]
pub struct FileTransport {
    path: PathBuf,
    rotate_at: Option<u64>,
    keep_files: u32,
    sync: FileSync,
    interrupt: Interrupt,
    file: Option<LogFile>,
    lines: Lines,
}

/// When what was written goes to the disk.
///
/// Whatever the choice, events that were written survive the end of the program, however it ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum FileSync {
    /// Before events count as delivered: a power cut loses none of them.
    Batch,
    /// At the first batch after this time, and at `close`: a power cut loses what was written since.
    Interval(Duration),
    /// When the system does it by itself, commonly within 30 s: a power cut loses what was written
    /// since.
    #[default]
    Os,
}

impl FileTransport {
    /// A transport that appends to the file at `path`. Opens nothing.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            rotate_at: None,
            keep_files: 5,
            sync: FileSync::default(),
            interrupt: Interrupt::new(),
            file: None,
            lines: Lines::default(),
        }
    }

    /// A transport to an address `file:PATH?rotate=SIZE&keep=FILES&sync=os|batch`.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read.
    pub fn from_url(address: &str) -> Result<Self, EndpointError> {
        Endpoint::parse_as(address, Scheme::File).map(|endpoint| Self::to(&endpoint))
    }

    /// A transport to an endpoint, with its options.
    pub(crate) fn to(endpoint: &Endpoint) -> Self {
        let mut transport = Self::new(endpoint.path());
        transport.rotate_at = endpoint.number("rotate");
        if let Some(files) = endpoint.number("keep").and_then(|files| u32::try_from(files).ok()) {
            transport.keep_files = files;
        }
        if endpoint.option("sync") == Some("batch") {
            transport.sync = FileSync::Batch;
        }
        transport
    }

    /// Starts a new file before this one grows above `bytes`; the full one becomes `PATH.1`, that one
    /// `PATH.2`, and so on. An event longer than that gets a file of its own. Default: never.
    #[must_use]
    pub fn rotate_at(mut self, bytes: u64) -> Self {
        self.rotate_at = Some(bytes.max(1));
        self
    }

    /// Full files that are kept beside the current one; the oldest is removed. Default: 5.
    #[must_use]
    pub fn keep_files(mut self, files: u32) -> Self {
        self.keep_files = files;
        self
    }

    /// When what was written goes to the disk. Default: [`FileSync::Os`].
    #[must_use]
    pub fn sync(mut self, sync: FileSync) -> Self {
        self.sync = sync;
        self
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all events, as far as it comes.
    fn append_all(&mut self, batch: &mut Batch<'_>, events: &[Bytes]) -> Result<(), TransportError> {
        self.file = self.file.take().and_then(|file| file.if_still_at(&self.path));
        let mut left = events;
        // Written, but not acknowledged before it is on the disk.
        let mut unsynced = 0;
        while let Some(next) = left.first() {
            if self.interrupt.is_raised() {
                self.sync_if_due()?;
                batch.acknowledge(unsynced);
                return Err(TransportError::new(ErrorKind::Unavailable, "interrupted while writing"));
            }
            let mut file = self.opened()?;
            if self.wants_rotation(&file, next) {
                self.file = Some(file);
                self.sync_now()?;
                batch.acknowledge(std::mem::take(&mut unsynced));
                // Another program that writes to the file may have moved it away meanwhile.
                let mine = self.file.take().and_then(|file| file.if_still_at(&self.path));
                if mine.is_some_and(|file| self.wants_rotation(&file, next)) {
                    rotation::rotate(&self.path, self.keep_files)
                        .map_err(|error| failed("rotate", &self.path, error))?;
                }
                continue;
            }
            let taken = self.lines.fill(left, self.room(&file));
            left = left.get(taken..).unwrap_or_default();
            let result = file.append(&mut self.lines);
            self.file = Some(file);
            match self.sync {
                FileSync::Batch => unsynced += self.lines.complete(),
                FileSync::Interval(_) | FileSync::Os => batch.acknowledge(self.lines.complete()),
            }
            if let Err(error) = result {
                self.sync_if_due()?;
                batch.acknowledge(unsynced);
                return Err(failed("append to", &self.path, error));
            }
        }
        self.sync_if_due()?;
        batch.acknowledge(unsynced);
        Ok(())
    }

    fn opened(&mut self) -> Result<LogFile, TransportError> {
        match self.file.take() {
            Some(file) => Ok(file),
            None => LogFile::open(&self.path).map_err(|error| failed("open", &self.path, error)),
        }
    }

    /// Whether the next event belongs into the next file.
    fn wants_rotation(&self, file: &LogFile, next: &Bytes) -> bool {
        let limit = self.rotate_at.filter(|_| file.is_regular());
        let length = file.length();
        limit.is_some_and(|limit| length > 0 && length.saturating_add(next.len() as u64 + 1) > limit)
    }

    /// How many bytes may be written at once.
    fn room(&self, file: &LogFile) -> usize {
        let limit = self.rotate_at.filter(|_| file.is_regular());
        let room = limit.and_then(|limit| usize::try_from(limit.saturating_sub(file.length())).ok());
        room.unwrap_or(CHUNK).min(CHUNK)
    }

    fn sync_if_due(&mut self) -> Result<(), TransportError> {
        let due = match self.sync {
            FileSync::Batch => true,
            FileSync::Interval(interval) => {
                self.file.as_ref().is_some_and(|file| file.since_sync() >= interval)
            }
            FileSync::Os => false,
        };
        if due { self.sync_now() } else { Ok(()) }
    }

    /// Makes what was written durable, whatever has failed before; nothing under [`FileSync::Os`].
    fn sync_now(&mut self) -> Result<(), TransportError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.sync == FileSync::Os {
            return Ok(());
        }
        file.sync(&self.path).map_err(|error| {
            // The system may have forgotten what it could not write: asking again would prove nothing.
            self.file = None;
            failed("sync", &self.path, error)
        })
    }
}

impl Transport for FileTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        let events = batch.remaining()?;
        if events.is_empty() { Ok(()) } else { self.append_all(batch, &events) }
    }

    /// Opens the file; one that was not there is made and removed again.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let started = Instant::now();
        let length = log_file::probe(&self.path).map_err(|error| failed("open", &self.path, error))?;
        let mut report = ProbeReport::new();
        report.push("open", format!("{}, {length} bytes", self.path.display()), started.elapsed());
        Ok(report)
    }

    fn close(&mut self) {
        // Nobody is there to be told; what was promised to be durable is so already.
        let _ = self.sync_now();
        self.file = None;
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}

fn failed(what: &str, path: &Path, error: io::Error) -> TransportError {
    let path = path.display();
    let (kind, advice) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::Misconfigured, "create its folder first"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Misconfigured, "let the user of this program write to it and its folder")
        }
        io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::InvalidInput => (ErrorKind::Misconfigured, "name a file in a folder that is there"),
        _ if is_full(&error) => (ErrorKind::Throttled { retry_after: None }, "make room on the disk"),
        _ => (ErrorKind::Unavailable, "see the log of the system about the disk"),
    };
    TransportError::new(kind, format!("cannot {what} {path}")).caused_by(error).advise(advice)
}

/// Bytes of one write.
const CHUNK: usize = 256 * 1024;
