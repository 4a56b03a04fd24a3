use crate::stderr;
use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// All is done.
    Done,
    /// Events were given up or wait for another run, or a relay has something that is to be looked at.
    Incomplete,
}

/// Why a command did not do what it was to do.
#[derive(Debug)]
pub(super) struct Trouble {
    what: String,
    cause: Option<Box<dyn Error>>,
}

impl Trouble {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None }
    }

    pub(super) fn because(mut self, cause: impl Into<Box<dyn Error>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Whether whoever reads our output does not any more, as `head` does; that is no failure.
    fn is_broken_pipe(&self) -> bool {
        let cause = self.cause.as_deref().and_then(|cause| cause.downcast_ref::<io::Error>());
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut cause = self.cause.as_deref().map(|cause| cause as &dyn Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The standard output did not take something.
pub(super) fn no_output(cause: io::Error) -> Trouble {
    Trouble::new("cannot write to the standard output").because(cause)
}

/// Says something to the user.
pub(super) fn tell(text: impl fmt::Display) {
    stderr::print(&format!("logstash-relay: {text}"));
}

pub(super) fn code(outcome: Result<Outcome, Trouble>) -> ExitCode {
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::from(3),
        Err(trouble) if trouble.is_broken_pipe() => ExitCode::SUCCESS,
        Err(trouble) => {
            tell(trouble);
            ExitCode::FAILURE
        }
    }
}
