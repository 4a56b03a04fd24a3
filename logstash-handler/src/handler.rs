use crate::builder::HandlerBuilder;
use crate::core::{Core, Patience};
use crate::dead_letter::DeadLetterFile;
use crate::deadline::{deadline, later};
use crate::replay::{Replay, ReplayError, replay};
use crate::report::Report;
use crate::stats::{DropReason, Stats};
use logstash_format::{Event, Formatter};
use logstash_transport::Transport;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Takes log events and sees to it that they arrive.
///
/// Clones are handles to the same handler. It runs until its [`Guard`](crate::Guard) is dropped or
/// told to shut down; what is logged after that is dropped and counted.
///
/// ```
/// use logstash_handler::{Event, Handler, Level, LogstashFormatter, Value};
/// use logstash_transport::DiscardTransport; // in place of a way to Logstash
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (handler, guard) = Handler::builder(LogstashFormatter::new(), DiscardTransport::new()).start()?;
/// let fields = [("order_id", Value::from(1001))];
/// handler.emit(&Event::new(Level::Info, "shop", "order placed").fields(&fields));
/// handler.emit_durable(&Event::new(Level::Warn, "shop", "order cancelled"), Duration::from_secs(5))?;
///
/// assert!(handler.flush(Duration::from_secs(5)).complete);
/// assert_eq!(handler.stats().acknowledged, 2);
/// # drop(guard);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Handler {
    core: Arc<Core>,
}

impl Handler {
    /// Starts with what a handler cannot do without: how events look, and where they go.
    #[must_use]
    pub fn builder(
        formatter: impl Formatter + 'static,
        transport: impl Transport + 'static,
    ) -> HandlerBuilder {
        HandlerBuilder::new(Arc::new(formatter), Box::new(transport))
    }

    pub(crate) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Logs an event.
    ///
    /// Serialises it on this thread and hands it over in one short lock. Never waits for disk or
    /// network, never panics; waits for room only under [`Overflow::Block`](crate::Overflow::Block).
    /// An event that cannot be taken is dropped and counted.
    pub fn emit(&self, event: &Event<'_>) {
        let _ = self.try_emit(event);
    }

    /// Logs an event and tells whether it was taken.
    ///
    /// # Errors
    ///
    /// The reason for which it was dropped; it is counted already.
    pub fn try_emit(&self, event: &Event<'_>) -> Result<(), DropReason> {
        self.core().emit(event, Patience::OfPolicy, false).map(drop)
    }

    /// Hands over an event that is serialised already: one document without a line break.
    ///
    /// # Errors
    ///
    /// The reason for which it was dropped; it is counted already.
    pub fn emit_raw(&self, document: &[u8]) -> Result<(), DropReason> {
        self.core().hand_over(document, SystemTime::now(), None, Patience::OfPolicy, false).map(drop)
    }

    /// Logs an event and waits until it is stored, together with everything logged before it.
    ///
    /// Where the queue is on disk, it is then as safe as the queue's durability makes it. Many
    /// threads that wait at once share one write.
    ///
    /// # Errors
    ///
    /// [`EmitError`] when the event was dropped, or could not be stored in time; it may still be
    /// stored later.
    pub fn emit_durable(&self, event: &Event<'_>, timeout: Duration) -> Result<(), EmitError> {
        let deadline = deadline(timeout);
        let position = self.core().emit(event, Patience::Of(timeout), true).map_err(EmitError::Dropped)?;
        if !self.wait_stored(position + 1, deadline) {
            return Err(EmitError::NotInTime);
        }
        match self.core().ledger.lock().given_up.reason(position) {
            Some(reason) => Err(EmitError::Dropped(reason)),
            None => Ok(()),
        }
    }

