use logstash_format::{Event, FormatError, Formatter};
use logstash_transport::{Batch, ErrorKind, Transport, TransportError};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Formats and delivers in the thread that logs, and tells it how that went.
///
/// For short-lived jobs, audit events and tests, where waiting for the peer is what is wanted: no
/// thread, no queue, no retry. One event at a time; others wait for it as long as the timeouts of the
/// transport allow. A forked child makes one of its own: this one belongs to its parent.
///
/// ```no_run
/// # #[cfg(feature = "beats")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use logstash_handler::{BeatsTransport, Event, Level, LogstashFormatter, SyncHandler};
///
/// let handler = SyncHandler::new(LogstashFormatter::new(), BeatsTransport::new("logstash.example:5044")?);
/// handler.emit(&Event::new(Level::Info, "backup", "backup is done"))?; // the peer has it
/// handler.close();
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "beats"))]
/// # fn main() {}
/// ```
pub struct SyncHandler {
    formatter: Box<dyn Formatter>,
    transport: Mutex<Box<dyn Transport>>,
    /// The process that made it.
    process: u32,
}

impl SyncHandler {
    /// A handler that is not connected yet.
    pub fn new(formatter: impl Formatter + 'static, transport: impl Transport + 'static) -> Self {
        Self {
            formatter: Box::new(formatter),
            transport: Mutex::new(Box::new(transport)),
            process: std::process::id(),
        }
    }

    /// Delivers an event; it is acknowledged, as its transport means that, when this returns.
    ///
    /// # Errors
    ///
    /// [`SyncError`] when it could not be formatted or delivered. Then it may have arrived all the
    /// same, where only its acknowledgement was lost.
    pub fn emit(&self, event: &Event<'_>) -> Result<(), SyncError> {
        let mut document = Vec::new();
        let formatted = catch_unwind(AssertUnwindSafe(|| self.formatter.format(event, &mut document)));
        match formatted {
            Ok(formatted) => formatted.map_err(SyncError::Format)?,
            Err(_) => return Err(SyncError::Format(FormatError::new("formatting panicked"))),
        }
        self.deliver(document)
    }

    /// Delivers an event that is serialised already: one document without a line break.
    ///
    /// # Errors
    ///
    /// As those of [`emit`](Self::emit).
    pub fn emit_raw(&self, document: &[u8]) -> Result<(), SyncError> {
        if document.is_empty() {
            return Err(SyncError::Format(FormatError::new("the document is empty")));
        }
        self.deliver(document.to_vec())
    }

    /// Closes the connection in an orderly way; a later event connects again.
    pub fn close(&self) {
        if self.is_forked() {
            return;
        }
        self.transport.lock().unwrap_or_else(PoisonError::into_inner).close();
    }

    fn deliver(&self, document: Vec<u8>) -> Result<(), SyncError> {
        if self.is_forked() {
            let text = "this handler belongs to the parent of this process; make another one after the fork";
            return Err(SyncError::Transport(TransportError::new(ErrorKind::Misconfigured, text)));
        }
        let mut transport = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        transport.send(&mut Batch::from_events([document])).map_err(SyncError::Transport)
    }

    /// In a forked child the connection is the parent's, and its lock may be held for ever.
    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }
}

impl fmt::Debug for SyncHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncHandler").finish_non_exhaustive()
    }
}

/// Why a [`SyncHandler`] did not deliver an event.
#[derive(Debug)]
#[non_exhaustive]
pub enum SyncError {
    /// The event makes no document.
    Format(FormatError),
    /// The peer did not take it.
    Transport(TransportError),
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format(_) => "the event cannot be formatted",
            Self::Transport(_) => "the event was not delivered",
        })
    }
}

impl Error for SyncError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Format(error) => Some(error),
            Self::Transport(error) => Some(error),
        }
    }
}
