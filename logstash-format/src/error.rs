use std::error::Error;
use std::fmt;

/// Why a formatter could not write an event; the source says what went wrong.
///
/// The formatters of this crate replace a value that fails by a marker and never return it.
#[derive(Debug)]
pub struct FormatError {
    source: Box<dyn Error + Send + Sync>,
}

impl FormatError {
    /// For formatters of your own: an error with its cause, which may be a plain text.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event cannot be formatted")
    }
}

impl Error for FormatError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
