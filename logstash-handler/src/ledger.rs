//! The books that the threads of a handler keep together, and where they wait for each other.

mod awaited;

mod given_up;
pub(crate) use given_up::GivenUp;

mod places;

use self::awaited::{Awaited, Noted};
use self::places::Places;
use crate::clock::Clock;
use crate::progress::Progress;
use crate::stats::{ConnectionState, DropReason, Drops};
use std::fmt;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// Where every event is, from the moment it leaves the arena.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
    changed: Condvar,
    watcher: Option<Watcher>,
}

/// Is called after every change of the books, and when the arena has room again: what waits for that, but
/// not on a thread of its own. It must be quick, and may come once for several changes.
pub(crate) struct Watcher(pub(crate) Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Events that were turned away before they reached the arena.
    pub(crate) turned_away: u64,
    pub(crate) recovered: u64,
    /// Events of the handler's own.
    pub(crate) reports: u64,
    pub(crate) in_writer: u64,
    pub(crate) queued: u64,
    pub(crate) acknowledged: u64,
    pub(crate) dropped: Drops,
    /// Events that the writer took from the arena.
    pub(crate) taken: u64,
    /// Those of them that the queue took, or that were given up; they are so in order.
    pub(crate) handled: u64,
    /// Those of them that are stored durably, or given up; they are so in order.
    pub(crate) stored: u64,
    /// Up to where somebody asked for them to be stored durably.
    pub(crate) durable_wanted: u64,
    /// Which of them were given up.
    pub(crate) given_up: GivenUp,
    /// Which of them somebody waits for.
    awaited: Awaited,
    /// Events that are or were in the queue for the sender to see, recovered ones among them.
    pub(crate) appended: u64,
    /// Events that left the queue, in order. May run ahead of `appended` for a moment.
    pub(crate) left_queue: u64,
    /// At which place in the queue events are that the writer took.
    places: Places,
    /// Which places of the queue were given up.
    refused: GivenUp,
    pub(crate) progress: Progress,
    pub(crate) connection: ConnectionState,
    pub(crate) failures: u64,
    pub(crate) last_error: Option<(String, SystemTime)>,
    pub(crate) writer_ended: bool,
    pub(crate) sender_ended: bool,
    /// The writer waits for room in a full queue, and the oldest events are to make it.
    pub(crate) room_wanted: bool,
    /// Until then somebody waits for delivery: the sender tries often instead of waiting its backoff out.
    pub(crate) hurried_until: Option<Instant>,
    pub(crate) stopping: bool,
}

impl Books {
    /// The writer takes events from the arena, before which others were given up there; tells the
    /// position of the first.
    pub(crate) fn take(&mut self, displaced: u64, events: u64) -> u64 {
        if displaced > 0 {
            // Counted by the arena.
            self.give_up(self.taken..self.taken + displaced, DropReason::Overflow);
        }
        let position = self.taken + displaced;
        self.taken = position + events;
        self.in_writer += events;
        position
    }

    /// Events that the sender finds in the queue.
    pub(crate) const fn to_send(&self) -> u64 {
        self.appended.saturating_sub(self.left_queue)
    }

    /// Events leave the front of the queue; tells how many there were.
    fn leave_queue(&mut self, events: u64) -> u64 {
        let events = events.min(self.queued);
        self.queued -= events;
        self.left_queue += events;
        events
    }

    /// Events of the queue are delivered.
    pub(crate) fn acknowledge(&mut self, events: u64, clock: &dyn Clock) {
        let events = self.leave_queue(events);
        self.acknowledged += events;
        self.progress.acknowledged(self.left_queue, events, clock.now(), clock.wall());
    }

    /// Events of the queue are given up.
    pub(crate) fn drop_queued(&mut self, events: u64, reason: DropReason) {
        let first = self.left_queue;
        let events = self.leave_queue(events);
        if events > 0 {
            self.dropped.add(reason, events);
            if let Some((forgotten, reason)) = self.refused.push(first..first + events, reason) {
                self.awaited.note_refused(&forgotten, reason, &self.places);
            }
            self.progress.gave_up(self.left_queue);
        }
    }

    /// Events that the writer took never get into the queue; they are counted elsewhere.
    pub(crate) fn give_up(&mut self, positions: Range<u64>, reason: DropReason) {
        if let Some((forgotten, reason)) = self.given_up.push(positions, reason) {
            self.awaited.note(forgotten, |_| Noted::GivenUp(reason));
        }
    }

    /// The queue took the events at these positions, the oldest of which is of that time.
    pub(crate) fn append(&mut self, positions: Range<u64>, at: SystemTime) {
        let events = positions.end - positions.start;
        if let Some((forgotten, place)) = self.places.push(positions, self.appended) {
            let first = forgotten.start;
            self.awaited.note(forgotten, |position| Noted::Place(place + (position - first)));
        }
        self.appended += events;
        self.progress.appended(self.appended, at);
    }

    /// Somebody is going to ask what has become of the event at a position, however late: to be said soon after it
    /// was taken in, and to be taken back with [`cease`](Self::cease).
    pub(crate) fn expect(&mut self, position: u64) {
        self.awaited.add(position);
    }

    /// One who waited does not any more.
    pub(crate) fn cease(&mut self, position: u64) {
        self.awaited.remove(position);
    }

