use crate::core::Patience;
use crate::dead_letter::{DeadLetterError, DeadLetterFile};
use crate::handler::Handler;
use crate::stats::DropReason;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::{Instant, SystemTime};

/// What [`Handler::replay`] did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// Letters that are on their way again.
    pub events: u64,
    /// Lines that were no letters; they are gone.
    pub damaged: u64,
}

/// Why dead letters were not delivered again, or not all of them. They are still in their file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file of dead letters failed.
    File(io::Error),
    /// A letter cannot be read.
    Letter(DeadLetterError),
    /// The handler did not take a letter.
    Dropped(DropReason),
    /// Not all letters could be stored in time.
    NotInTime,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => f.write_str("the file of dead letters failed"),
            Self::Letter(_) => f.write_str("a dead letter cannot be read"),
            Self::Dropped(_) => f.write_str("the handler did not take a dead letter"),
            Self::NotInTime => f.write_str("dead letters were not stored in time"),
        }
    }
}

impl Error for ReplayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Letter(error) => Some(error),
            Self::Dropped(reason) => Some(reason),
            Self::NotInTime => None,
        }
    }
}

/// Sets the letters aside, hands them over, and forgets them when they are stored.
pub(crate) fn replay(
    handler: &Handler,
    letters: &DeadLetterFile,
    deadline: Instant,
) -> Result<Replay, ReplayError> {
    let left = || deadline.saturating_duration_since(Instant::now());
    let mut done = Replay::default();
    for letter in letters.set_aside().map_err(ReplayError::File)? {
        let letter = match letter {
            Ok(letter) => letter,
            Err(error) if error.source().is_none() => {
                done.damaged += 1;
                continue;
            }
            Err(error) => return Err(ReplayError::Letter(error)),
        };
        let patience = Patience::Of(left());
        let handed_over =
            handler.core().hand_over(&letter.document, SystemTime::now(), None, patience, false);
        handed_over.map_err(ReplayError::Dropped)?;
        done.events += 1;
    }
    if !handler.sync(left()).complete {
        return Err(ReplayError::NotInTime);
    }
    letters.forget_aside().map_err(ReplayError::File)?;
    Ok(done)
}
