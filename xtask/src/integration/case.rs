use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::failure::Failure;

/// One thing that must work with a peer.
pub(super) struct Case {
    pub(super) name: String,
    run: Box<dyn FnOnce() -> Result<String, Failure> + Send>,
}

impl Case {
    /// What `run` returns is the detail in the report.
    pub(super) fn new(
        name: impl Into<String>,
        run: impl FnOnce() -> Result<String, Failure> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    /// Runs it on a thread of its own: neither a panic nor a hang stops the cases after it.
    pub(super) fn run(self) -> Result<String, Failure> {
        let (sender, receiver) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let outcome = panic::catch_unwind(AssertUnwindSafe(self.run))
                .unwrap_or_else(|panic| Err(Failure::Failed(message(&*panic))));
            // Nobody listens any more if the time is over.
            let _ = sender.send(outcome);
        });
        receiver
            .recv_timeout(PATIENCE)
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
        assert_eq!(Case::new("fine", || Ok("well".to_owned())).run().unwrap(), "well");
        let failure = Case::new("bad", || panic!("no {}", "way")).run().unwrap_err();
        assert_eq!(failure.to_string(), "panicked: no way");
    }
}
