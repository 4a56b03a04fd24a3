use std::error::Error;
use std::fmt;
use std::io;

use logstash_transport::error_chain;

/// Why a task did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// The task ran and failed: exit code 1.
    Failed(String),
}

impl Failure {
    /// A failure that says what was going on, then what went wrong.
    pub(crate) fn because(what: impl fmt::Display, cause: impl Error) -> Self {
        Self::Failed(format!("{what}: {}", error_chain(&cause)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(message) | Self::Failed(message)) = self;
        f.write_str(message)
    }
}

impl Error for Failure {}

/// Adds to an I/O error what was tried.
pub(crate) trait Trying<T> {
    fn trying(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T> Trying<T> for io::Result<T> {
    fn trying(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::because(what, error))
    }
}

/// Returns `Err(Failure::Failed(format!(…)))`.
macro_rules! fail {
    ($($message:tt)*) => {
        return Err($crate::failure::Failure::Failed(format!($($message)*)))
    };
}
pub(crate) use fail;