    /// What has become of the event at a position; `None` while that is open.
    pub(crate) fn outcome(&self, position: u64) -> Option<Result<(), DropReason>> {
        if let Some(reason) = self.loss(&(position..position + 1)) {
            return Some(Err(reason));
        }
        if let Some(reason) = self.awaited.refusal(position) {
            return Some(Err(reason));
        }
        let place = self.places.of(position).or_else(|| self.awaited.place(position));
        let place = place.filter(|place| *place < self.left_queue)?;
        Some(self.refused.reason(place).map_or(Ok(()), Err))
    }

    /// Why one of the events at some positions, the last of which somebody waits for, never got into the queue; `None`
    /// if none is known to be lost.
    pub(crate) fn loss(&self, positions: &Range<u64>) -> Option<DropReason> {
        self.given_up.reason_in(positions).or_else(|| self.awaited.loss(positions.end.checked_sub(1)?))
    }

    /// Somebody waits for delivery until `deadline`.
    pub(crate) fn hurry_until(&mut self, deadline: Instant) {
        self.hurried_until = self.hurried_until.max(Some(deadline));
    }

    pub(crate) fn failed(&mut self, error: String) {
        self.failures += 1;
        self.last_error = Some((error, SystemTime::now()));
    }
}

impl Ledger {
    pub(crate) fn watched_by(watcher: Option<Watcher>) -> Self {
        Self { watcher, ..Self::default() }
    }

    /// Tells the watcher, if there is one, to look.
    pub(crate) fn stir(&self) {
        if let Some(Watcher(watcher)) = &self.watcher {
            watcher();
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Books> {
        // The books are right after every statement, so a panic elsewhere does not spoil them.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the books and wakes whoever waits for them.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        self.stir();
        result
    }

    /// Waits until `condition` holds, at most until `deadline`; tells whether it holds.
    pub(crate) fn wait_until(
        &self,
        deadline: Option<Instant>,
        mut condition: impl FnMut(&Books) -> bool,
    ) -> bool {
        let mut books = self.lock();
        while !condition(&books) {
            books = match deadline {
                None => self.changed.wait(books).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.changed.wait_timeout(books, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MachineClock;

    #[test]
    fn the_outcome_of_an_event_is_known_once_it_left_the_queue() {
        // Five events from an earlier run are in the queue.
        let mut books = Books { appended: 5, queued: 5, ..Books::default() };
        let position = books.take(0, 10);
        books.append(position..4, SystemTime::UNIX_EPOCH);
        books.queued += 4;
        books.given_up.push(4..6, DropReason::Unwritable);
        books.append(6..10, SystemTime::UNIX_EPOCH);
        books.queued += 4;
        assert_eq!(books.outcome(0), None);
        assert_eq!(books.outcome(4), Some(Err(DropReason::Unwritable)));
        books.acknowledge(5, &MachineClock);
        assert_eq!(books.outcome(0), None);
        books.acknowledge(3, &MachineClock);
        books.drop_queued(1, DropReason::Rejected);
        books.acknowledge(1, &MachineClock);
        let outcomes: Vec<_> = (0..10).map(|position| books.outcome(position)).collect();
        let (lost, open) = (Some(Err(DropReason::Unwritable)), None);
        let rejected = Some(Err(DropReason::Rejected));
        assert_eq!(
            outcomes,
            [Some(Ok(())), Some(Ok(())), Some(Ok(())), rejected, lost, lost, Some(Ok(())), open, open, open]
        );
        assert_eq!(books.outcome(99), None);
    }

    #[test]
    fn an_outcome_that_somebody_waits_for_is_known_whatever_comes_behind_it() {
        let mut books = Books::default();
        let take = |books: &mut Books, displaced| {
            let position = books.take(displaced, 1);
            books.append(position..position + 1, SystemTime::UNIX_EPOCH);
            books.queued += 1;
            position
        };
        let first = take(&mut books, 0);
        let (lost, second) = (first + 1, take(&mut books, 1));
        for position in [first, first, lost, second] {
            books.expect(position);
        }
        // Each of them comes behind one that was given up.
        for _ in 0..3 * places::MAX_RANGES {
            take(&mut books, 1);
        }
        let overflow = Some(Err(DropReason::Overflow));
        assert_eq!([first, lost, second].map(|position| books.outcome(position)), [None, overflow, None]);
        books.acknowledge(1, &MachineClock);
        assert_eq!([first, second].map(|position| books.outcome(position)), [Some(Ok(())), None]);
        books.drop_queued(1, DropReason::Expired);
        assert_eq!(books.outcome(second), Some(Err(DropReason::Expired)));
        assert_eq!((books.loss(&(first..second + 1)), books.loss(&(first..first + 1))), (None, None));
        assert_eq!(books.loss(&(first..lost + 1)), Some(DropReason::Overflow));

        // Neither does it matter what was refused behind it.
        for _ in 0..3 * places::MAX_RANGES / 2 {
            books.acknowledge(1, &MachineClock);
            books.drop_queued(1, DropReason::Rejected);
        }
        assert_eq!(
            [first, second].map(|position| books.outcome(position)),
            [Some(Ok(())), Some(Err(DropReason::Expired))]
        );
        assert_eq!(books.loss(&(second..second + 1)), None, "it was in the queue");

        // What nobody waits for any more is forgotten.
        books.cease(first);
        assert_eq!(books.outcome(first), Some(Ok(())), "another one waits still");
        for position in [first, lost, second] {
            books.cease(position);
        }
        assert_eq!([first, lost, second].map(|position| books.outcome(position)), [None; 3]);
    }
}
