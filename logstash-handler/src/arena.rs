//! Where the threads that log hand their events over: one lock, one copy, bounded in bytes.

mod chunk;
pub(crate) use chunk::{Chunk, Piece};

#[cfg(test)]
mod tests;

use crate::deadline::deadline;
use chunk::PLACE;
#[cfg(any(feature = "relay", test))]
use chunk::WINDOW_PLACE;
#[cfg(any(feature = "relay", test))]
use lumberjack_codec::EncodedWindow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A bounded buffer of serialised events that the writer thread swaps for an empty one.
///
/// Nothing is allocated per event, and pushing wakes nobody unless the writer sleeps, because waking
/// a thread is what costs most of a hand-over.
#[derive(Debug)]
pub(crate) struct Arena {
    state: Mutex<State>,
    /// The writer waits here.
    work: Condvar,
    /// Blocked producers wait here.
    room: Condvar,
    /// Bytes that events may take here; the chunk that the writer has counts apart.
    capacity: usize,
    /// Bytes and events that fill a window; the writer is woken for them before its time.
    full_window: (usize, usize),
    /// So little room is left that events are turned away before they are serialised, until the writer comes.
    /// Changed under the lock only.
    is_exhausted: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    chunk: Chunk,
    /// Events that were taken in since the start.
    pushed: u64,
    /// Events that were turned away for lack of room.
    overflowed: u64,
    /// Events that were taken in and had to make room for newer ones.
    displaced: u64,
    closed: bool,
    /// Somebody waits for the events that are here: no more lingering.
    urgent: bool,
    /// There is something else for the writer to do.
    poked: bool,
    writer: Writer,
    blocked: usize,
}

/// What the writer thread is doing, so that a push wakes it only if it must.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Writer {
    /// Busy, or on its way to look.
    #[default]
    Awake,
    /// Waits for more events for a while; a push wakes it only above `wake_at`.
    Lingering,
    /// Waits for the first event.
    Asleep,
}

