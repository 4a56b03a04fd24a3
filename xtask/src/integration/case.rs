use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::table::Column;
use crate::failure::Failure;

/// One thing that must work with a peer, or whose failure by the peer is known.
pub(super) struct Case {
    pub(super) name: String,
    /// Where its outcome stands in the matrix, if it does.
    pub(super) cell: Option<Cell>,
    /// Whether it mostly waits, so that others may run meanwhile.
    pub(super) is_long: bool,
    run: Run,
}

type Run = Box<dyn FnOnce() -> Result<Verdict, Failure> + Send>;

/// A place in the matrix.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    /// Who sends to whom.
    pub(super) pair: String,
    pub(super) column: Column,
}

/// What came out of a case where nothing went wrong that should not; with its detail for the report.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Passed(String),
    /// The peer failed as it is known to; tells what its fault is.
    ExpectedFailure(String),
    /// The peer cannot do it at all; tells why.
    NotApplicable(String),
}

impl From<String> for Verdict {
    fn from(detail: String) -> Self {
        Self::Passed(detail)
    }
}

impl Case {
    /// What `run` returns is the detail in the report.
    pub(super) fn new<V: Into<Verdict>>(
        name: impl Into<String>,
        run: impl FnOnce() -> Result<V, Failure> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), cell: None, is_long: false, run: Box::new(move || run().map(Into::into)) }
    }

    /// What a peer cannot do at all.
    pub(super) fn not_applicable(name: impl Into<String>, reason: &'static str) -> Self {
        Self::new(name, move || Ok(Verdict::NotApplicable(reason.to_owned())))
    }

    /// Gives it a place in the matrix.
    pub(super) fn cell(mut self, pair: &str, column: Option<Column>) -> Self {
        self.cell = column.map(|column| Cell { pair: pair.to_owned(), column });
        self
    }

    /// Lets others run while it does.
    pub(super) fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    /// Runs it on a thread of its own: neither a panic nor a hang stops the cases after it.
    pub(super) fn run(self) -> Result<Verdict, Failure> {
        self.start().outcome()
    }

    /// Starts it on a thread of its own.
    pub(super) fn start(self) -> Started {
        let (sender, outcome) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let outcome = panic::catch_unwind(AssertUnwindSafe(self.run))
                .unwrap_or_else(|panic| Err(Failure::Failed(message(&*panic))));
            // Nobody listens any more if the time is over.
            let _ = sender.send(outcome);
        });
        Started { outcome, deadline: Instant::now() + PATIENCE }
    }
}

/// A case that runs.
pub(super) struct Started {
    outcome: Receiver<Result<Verdict, Failure>>,
    deadline: Instant,
}

impl Started {
    /// Waits for its end.
    pub(super) fn outcome(self) -> Result<Verdict, Failure> {
        // Who asks late has it at once.
        self.outcome
            .recv_timeout(self.deadline.saturating_duration_since(Instant::now()))
            .unwrap_or_else(|_| Err(Failure::Failed(format!("did not end within {} s", PATIENCE.as_secs()))))
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}

/// What one case may take at most.
const PATIENCE: Duration = Duration::from_secs(180);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_failure_of_its_case() {
        let fine = Case::new("fine", || Ok("well".to_owned()));
        assert_eq!(fine.run().unwrap(), Verdict::Passed("well".to_owned()));
        let failure = Case::new("bad", || -> Result<String, Failure> { panic!("no {}", "way") }).run();
        assert_eq!(failure.unwrap_err().to_string(), "panicked: no way");
    }
}
