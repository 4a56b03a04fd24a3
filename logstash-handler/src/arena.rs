//! Where the threads that log hand their events over: one lock, one copy, bounded in bytes.

use crate::deadline::deadline;
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
}

#[derive(Debug, Default)]
struct State {
    chunk: Chunk,
    /// Events that were taken in since the start.
    pushed: u64,
    /// Events that were turned away for lack of room.
    overflowed: u64,
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
        }
    }

    /// Takes an event in and tells its position: how many came before it.
    ///
    /// `at` is the time of the event. Waits at most `patience` for room; [`Refusal::Full`] counts the
    /// event as overflowed.
    pub(crate) fn push(
        &self,
        event: &[u8],
        at: SystemTime,
        patience: Duration,
        urgent: bool,
    ) -> Result<u64, Refusal> {
        let mut state = self.lock();
        if !state.closed && !state.has_room(event.len(), self.capacity) {
            // What is here is enough for the writer, whatever it is waiting for.
            state.urgent = true;
            self.work.notify_one();
            if !patience.is_zero() {
                state = self.wait_for_room(state, event.len(), patience);
            }
        }
        if state.closed {
            return Err(Refusal::Closed);
        }
        if !state.has_room(event.len(), self.capacity) {
            state.overflowed += 1;
            return Err(Refusal::Full);
        }
        state.chunk.push(event, at);
        let position = state.pushed;
        state.pushed += 1;
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
        Ok(position)
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

    /// Waits until there is something to do and swaps the events for the empty `chunk`.
    ///
    /// The first event of a quiet time waits at most `linger` for others to share its window.
    /// `on_swap` runs under the lock with the number of events, so that they are never uncounted.
    pub(crate) fn take(&self, chunk: &mut Chunk, linger: Duration, on_swap: impl FnOnce(u64)) -> Taken {
        chunk.clear();
        let mut state = self.lock();
        while state.chunk.is_empty() && !state.closed && !state.poked {
            state.writer = Writer::Asleep;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
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
        on_swap(chunk.len() as u64);
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
        self.lock().closed = true;
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Looks at the counts while nothing can change them.
    pub(crate) fn snapshot<T>(&self, look: impl FnOnce(ArenaCounts) -> T) -> T {
        let state = self.lock();
        look(ArenaCounts {
            pushed: state.pushed,
            overflowed: state.overflowed,
            events: state.chunk.len() as u64,
            bytes: state.chunk.bytes.len() as u64,
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

    fn is_pressing(&self, full_window: (usize, usize)) -> bool {
        let nothing_to_wait_for = self.poked && self.chunk.is_empty();
        self.urgent || self.closed || nothing_to_wait_for || self.chunk.fills(full_window)
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
    pub(crate) overflowed: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// Serialised events, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    /// Where each event ends.
    ends: Vec<usize>,
    /// Times of events by their place, where they differ from the one before by more than
    /// [`RESOLUTION`].
    times: Vec<(usize, SystemTime)>,
}

impl Chunk {
    fn push(&mut self, event: &[u8], at: SystemTime) {
        let last = self.times.last().map(|(_, last)| *last);
        let apart = |last: SystemTime| at.duration_since(last).unwrap_or_else(|before| before.duration());
        if last.is_none_or(|last| apart(last) > RESOLUTION) {
            self.times.push((self.ends.len(), at));
        }
        self.bytes.extend_from_slice(event);
        self.ends.push(self.bytes.len());
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.times.clear();
    }

    /// Bytes that the events take, with what is noted about them.
    fn footprint(&self) -> usize {
        self.bytes.len() + self.ends.len() * PLACE
    }

    fn fills(&self, (bytes, events): (usize, usize)) -> bool {
        self.bytes.len() >= bytes || self.ends.len() >= events
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The time of the oldest of `count` events from place `first` on, to within [`RESOLUTION`].
    pub(crate) fn oldest(&self, first: usize, count: usize) -> SystemTime {
        let noted = self.times.partition_point(|(place, _)| *place <= first).saturating_sub(1);
        let within = self.times.iter().skip(noted).take_while(|(place, _)| *place < first + count);
        within.map(|(_, at)| *at).min().unwrap_or_else(SystemTime::now)
    }

    /// The events, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }
}

/// Bytes that it takes to note where an event ends.
const PLACE: usize = size_of::<usize>();

/// How exactly the time of an event is known to whoever stores it.
const RESOLUTION: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const NOW: Duration = Duration::ZERO;

    fn push(arena: &Arena, event: &[u8], patience: Duration, urgent: bool) -> Result<u64, Refusal> {
        arena.push(event, SystemTime::now(), patience, urgent)
    }

    fn take(arena: &Arena) -> (Vec<String>, Taken) {
        let mut chunk = Chunk::default();
        let taken = arena.take(&mut chunk, NOW, |_| {});
        (chunk.events().map(|event| String::from_utf8_lossy(event).into_owned()).collect(), taken)
    }

    #[test]
    fn events_come_out_in_order_with_their_positions() {
        let arena = Arena::new(200, 100, 10);
        assert_eq!(push(&arena, b"one", NOW, false), Ok(0));
        assert_eq!(push(&arena, b"two", NOW, false), Ok(1));
        assert_eq!(take(&arena), (vec!["one".into(), "two".into()], Taken::More));
        assert_eq!(push(&arena, b"three", NOW, false), Ok(2));
        assert_eq!(take(&arena), (vec!["three".into()], Taken::More));
    }

    #[test]
    fn a_full_arena_turns_away_and_counts() {
        let arena = Arena::new(20, 10, 10);
        assert_eq!(push(&arena, b"0123456789", NOW, false), Ok(0));
        assert_eq!(push(&arena, b"x", NOW, false), Err(Refusal::Full));
        assert_eq!(arena.snapshot(|counts| (counts.pushed, counts.overflowed, counts.bytes)), (1, 1, 10));
        take(&arena);
        assert_eq!(push(&arena, b"x", NOW, false), Ok(1));
    }

    #[test]
    fn a_patient_producer_gets_in_when_the_writer_makes_room() {
        let arena = Arena::new(27, 13, 10);
        push(&arena, b"0123456789", NOW, false).unwrap();
        thread::scope(|scope| {
            let producer = scope.spawn(|| push(&arena, b"later", Duration::from_secs(10), false));
            while arena.lock().blocked == 0 {
                thread::yield_now();
            }
            take(&arena);
            assert_eq!(producer.join().unwrap(), Ok(1));
        });
        let impatient = Instant::now();
        push(&arena, b"01234", NOW, false).unwrap();
        assert_eq!(push(&arena, b"x", Duration::from_millis(20), false), Err(Refusal::Full));
        assert!(impatient.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn a_closed_arena_takes_nothing_and_gives_the_rest() {
        let arena = Arena::new(200, 100, 10);
        push(&arena, b"last", NOW, false).unwrap();
        arena.close();
        assert_eq!(push(&arena, b"late", Duration::from_secs(10), false), Err(Refusal::Closed));
        assert_eq!(take(&arena), (vec!["last".into()], Taken::Last));
    }

    #[test]
    fn lingering_ends_early_when_somebody_hurries() {
        let arena = Arena::new(200, 100, 10);
        push(&arena, b"one", NOW, false).unwrap();
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut chunk = Chunk::default();
                arena.take(&mut chunk, Duration::from_secs(60), |_| {});
                chunk.len()
            });
            while arena.lock().writer != Writer::Lingering {
                thread::yield_now();
            }
            push(&arena, b"two", NOW, true).unwrap();
            assert_eq!(writer.join().unwrap(), 2);
        });
    }

    #[test]
    fn lingering_ends_early_when_enough_is_there() {
        let arena = Arena::new(200, 10, 10);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut chunk = Chunk::default();
                arena.take(&mut chunk, Duration::from_secs(60), |_| {});
                chunk.len()
            });
            while arena.lock().writer != Writer::Asleep {
                thread::yield_now();
            }
            push(&arena, b"01234", NOW, false).unwrap();
            push(&arena, b"56789", NOW, false).unwrap();
            assert_eq!(writer.join().unwrap(), 2);
        });
    }

    #[test]
    fn lingering_ends_early_when_a_window_is_full_by_count_or_an_event_finds_no_room() {
        for (arena, events) in [(Arena::new(10_000, 5_000, 3), 3), (Arena::new(40, 1_000, 10), 2)] {
            thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    let mut chunk = Chunk::default();
                    arena.take(&mut chunk, Duration::MAX, |_| {});
                    chunk.len()
                });
                while arena.lock().writer != Writer::Asleep {
                    thread::yield_now();
                }
                for _ in 0..3 {
                    let _ = push(&arena, b"0123456789", NOW, false);
                }
                assert_eq!(writer.join().unwrap(), events);
            });
        }
    }

    #[test]
    fn each_stretch_of_a_chunk_knows_the_time_of_its_oldest_event() {
        let arena = Arena::new(10_000, 5_000, 100);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for seconds in [100, 100, 101, 99, 102, 102] {
            arena.push(b"x", at(seconds), NOW, false).unwrap();
        }
        let mut chunk = Chunk::default();
        arena.take(&mut chunk, NOW, |_| {});
        assert_eq!(chunk.oldest(0, 2), at(100));
        assert_eq!(chunk.oldest(1, 2), at(100));
        assert_eq!(chunk.oldest(2, 2), at(99));
        assert_eq!(chunk.oldest(4, 2), at(102));
        assert_eq!(chunk.oldest(5, 1), at(102));
    }
}
