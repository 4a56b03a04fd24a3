//! The books that the threads of a handler keep together, and where they wait for each other.

use crate::clock::Clock;
use crate::progress::Progress;
use crate::stats::{ConnectionState, DropReason, Drops};
use std::collections::VecDeque;
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
    /// Events that are or were in the queue for the sender to see, recovered ones among them.
    pub(crate) appended: u64,
    /// Events that left the queue, in order. May run ahead of `appended` for a moment.
    pub(crate) left_queue: u64,
    /// At which place in the queue events are that the writer took.
    pub(crate) places: Places,
    /// Which places of the queue were given up.
    pub(crate) refused: GivenUp,
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
            self.given_up.push(self.taken..self.taken + displaced, DropReason::Overflow);
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
            self.refused.push(first..first + events, reason);
            self.progress.gave_up(self.left_queue);
        }
    }

    /// The queue took the events at these positions, the oldest of which is of that time.
    pub(crate) fn append(&mut self, positions: Range<u64>, at: SystemTime) {
        let events = positions.end - positions.start;
        self.places.push(positions, self.appended);
        self.appended += events;
        self.progress.appended(self.appended, at);
    }

    /// What has become of the event at a position; `None` while that is open.
    pub(crate) fn outcome(&self, position: u64) -> Option<Result<(), DropReason>> {
        if let Some(reason) = self.given_up.reason(position) {
            return Some(Err(reason));
        }
        let place = self.places.of(position).filter(|place| *place < self.left_queue)?;
        Some(self.refused.reason(place).map_or(Ok(()), Err))
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

/// The positions of events that the writer had to give up, so that nobody is told that they are stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenUp {
    ranges: VecDeque<(Range<u64>, DropReason)>,
    /// How many there were in all.
    pub(crate) events: u64,
}

impl GivenUp {
    pub(crate) fn push(&mut self, range: Range<u64>, reason: DropReason) {
        if range.is_empty() {
            return;
        }
        self.events += range.end - range.start;
        match self.ranges.back_mut() {
            Some((last, of)) if last.end == range.start && *of == reason => last.end = range.end,
            _ => self.ranges.push_back((range, reason)),
        }
        // Whoever waits for an event asks soon after it is given up, so old ranges may be forgotten.
        if self.ranges.len() > MAX_RANGES {
            self.ranges.pop_front();
        }
    }

    /// Why the first of the events at some positions that were given up was, if any was.
    #[cfg(feature = "relay")]
    pub(crate) fn reason_in(&self, positions: &Range<u64>) -> Option<DropReason> {
        let meets = |range: &Range<u64>| range.start < positions.end && positions.start < range.end;
        self.ranges.iter().find(|(range, _)| meets(range)).map(|(_, reason)| *reason)
    }

    /// Why the event at a position was given up, if it was.
    pub(crate) fn reason(&self, position: u64) -> Option<DropReason> {
        self.ranges.iter().find(|(range, _)| range.contains(&position)).map(|(_, reason)| *reason)
    }
}

/// Where in the queue the events at some positions are, for those who wait for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Positions, and the place of the first.
    ranges: VecDeque<(Range<u64>, u64)>,
}

impl Places {
    fn push(&mut self, positions: Range<u64>, place: u64) {
        match self.ranges.back_mut() {
            Some((last, first))
                if last.end == positions.start && *first + (last.end - last.start) == place =>
            {
                last.end = positions.end;
            }
            _ => self.ranges.push_back((positions, place)),
        }
        // There is a new one only where events were given up on the way; who waits for old ones is
        // told that it was not in time.
        if self.ranges.len() > MAX_RANGES {
            self.ranges.pop_front();
        }
    }

    fn of(&self, position: u64) -> Option<u64> {
        let index = self.ranges.partition_point(|(positions, _)| positions.end <= position);
        let (positions, first) = self.ranges.get(index)?;
        positions.contains(&position).then(|| first + (position - positions.start))
    }
}

const MAX_RANGES: usize = 1024;

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
}
