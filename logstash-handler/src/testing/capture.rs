use crate::deadline::deadline;
use bytes::Bytes;
use logstash_transport::{Batch, ErrorKind, ProbeReport, Transport, TransportError};
use serde_json::Value;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A transport that keeps what it is given, and fails where a test wants it to.
///
/// Clones are handles to the same events: one goes to the handler, one stays with the test. Events are kept
/// until [`take`](Self::take), in the order in which they were delivered.
#[derive(Clone, Debug, Default)]
pub struct CaptureTransport {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: Vec<Bytes>,
    attempts: u64,
    /// How the next attempts fail.
    failures: VecDeque<ErrorKind>,
    is_rejected: Option<Refusal>,
}

type Refusal = Arc<Mutex<dyn Fn(&Value) -> bool + Send>>;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = self.events.len();
        f.debug_struct("State")
            .field("events", &events)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl CaptureTransport {
    /// A transport that takes everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events that were delivered, as they were serialised.
    #[must_use]
    pub fn events(&self) -> Vec<Bytes> {
        self.state().events.clone()
    }

    /// The events that were delivered, as JSON.
    ///
    /// # Errors
    ///
    /// [`CaptureError::NotJson`] where a formatter of your own writes something else.
    pub fn documents(&self) -> Result<Vec<Value>, CaptureError> {
        self.events().iter().map(document).collect()
    }

    /// Waits until at least this many events are delivered, and tells all of them, as JSON.
    ///
    /// # Errors
    ///
    /// [`CaptureError::NotInTime`], with how many there were, or [`CaptureError::NotJson`].
    pub fn wait_for(&self, events: usize, timeout: Duration) -> Result<Vec<Value>, CaptureError> {
        let until = deadline(timeout);
        let mut state = self.state();
        while state.events.len() < events {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CaptureError::NotInTime { events: state.events.len(), wanted: events });
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.documents()
    }

    /// Takes the events out that were delivered so far.
    #[must_use]
    pub fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.state().events)
    }

    /// How often the handler tried to deliver something.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.state().attempts
    }

    /// Has the next attempts fail, one for each kind, behind those already there. They take no event.
    pub fn fail(&self, attempts: impl IntoIterator<Item = ErrorKind>) {
        self.state().failures.extend(attempts);
    }

    /// Has events refused for good of which this is true, in the place of what was refused before.
    ///
    /// The handler gives them up and hands them to its dead letters.
    pub fn reject(&self, is_rejected: impl Fn(&Value) -> bool + Send + 'static) {
        self.state().is_rejected = Some(Arc::new(Mutex::new(is_rejected)));
    }

    /// Asks the test, without the lock: it may look at what was delivered.
    fn is_rejected(&self, event: &Bytes) -> bool {
        let Some(is_rejected) = self.state().is_rejected.clone() else { return false };
        let is_rejected = is_rejected.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_slice(event).is_ok_and(|document| is_rejected(&document))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for CaptureTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        let failure = {
            let mut state = self.state();
            state.attempts += 1;
            state.failures.pop_front()
        };
        if let Some(kind) = failure {
            return Err(TransportError::new(kind, "the test has this attempt fail"));
        }
        for event in batch.remaining()? {
            if self.is_rejected(&event) {
                return Err(TransportError::new(ErrorKind::Rejected, "the test refuses this event"));
            }
            self.state().events.push(event);
            batch.acknowledge(1);
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        Ok(ProbeReport::new())
    }

    fn close(&mut self) {}
}

fn document(event: &Bytes) -> Result<Value, CaptureError> {
    serde_json::from_slice(event).map_err(|error| CaptureError::NotJson { event: event.clone(), error })
}

/// Why there are no documents.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// There were too few events in time.
    NotInTime {
        /// How many there were.
        events: usize,
        /// How many were waited for.
        wanted: usize,
    },
    /// An event is no JSON.
    NotJson {
        /// Which one.
        event: Bytes,
        /// Why.
        error: serde_json::Error,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInTime { events, wanted } => {
                write!(f, "{events} of {wanted} events were delivered in time")
            }
            Self::NotJson { event, .. } => write!(f, "this event is no JSON: {event:?}"),
        }
    }
}

impl Error for CaptureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotInTime { .. } => None,
            Self::NotJson { error, .. } => Some(error),
        }
    }
}