    /// Logs an event and waits until the peer has acknowledged it.
    ///
    /// While it waits, the sender tries several times a second instead of waiting its backoff out.
    ///
    /// # Errors
    ///
    /// [`EmitError`] when the event was dropped, here or later, or not acknowledged in time; it may
    /// still be delivered later.
    pub fn emit_acked(&self, event: &Event<'_>, timeout: Duration) -> Result<(), EmitError> {
        let deadline = deadline(timeout);
        let position = self.core().emit(event, Patience::Of(timeout), true).map_err(EmitError::Dropped)?;
        self.core().ledger.update(|books| {
            books.expect(position);
            books.hurry_until(deadline);
        });
        let mut outcome = None;
        self.core().ledger.wait_until(Some(deadline), |books| {
            outcome = books.outcome(position);
            // In a forked child there is no sender, and another process delivers.
            let is_stored = books.writer_ended || books.handled > position;
            outcome.is_some() || books.sender_ended && is_stored
        });
        self.core().ledger.lock().cease(position);
        match outcome {
            Some(outcome) => outcome.map_err(EmitError::Dropped),
            None => Err(EmitError::NotInTime),
        }
    }

    /// Waits until everything logged before is stored; at most for `timeout`.
    ///
    /// [`Report::complete`] tells whether that was achieved: all of it stored, nothing given up on the
    /// way.
    #[must_use = "the report tells whether everything was stored in time"]
    pub fn sync(&self, timeout: Duration) -> Report {
        let started = Instant::now();
        let given_up = self.core().ledger.lock().given_up.events;
        let target = self.core().arena.snapshot(|counts| counts.pushed);
        self.core().arena.hurry();
        let stored = self.wait_stored(target, later(started, timeout));
        let complete = stored && self.core().ledger.lock().given_up.events == given_up;
        Report::of(self.core(), complete, started.elapsed())
    }

    /// Waits until everything logged before is acknowledged by the peer, or given up for a reason
    /// that is counted; at most for `timeout`.
    ///
    /// While it waits, the sender tries several times a second instead of waiting its backoff out.
    /// [`Report::complete`] tells whether everything was settled; what was not is stored, if the
    /// report says so, and goes on being delivered.
    #[must_use = "the report tells whether everything was delivered in time"]
    pub fn flush(&self, timeout: Duration) -> Report {
        let started = Instant::now();
        let deadline = later(started, timeout);
        let target = self.core().arena.snapshot(|counts| counts.pushed);
        self.core().arena.hurry();
        self.core().ledger.update(|books| books.hurry_until(deadline));
        let handled = self
            .core()
            .ledger
            .wait_until(Some(deadline), |books| books.handled >= target || books.writer_ended);
        let complete = handled && self.wait_delivered(deadline);
        Report::of(self.core(), complete, started.elapsed())
    }

    /// Delivers dead letters again, as new events; those that are rejected again come back.
    ///
    /// Waits at most `timeout` until they are stored. What is not done by then stays in the file.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] when the file cannot be read, or not all could be stored in time. Some letters
    /// may be on their way then, and will be delivered twice by the next replay.
    pub fn replay(&self, letters: &DeadLetterFile, timeout: Duration) -> Result<Replay, ReplayError> {
        replay(self, letters, deadline(timeout))
    }

    /// The books of this moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }

    /// What the handler is in this process, which may be a forked child.
    pub(crate) fn core(&self) -> &Arc<Core> {
        self.core.here()
    }

    fn wait_stored(&self, target: u64, deadline: Instant) -> bool {
        let mut stored = false;
        let is_late = self.core().ledger.update(|books| {
            books.durable_wanted = books.durable_wanted.max(target);
            books.handled >= target && books.stored < target
        });
        if is_late {
            // The writer was done with them before it knew that somebody waits.
            self.core().arena.poke();
        }
        self.core().ledger.wait_until(Some(deadline), |books| {
            stored = books.stored >= target;
            stored || books.writer_ended
        });
        stored
    }

    /// Waits until everything that is in the queue by now has left it.
    fn wait_delivered(&self, deadline: Instant) -> bool {
        let target = self.core().ledger.lock().appended;
        let mut delivered = false;
        self.core().ledger.wait_until(Some(deadline), |books| {
            delivered = books.left_queue >= target;
            delivered || books.sender_ended
        });
        delivered
    }
}

/// Why [`Handler::emit_durable`] or [`Handler::emit_acked`] could not promise anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EmitError {
    /// The event was dropped.
    Dropped(DropReason),
    /// The event was taken, but not stored or acknowledged in time; it may still be.
    NotInTime,
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped(reason) => write!(f, "event was dropped: {reason}"),
            Self::NotInTime => f.write_str("event was taken, but not settled in time"),
        }
    }
}

impl Error for EmitError {}
