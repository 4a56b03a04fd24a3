use std::error::Error;
use std::fmt;

/// Why a queue could not do what it was asked.
#[derive(Debug)]
pub struct QueueError {
    kind: QueueErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl QueueError {
    /// An error of a queue; `message` says what was being done, and with what.
    #[must_use]
    pub fn new(kind: QueueErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub const fn kind(&self) -> QueueErrorKind {
        self.kind
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for QueueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// What to do about a [`QueueError`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum QueueErrorKind {
    /// The store is damaged beyond what could be repaired; a human must look.
    Damaged,
    /// The windows do not fit; wait until some are delivered.
    Full,
    /// Another process holds the queue; the message names it.
    Locked,
    /// The path or an option is wrong.
    Misconfigured,
    /// The store failed, perhaps only for now; try again later.
    Unavailable,
}
