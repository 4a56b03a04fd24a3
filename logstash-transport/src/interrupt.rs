use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A signal from the owner of a transport to end what it is waiting for.
///
/// Transports look at it at least every 50 ms while they wait, and return an error of kind
/// [`Unavailable`](crate::ErrorKind::Unavailable) when it is raised. Clones are the same signal.
///
/// ```
/// let interrupt = logstash_transport::Interrupt::new();
/// interrupt.clone().raise();
/// assert!(interrupt.is_raised());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    raised: Arc<AtomicBool>,
}

impl Interrupt {
    /// How long it may go unnoticed: no wait lasts longer before it is looked at.
    pub(crate) const SLICE: Duration = Duration::from_millis(50);

    /// A signal that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the signal, for good.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Release);
    }

    /// Whether the signal is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }
}
