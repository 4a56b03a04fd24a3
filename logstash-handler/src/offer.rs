//! What the relay asks of a handler: to take events without a wait, windows as they came, and to say when
//! they are safe.

use crate::arena::{Admission, Refusal};
use crate::handler::Handler;
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

    /// Whether the events at some positions are settled, and how; `None` while that is open.
    ///
    /// They are so in the order of their positions. An error means that one of them was lost on the way to
    /// the queue.
    pub(crate) fn settled(&self, positions: &Range<u64>, when: Settled) -> Option<Result<(), DropReason>> {
        let books = self.core().ledger.lock();
        let Some(last) = positions.end.checked_sub(1) else { return Some(Ok(())) };
        if when == Settled::Delivered && books.outcome(last) == Some(Err(DropReason::Shutdown)) {
            // Nobody decided to do without it: who sent it is to send it again.
            return Some(Err(DropReason::Shutdown));
        }
        let (done, over) = match when {
            Settled::Stored => (books.stored >= positions.end, books.writer_ended),
            Settled::Delivered => (books.outcome(last).is_some(), books.writer_ended && books.sender_ended),
        };
        if done {
            return Some(books.given_up.reason_in(positions).map_or(Ok(()), Err));
        }
        over.then_some(Err(DropReason::Closed))
    }
}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Closed => Self::Closed,
            Refusal::Full => Self::Full,
        }
    }
}
