use crate::dead_letter::DeadLetter;
use crate::stats::{DropReason, Drops};
use logstash_transport::TransportError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Is told what happens to events; given to a handler with
/// [`listener`](crate::HandlerBuilder::listener).
///
/// Called on the two threads of the handler and by its shutdown, never by what logs: what takes long here holds up
/// storage or delivery. What it logs does not become an event, and a panic in it is contained.
///
/// ```
/// use logstash_handler::{DropReason, Handler, Listener, LogstashFormatter};
/// use logstash_transport::{DiscardTransport, TransportError, error_chain};
///
/// struct Alarm;
///
/// impl Listener for Alarm {
///     fn failed(&self, error: &TransportError) {
///         eprintln!("cannot deliver log events: {}", error_chain(error));
///     }
///
///     fn dropped(&self, events: u64, reason: DropReason) {
///         eprintln!("{events} log events are lost: {reason}");
///     }
/// }
///
/// let builder = Handler::builder(LogstashFormatter::new(), DiscardTransport::new()).listener(Alarm);
/// # let _ = builder;
/// ```
pub trait Listener: Send + Sync {
    /// The peer takes events over: for the first time, or again after an error.
    fn connected(&self) {}

    /// A batch of so many events is handed to the transport.
    fn sent(&self, events: u64) {
        let _ = events;
    }

    /// The peer took over so many events.
    fn acknowledged(&self, events: u64) {
        let _ = events;
    }

    /// An attempt to deliver failed.
    fn failed(&self, error: &TransportError) {
        let _ = error;
    }

    /// Events were given up; told once for each of them, soon after.
    fn dropped(&self, events: u64, reason: DropReason) {
        let _ = (events, reason);
    }

    /// This event was given up because the peer rejected it.
    fn rejected(&self, letter: &DeadLetter) {
        let _ = letter;
    }
}

/// The listeners of a handler.
#[derive(Default)]
pub(crate) struct Listeners {
    all: Vec<Box<dyn Listener>>,
    /// The drops that they were told of.
    told: Mutex<Drops>,
}

impl Listeners {
    pub(crate) fn add(&mut self, listener: Box<dyn Listener>) {
        self.all.push(listener);
    }

    /// Tells what was dropped since it did so last.
    pub(crate) fn tell_drops(&self, dropped: Drops) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = dropped.since(*told);
        *told = dropped;
        drop(told);
        for (reason, events) in news.reasons().filter(|(_, events)| *events > 0) {
            self.tell(|listener| listener.dropped(events, reason));
        }
    }

    pub(crate) fn tell(&self, tell: impl Fn(&dyn Listener)) {
        for listener in &self.all {
            // Its own trouble, and nobody here to tell.
            let _ = catch_unwind(AssertUnwindSafe(|| tell(&**listener)));
        }
    }
}
