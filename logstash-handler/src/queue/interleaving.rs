//! What writer and sender do at the same time, in many orders: nothing is lost, repeated or offered out of
//! order, also where the store fails in between.

use super::{Depth, MemoryQueue, OnBacklog, Peek, Queue, QueueError, QueueErrorKind};
use crate::interleave::{pause, play};
use fastrand::Rng;
use lumberjack_codec::{EncodedWindow, WindowEncoder};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Events of each lane have numbers of their own.
pub(super) const LANE: u64 = 1_000_000;

/// What was put into a queue, by lane: the number behind the last event.
pub(super) type Ends = Mutex<BTreeMap<u64, u64>>;

pub(super) fn window(first: u64, events: u64) -> EncodedWindow {
    WindowEncoder::new(0).encode((first..first + events).map(|number| number.to_string())).unwrap()
}

/// The thread that appends, syncs and maintains, with `found` for what others have left; and the one that
/// delivers. Each event must come out once, in the order of its lane.
pub(super) fn deliver_all(
    seed: u64,
    queue: &dyn Queue,
    expires: bool,
    mut look: impl FnMut(&mut Rng, &Ends) + Send,
) {
    let mut random = Rng::with_seed(seed);
    let (mut of_writer, mut of_sender) = (random.fork(), random.fork());
    let (ends, has_ended) = (Ends::default(), AtomicBool::new(false));
    let mut delivered = BTreeMap::new();
    let writer = || {
        let random = &mut of_writer;
        let mut next = 0;
        for _ in 0..random.u32(3..20) {
            match random.u32(0..10) {
                0..=4 => {
                    let events = random.u64(1..6);
                    // Long overdue, or not for long.
                    let at = if random.bool() { SystemTime::UNIX_EPOCH } else { SystemTime::now() };
                    ends.lock().unwrap().insert(0, next + events);
                    while queue.append(&[window(next, events)], at).is_err() {
                        pause();
                    }
                    next += events;
                }
                5 => drop(queue.sync()),
                6 => drop(queue.commit()),
                7..=8 => drop(queue.maintain()),
                _ => {
                    look(random, &ends);
                    let _ = queue.adopt(&mut |_| Ok(()));
                }
            }
            pause();
        }
        let all = || queue.adopt(&mut |_| Ok(())).and_then(|()| queue.sync()).and_then(|()| queue.maintain());
        while all().is_err() {
            pause();
        }
        has_ended.store(true, Ordering::SeqCst);
    };
    let sender = || {
        let random = &mut of_sender;
        loop {
            let is_last = has_ended.load(Ordering::SeqCst);
            let Ok(peek) = queue.peek(random.usize(1..5), usize::MAX) else {
                pause();
                continue;
            };
            assert_eq!(peek.damaged, 0);
            let payloads = peek.windows.iter().flat_map(|window| window.payloads().unwrap());
            let offered: Vec<u64> = payloads
                .skip(peek.skip as usize)
                .map(|payload| std::str::from_utf8(&payload).unwrap().parse().unwrap())
                .collect();
            if offered.is_empty() {
                if is_last {
                    return;
                }
                pause();
                continue;
            }
            // On the wire.
            pause();
            let taken = random.usize(0..=offered.len());
            for number in &offered[..taken] {
                let next = delivered.entry(number / LANE).or_insert(number / LANE * LANE);
                assert_eq!(number, next, "{offered:?}");
                *next += 1;
            }
            queue.advance(taken as u64);
            if expires && random.u8(..8) == 0 {
                *delivered.entry(0).or_insert(0) +=
                    queue.expire(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
            }
        }
    };
    play(seed, vec![Box::new(writer), Box::new(sender)]);
    delivered.retain(|_, end| *end % LANE > 0);
    assert_eq!(delivered, *ends.lock().unwrap());
    assert_eq!(queue.depth().events, 0);
}

/// A store that fails as its seed says, until it has failed often enough.
struct Fickle {
    inner: MemoryQueue,
    random: Mutex<Rng>,
    /// Windows of others that are there to be taken over.
    left_behind: AtomicU64,
}

impl Fickle {
    fn new(seed: u64) -> Self {
        let random = Mutex::new(Rng::with_seed(seed));
        Self { inner: MemoryQueue::new(), random, left_behind: AtomicU64::new(0) }
    }

    fn attempt(&self) -> Result<(), QueueError> {
        pause();
        let fails = self.random.lock().unwrap().u8(..4) == 0;
        let failure = || QueueError::new(QueueErrorKind::Unavailable, "as the seed says");
        if fails { Err(failure()) } else { Ok(()) }
    }
}

impl Queue for &Fickle {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        self.attempt()?;
        self.inner.append(windows, at)
    }

    fn sync(&self) -> Result<(), QueueError> {
        self.attempt()
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        self.attempt()?;
        self.inner.peek(max_windows, max_bytes)
    }

    fn advance(&self, events: u64) {
        self.inner.advance(events);
    }

    fn expire(&self, before: SystemTime) -> u64 {
        self.inner.expire(before)
    }

    fn maintain(&self) -> Result<(), QueueError> {
        self.attempt()
    }

    fn adopt(&self, found: &mut dyn FnMut(u64) -> Result<(), QueueError>) -> Result<(), QueueError> {
        self.attempt()?;
        let windows = self.left_behind.load(Ordering::SeqCst);
        if windows == 0 {
            return Ok(());
        }
        found(2 * windows)?;
        self.left_behind.store(0, Ordering::SeqCst);
        for number in 0..windows {
            self.inner.append(&[window(LANE + 2 * number, 2)], SystemTime::now())?;
        }
        Ok(())
    }

    fn depth(&self) -> Depth {
        self.inner.depth()
    }
}

#[test]
fn a_queue_in_memory_loses_and_repeats_nothing_in_any_order_of_steps() {
    for seed in 0..1_000 {
        deliver_all(seed, &MemoryQueue::new(), true, |_, _| {});
    }
}

/// Memory before a store that fails.
fn before_a_fickle_store(seeds: std::ops::Range<u64>, adopts: bool) {
    for seed in seeds {
        let store = Fickle::new(seed);
        let queue = OnBacklog::new(&store).memory_bytes(Rng::with_seed(seed).u64(0..100));
        let mut others = 0;
        deliver_all(seed, &queue, !adopts, |random, ends| {
            if adopts && others == 0 {
                others = random.u64(1..5);
                store.left_behind.store(others, Ordering::SeqCst);
                ends.lock().unwrap().insert(1, LANE + 2 * others);
            }
        });
    }
}

macro_rules! plays {
    ($($test:ident $seeds:expr, $adopts:expr;)*) => {
        $(#[test] fn $test() { before_a_fickle_store($seeds, $adopts); })*
    };
}

plays! {
    memory_before_a_store_that_fails_1 0..1_000, false;
    memory_before_a_store_that_fails_2 1_000..2_000, false;
    memory_before_a_store_that_others_fill_1 2_000..3_000, true;
    memory_before_a_store_that_others_fill_2 3_000..4_000, true;
}
