use crate::probe::{ProbeReport, ProbeStep};
use lumberjack_codec::DecodeError;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a transport could not deliver.
///
/// [`kind`](Self::kind) is for the caller's reaction, the message, the [`source`](Error::source) and the
/// [`advice`](Self::advice) are for a human.
#[derive(Debug)]
pub struct TransportError {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    advice: Option<Cow<'static, str>>,
    passed: Vec<ProbeStep>,
}

impl TransportError {
    /// An error; `message` says what was being done, and with whom.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, advice: None, passed: Vec::new() }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds one sentence on what a human can do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds what had succeeded before.
    #[must_use]
    pub fn after(mut self, report: &ProbeReport) -> Self {
        self.passed.splice(..0, report.steps.iter().cloned());
        self
    }

    /// Adds a sentence on what to do where there is none that knows better.
    #[cfg(feature = "redis")]
    pub(crate) fn or_advise(self, advice: &'static str) -> Self {
        if self.advice.is_some() { self } else { self.advise(advice) }
    }

    /// This error as the cause of one that says what was being done; kind and advice stay.
    #[cfg(any(feature = "beats", feature = "redis"))]
    pub(crate) fn within(mut self, message: impl Into<String>) -> Self {
        Self {
            passed: std::mem::take(&mut self.passed),
            kind: self.kind,
            message: message.into(),
            advice: self.advice.clone(),
            source: Some(self.into()),
        }
    }

    /// What a human can do about it, in one sentence, where that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// The steps on the way to the peer that had succeeded, where that is known.
    #[must_use]
    pub fn passed(&self) -> &[ProbeStep] {
        &self.passed
    }

    /// What the program is to do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// A window of the batch that cannot be read back: no transport can deliver it.
impl From<DecodeError> for TransportError {
    fn from(error: DecodeError) -> Self {
        Self::new(ErrorKind::Rejected, "window cannot be read back").caused_by(error)
    }
}

/// An error and all its causes in one line, for a human.
///
/// ```
/// use logstash_transport::{ErrorKind, TransportError, error_chain};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = TransportError::new(ErrorKind::Unavailable, "cannot connect to beats://logstash:5044");
/// assert_eq!(error_chain(&error.caused_by(refused)), "cannot connect to beats://logstash:5044: connection refused");
/// ```
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some libraries tell the cause in the text of its consequence.
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// What to do about a [`TransportError`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It will not work until a human changes something: keep the events, say it loudly, try rarely.
    Misconfigured,
    /// The peer refuses the content: narrow it down to the events at fault.
    Rejected,
    /// The peer is overloaded: wait as long as it says.
    Throttled {
        /// How long, where the peer says so.
        retry_after: Option<Duration>,
    },
    /// The peer cannot be reached or does not answer: try again with backoff.
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cause_repeats_is_told_once() {
        let cause = || TransportError::new(ErrorKind::Unavailable, "wrong version");
        let error =
            TransportError::new(ErrorKind::Unavailable, "handshake: wrong version").caused_by(cause());
        assert_eq!(error_chain(&error), "handshake: wrong version");
        let error = TransportError::new(ErrorKind::Unavailable, "handshake").caused_by(cause());
        assert_eq!(error_chain(&error), "handshake: wrong version");
    }
}
