//! What time it is: the rules of writer and sender ask here, so that a test can play months in seconds.

use std::time::{Instant, SystemTime};

pub(crate) trait Clock: Send + Sync {
    /// For intervals; never goes back.
    fn now(&self) -> Instant;

    /// For the age of events; as wrong as the clock of the machine.
    fn wall(&self) -> SystemTime;
}

/// The clock of the machine.
pub(crate) struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}
