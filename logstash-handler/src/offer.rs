//! What the relay asks of a handler: to take events without a wait, windows as they came, and to say when
//! they are safe.

use crate::arena::{Admission, Refusal};
use crate::handler::Handler;
use crate::ledger::Books;
use crate::stats::DropReason;
use lumberjack_codec::EncodedWindow;
use std::ops::Range;
use std::time::SystemTime;

/// Why an offered event or window was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Declined {
    /// The handler has ended, or is about to. Nothing is counted: somebody else may take it.
    Closed,
    /// It is dropped and counted.
    Dropped(DropReason),
    /// There is no room at the moment. Nothing is counted: it is to be offered again.
    Full,
}

/// When an event is settled, for whoever waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Settled {
    /// When it is stored as durably as the queue can.
    Stored,
    /// When the peer has taken it over, or it was given up for a reason that is counted.
    Delivered,
}

impl Handler {
    /// Offers a serialised event; tells its position.
    pub(crate) fn offer(&self, document: &[u8], at: SystemTime) -> Result<u64, Declined> {
        self.core().check_document(document).map_err(Declined::Dropped)?;
        self.core().arena.push(document, at, Admission::TENTATIVE, false).map_err(Declined::from)
    }

    /// Drops events that were offered in vain, and counts them.
    pub(crate) fn turn_away(&self, reason: DropReason, events: u64) -> DropReason {
        self.core().turn_away(reason, events)
    }

    /// Offers a window; tells the positions of its events.
    pub(crate) fn offer_window(&self, window: EncodedWindow, at: SystemTime) -> Result<Range<u64>, Declined> {
        self.core().arena.push_window(window, at).map_err(Declined::from)
    }

    /// Asks for everything before a position to be stored durably; the watcher hears of it.
    pub(crate) fn want_stored(&self, end: u64) {
        let core = self.core();
        let is_late = core.ledger.update(|books| {
            books.durable_wanted = books.durable_wanted.max(end);
            books.handled >= end && books.stored < end
        });
        if is_late {
            // The writer was done with them before it knew that somebody waits.
            core.arena.poke();
        }
    }

    /// Has remembered what becomes of the events before a position, until [`settled`](Self::settled) has told that
    /// they are delivered.
    pub(crate) fn want_delivered(&self, end: u64) {
        if let Some(last) = end.checked_sub(1) {
            self.core().ledger.lock().expect(last);
        }
    }

    /// Whether the events at some positions are settled, and how; `None` while that is open. Who was told asks no more.
    ///
    /// They are so in the order of their positions. An error means that one of them was lost on the way to
    /// the queue.
    pub(crate) fn settled(&self, positions: &Range<u64>, when: Settled) -> Option<Result<(), DropReason>> {
        let mut books = self.core().ledger.lock();
        let outcome = outcome(&books, positions, when);
        if outcome.is_some()
            && when == Settled::Delivered
            && let Some(last) = positions.end.checked_sub(1)
        {
            books.cease(last);
        }
        outcome
    }
}

fn outcome(books: &Books, positions: &Range<u64>, when: Settled) -> Option<Result<(), DropReason>> {
    let Some(last) = positions.end.checked_sub(1) else { return Some(Ok(())) };
    let (done, over) = match when {
        Settled::Stored => (books.stored >= positions.end, books.writer_ended),
        Settled::Delivered => match books.outcome(last) {
            // Nobody decided to do without it: who sent it is to send it again.
            Some(Err(DropReason::Shutdown)) => return Some(Err(DropReason::Shutdown)),
            outcome => (outcome.is_some(), books.writer_ended && books.sender_ended),
        },
    };
    if done {
        return Some(books.loss(positions).map_or(Ok(()), Err));
    }
    over.then_some(Err(DropReason::Closed))
}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Closed => Self::Closed,
            Refusal::Full => Self::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::queue::{Depth, MemoryQueue, Peek, Queue, QueueError};
    use logstash_format::LogstashFormatter;
    use logstash_transport::{Batch, ErrorKind, ProbeReport, Transport, TransportError};
    use lumberjack_codec::{Backoff, WindowEncoder};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    /// A queue to which each pass of the writer adds an event that others have left.
    struct Shared(MemoryQueue);

    impl Queue for Shared {
        fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
            self.0.append(windows, at)
        }

        fn sync(&self) -> Result<(), QueueError> {
            self.0.sync()
        }

        fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
            self.0.peek(max_windows, max_bytes)
        }

        fn advance(&self, events: u64) {
            self.0.advance(events);
        }

        fn expire(&self, before: SystemTime) -> u64 {
            self.0.expire(before)
        }

        fn adopt(&self, found: &mut dyn FnMut(u64) -> Result<(), QueueError>) -> Result<(), QueueError> {
            found(1)?;
            self.0.append(&[window()], SystemTime::now())
        }

        fn depth(&self) -> Depth {
            self.0.depth()
        }
    }

    /// A peer that takes nothing until it is there.
    struct Peer(Arc<AtomicBool>);

    impl Transport for Peer {
        fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
            if !self.0.load(Ordering::Relaxed) {
                return Err(TransportError::new(ErrorKind::Unavailable, "it is not there"));
            }
            batch.acknowledge(batch.remaining_events());
            Ok(())
        }

        fn probe(&mut self) -> Result<ProbeReport, TransportError> {
            Err(TransportError::new(ErrorKind::Unavailable, "nobody asks"))
        }

        fn close(&mut self) {}
    }

    fn window() -> EncodedWindow {
        WindowEncoder::new(0).encode(["{}"]).unwrap()
    }

    fn wait(ledger: &Ledger, condition: impl FnMut(&Books) -> bool) {
        assert!(ledger.wait_until(Some(Instant::now() + Duration::from_secs(20)), condition));
    }

    #[test]
    fn a_window_is_settled_when_it_is_due_whatever_came_behind_it() {
        let is_there = Arc::new(AtomicBool::new(false));
        let millisecond = Duration::from_millis(1);
        let (handler, guard) = Handler::builder(LogstashFormatter::new(), Peer(Arc::clone(&is_there)))
            .queue(Shared(MemoryQueue::new()))
            .retry(Backoff::new().base(millisecond).max(millisecond))
            .stderr(false)
            .start()
            .unwrap();
        let offer = || {
            let positions = handler.offer_window(window(), SystemTime::now()).unwrap();
            handler.want_stored(positions.end);
            wait(&handler.core().ledger, |books| books.stored >= positions.end);
            positions
        };
        let first = handler.offer_window(window(), SystemTime::now()).unwrap();
        handler.want_delivered(first.end);
        for _ in 0..1500 {
            offer();
        }
        assert_eq!(handler.settled(&first, Settled::Delivered), None);
        is_there.store(true, Ordering::Relaxed);
        wait(&handler.core().ledger, |books| books.outcome(first.start).is_some());
        assert_eq!(handler.settled(&first, Settled::Delivered), Some(Ok(())));
        drop(guard);
    }
}
