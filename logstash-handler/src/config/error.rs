use crate::queue::QueueError;
use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a configuration cannot be put into effect.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file for dead letters cannot be opened.
    DeadLetters {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The queue cannot be opened.
    Queue(QueueError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadLetters { path, .. } => {
                write!(f, "cannot open the file for dead letters {}", path.display())
            }
            Self::Queue(_) => f.write_str("cannot open the queue"),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::DeadLetters { error, .. } => Some(error),
            Self::Queue(error) => Some(error),
        }
    }
}