impl Arena {
    /// An arena of `capacity` bytes; a window is full with so many bytes or so many events.
    pub(crate) fn new(capacity: usize, window_bytes: usize, window_events: usize) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            capacity,
            full_window: (window_bytes.min(capacity / 2), window_events),
            is_exhausted: AtomicBool::new(false),
        }
    }

    /// Whether an event on these terms would be turned away for lack of room, unless it were tiny.
    pub(crate) fn is_exhausted_for(&self, admission: Admission) -> bool {
        admission.patience.is_zero() && !admission.displaces && self.is_exhausted.load(Ordering::Relaxed)
    }

    /// Takes an event in and tells its position: how many came before it.
    ///
    /// `at` is the time of the event. [`Refusal::Full`] counts the event as overflowed.
    pub(crate) fn push(
        &self,
        event: &[u8],
        at: SystemTime,
        admission: Admission,
        urgent: bool,
    ) -> Result<u64, Refusal> {
        let mut state = self.admit(event.len(), admission)?;
        state.chunk.push(event, at);
        Ok(self.pushed(state, 1, urgent).start)
    }

    /// Takes in the events of a window that is encoded already, all or none, and tells their positions.
    ///
    /// `at` is the time of the oldest of them. Without room nothing is counted: the window is to be offered
    /// again. The writer does not wait for more.
    #[cfg(any(feature = "relay", test))]
    pub(crate) fn push_window(&self, window: EncodedWindow, at: SystemTime) -> Result<Range<u64>, Refusal> {
        let mut state = self.admit(window.bytes().len() + WINDOW_PLACE, Admission::TENTATIVE)?;
        let events = u64::from(window.events());
        state.chunk.push_window(window, at);
        Ok(self.pushed(state, events, true))
    }

    /// Waits for room, or makes it, on these terms.
    fn admit(&self, length: usize, admission: Admission) -> Result<MutexGuard<'_, State>, Refusal> {
        let capacity = admission.share.of(self.capacity);
        let mut state = self.lock();
        if !state.closed && !state.has_room(length, capacity) {
            // What is here is enough for the writer, whatever it is waiting for.
            state.urgent = true;
            if state.writer != Writer::Awake {
                // Once: to wake somebody who is awake is a system call, too.
                state.writer = Writer::Awake;
                self.work.notify_one();
            }
            if admission.displaces {
                state.make_room(length, capacity);
            } else if !admission.patience.is_zero() {
                state = self.wait_for_room(state, length, admission.patience);
            }
        }
        if state.closed {
            return Err(Refusal::Closed);
        }
        if !state.has_room(length, capacity) {
            state.overflowed += u64::from(!admission.tentative);
            let left = self.capacity.saturating_sub(state.chunk.footprint());
            self.is_exhausted.store(left <= self.capacity / EXHAUSTED_SHARE, Ordering::Relaxed);
            return Err(Refusal::Full);
        }
        Ok(state)
    }

    /// Counts what was taken in, and wakes the writer if it must know; tells the positions.
    fn pushed(&self, mut state: MutexGuard<'_, State>, events: u64, urgent: bool) -> Range<u64> {
        let first = state.pushed;
        state.pushed += events;
        state.urgent |= urgent;
        let wake = match state.writer {
            Writer::Awake => false,
            Writer::Asleep => true,
            Writer::Lingering => urgent || state.chunk.fills(self.full_window),
        };
        if wake {
            state.writer = Writer::Awake;
            drop(state);
            self.work.notify_one();
        }
        first..first + events
    }

    fn wait_for_room<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        length: usize,
        patience: Duration,
    ) -> MutexGuard<'s, State> {
        let deadline = deadline(patience);
        state.blocked += 1;
        while !state.closed && !state.has_room(length, self.capacity) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.blocked -= 1;
        state
    }

    /// Counts an event as overflowed that was not even offered.
    pub(crate) fn turn_away(&self) {
        self.lock().overflowed += 1;
    }

    /// Waits until there is something to do and swaps the events for the empty `chunk`.
    ///
    /// The first event of a quiet time waits at most `linger` for others to share its window.
    /// There is something else to do at `alarm`. `on_swap` runs under the lock, so that events are never
    /// uncounted.
    pub(crate) fn take(
        &self,
        chunk: &mut Chunk,
        linger: Duration,
        alarm: Option<Instant>,
        on_swap: impl FnOnce(&Chunk),
    ) -> Taken {
        chunk.clear();
        let mut state = self.lock();
        while state.chunk.is_empty() && !state.closed && !state.poked {
            state.writer = Writer::Asleep;
            state = match alarm.map(|alarm| alarm.saturating_duration_since(Instant::now())) {
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    state.poked = true;
                    state
                }
                Some(left) => self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        let deadline = deadline(linger);
        while !state.is_pressing(self.full_window) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.writer = Writer::Lingering;
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.writer = Writer::Awake;
        state.urgent = false;
        state.poked = false;
        std::mem::swap(&mut state.chunk, chunk);
        self.is_exhausted.store(false, Ordering::Relaxed);
        on_swap(chunk);
        let closed = state.closed;
        let blocked = state.blocked > 0;
        drop(state);
        if blocked {
            self.room.notify_all();
        }
        if closed { Taken::Last } else { Taken::More }
    }

    /// Ends the writer's lingering, because somebody waits for what is here.
    pub(crate) fn hurry(&self) {
        self.lock().urgent = true;
        self.work.notify_one();
    }

    /// Wakes the writer although there may be no event for it.
    pub(crate) fn poke(&self) {
        self.lock().poked = true;
        self.work.notify_one();
    }

    /// Takes no more events; what is here is still to be taken.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        // From now on that is the reason.
        self.is_exhausted.store(false, Ordering::Relaxed);
        drop(state);
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Looks at the counts while nothing can change them.
    pub(crate) fn snapshot<T>(&self, look: impl FnOnce(ArenaCounts) -> T) -> T {
        let state = self.lock();
        look(ArenaCounts {
            pushed: state.pushed,
            overflowed: state.overflowed + state.displaced,
            accepted: state.pushed + state.overflowed,
            events: state.chunk.len(),
            bytes: state.chunk.bytes() as u64,
            is_lingering: state.writer == Writer::Lingering,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way; and logging must go on in any case.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, length: usize, capacity: usize) -> bool {
        self.chunk.is_empty() || self.chunk.footprint().saturating_add(length + PLACE) <= capacity
    }

    /// Gives up the oldest events, so that `length` bytes have room and the next ones as well: to move
    /// the rest costs, so it is done for many events at a time.
    fn make_room(&mut self, length: usize, capacity: usize) {
        let wanted = length.saturating_add(PLACE).max(capacity / DISPLACED_SHARE);
        self.displaced +=
            self.chunk.displace(self.chunk.footprint().saturating_sub(capacity - wanted.min(capacity)));
    }

    fn is_pressing(&self, full_window: (usize, usize)) -> bool {
        let nothing_to_wait_for = self.poked && self.chunk.is_empty();
        self.urgent || self.closed || nothing_to_wait_for || self.chunk.fills(full_window)
    }
}

/// On which terms an event is taken in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    /// How long it waits for room.
    pub(crate) patience: Duration,
    /// How much of the room is open to it.
    pub(crate) share: Share,
    /// Whether older events make room for it.
    pub(crate) displaces: bool,
    /// Whether it is offered again where there is no room, and therefore not counted.
    pub(crate) tentative: bool,
}

impl Admission {
    /// No wait; what finds no room is offered again.
    pub(crate) const TENTATIVE: Self =
        Self { patience: Duration::ZERO, share: Share::ALL, displaces: false, tentative: true };
}

/// A part of a whole, in percent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Share(pub(crate) u8);

impl Share {
    pub(crate) const ALL: Self = Self(100);

    const fn of(self, whole: usize) -> usize {
        let percent = self.0 as usize;
        if percent >= 100 { whole } else { whole / 100 * percent + whole % 100 * percent / 100 }
    }
}

/// Why an event was not taken in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Closed,
    Full,
}

/// Whether more will come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    More,
    Last,
}

/// What an [`Arena`] holds and has seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArenaCounts {
    pub(crate) pushed: u64,
    /// Events that were given up for lack of room, before or after they were taken in.
    pub(crate) overflowed: u64,
    /// Events that were offered, taken in or not.
    pub(crate) accepted: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// The writer waits for more.
    pub(crate) is_lingering: bool,
}

/// What is given up at a time where older events make room: one part in so many.
const DISPLACED_SHARE: usize = 8;

/// The room that is left to an arena that counts as exhausted is at most one part in so many.
const EXHAUSTED_SHARE: usize = 128;
