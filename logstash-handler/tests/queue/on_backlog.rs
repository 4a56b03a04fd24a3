//! What stays in memory, what goes to the store, and when.

use crate::support::{contents, offered, window};
use logstash_handler::queue::{Depth, MemoryQueue, OnBacklog, Peek, Queue, QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

/// A store that others can look into.
#[derive(Clone, Default)]
struct Shared {
    queue: Arc<MemoryQueue>,
    fails: Arc<AtomicBool>,
    /// What happens while it is at work, told how many events it has; its errors are the store's.
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
    /// Events of another process.
    left_behind: u64,
}

type Meanwhile = Box<dyn FnMut(u64) -> Result<(), QueueError> + Send>;

fn disk_fails() -> QueueError {
    QueueError::new(QueueErrorKind::Unavailable, "the disk fails")
}

impl Queue for Shared {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(disk_fails());
        }
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().as_mut() {
            meanwhile(self.queue.depth().events)?;
        }
        self.queue.append(windows, at)
    }

    fn sync(&self) -> Result<(), QueueError> {
        self.queue.sync()
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        self.queue.peek(max_windows, max_bytes)
    }

    fn advance(&self, events: u64) {
        self.queue.advance(events);
    }

    fn expire(&self, before: SystemTime) -> u64 {
        self.queue.expire(before)
    }

    fn adopt(&self, found: &mut dyn FnMut(u64) -> Result<(), QueueError>) -> Result<(), QueueError> {
        found(self.left_behind)?;
        self.queue.append(&[window(1000..1000 + self.left_behind)], SystemTime::now())
    }

    fn depth(&self) -> Depth {
        self.queue.depth()
    }
}

fn append(queue: &dyn Queue, events: std::ops::Range<u64>) {
    queue.append(&[window(events)], SystemTime::now()).unwrap();
}

#[test]
fn what_the_peer_takes_in_time_never_reaches_the_store() {
    let store = Shared::default();
    let queue = OnBacklog::new(store.clone());
    for start in (0..100).step_by(10) {
        append(&queue, start..start + 10);
        assert!(!queue.commit().unwrap(), "not durable, and not claimed to be");
        queue.maintain().unwrap();
        assert_eq!(store.depth().events, 0);
        queue.advance(10);
        assert!(queue.commit().unwrap(), "nothing is left to be durable");
    }
}

#[test]
fn what_waits_too_long_moves_and_what_follows_goes_behind_it() {
    let store = Shared::default();
    let queue = OnBacklog::new(store.clone()).after(Duration::from_millis(50));
    append(&queue, 0..10);
    queue.advance(3);
    assert!(queue.maintain_in().unwrap() <= Duration::from_millis(50));
    while queue.maintain_in().is_some_and(|left| !left.is_zero()) {
        thread::sleep(Duration::from_millis(1));
    }
    queue.maintain().unwrap();
    assert_eq!(store.depth().events, 7);
    assert_eq!(queue.maintain_in(), None);
    append(&queue, 10..12);
    assert_eq!(store.depth().events, 9);
    assert_eq!(contents(&queue), (3..12).collect::<Vec<_>>());
    assert!(queue.commit().unwrap());
    queue.advance(9);
    append(&queue, 12..13);
    assert_eq!(store.depth().events, 0, "back to memory");
    assert_eq!(contents(&queue), [12]);
}

#[test]
fn what_needs_too_much_memory_moves_and_so_does_what_is_to_be_durable() {
    let store = Shared::default();
    let queue = OnBacklog::new(store.clone()).memory_bytes(window(0..10).bytes().len() as u64 + 10);
    append(&queue, 0..10);
    assert_eq!(store.depth().events, 0);
    append(&queue, 10..20);
    assert_eq!(store.depth().events, 20);
    queue.advance(20);

    append(&queue, 20..25);
    assert_eq!(store.depth().events, 0);
    queue.sync().unwrap();
    assert_eq!(store.depth().events, 5);
    assert_eq!(contents(&queue), (20..25).collect::<Vec<_>>());
}

#[test]
fn a_store_that_fails_costs_nothing_that_is_in_memory() {
    let store = Shared::default();
    let queue = OnBacklog::new(store.clone());
    append(&queue, 0..10);
    append(&queue, 10..20);
    store.fails.store(true, Ordering::SeqCst);
    queue.sync().unwrap_err();
    assert_eq!(contents(&queue), (0..20).collect::<Vec<_>>());
    assert_eq!(queue.depth().events, 20);
    queue.advance(12);
    store.fails.store(false, Ordering::SeqCst);
    queue.sync().unwrap();
    assert_eq!(contents(&queue), (12..20).collect::<Vec<_>>());
}

#[test]
fn what_an_earlier_run_left_in_the_store_comes_first() {
    let store = Shared::default();
    append(&store, 0..5);
    let queue = OnBacklog::new(store.clone());
    append(&queue, 5..8);
    assert_eq!(contents(&queue), (0..8).collect::<Vec<_>>());
    assert_eq!(store.depth().events, 8);
}

/// Windows of 10 events move while the sender takes what there is, as soon as the store has `at` of them.
/// Tells what the sender got meanwhile and afterwards.
fn delivered_while_moving(fails: bool, at: u64) -> (Vec<u64>, Vec<u64>) {
    let store = Shared::default();
    let queue = Arc::new(OnBacklog::new(store.clone()));
    for start in (0..40).step_by(10) {
        append(&*queue, start..start + 10);
    }
    queue.advance(3);
    let meanwhile = Arc::new(Mutex::new(Vec::new()));
    let (sender, got) = (Arc::downgrade(&queue), Arc::clone(&meanwhile));
    *store.meanwhile.lock().unwrap() = Some(Box::new(move |events| {
        if events < at {
            return Ok(());
        }
        let queue = sender.upgrade().unwrap();
        while got.lock().unwrap().len() < 37 {
            let peek = queue.peek(2, usize::MAX).unwrap();
            let events = offered(&peek);
            assert!(!events.is_empty(), "what is in memory is there until all is in the store");
            queue.advance(events.len() as u64);
            got.lock().unwrap().extend(events);
        }
        assert!(contents(&*queue).is_empty(), "what was delivered is offered again, out of the store");
        if fails { Err(disk_fails()) } else { Ok(()) }
    }));
    assert_eq!(queue.sync().is_err(), fails);
    *store.meanwhile.lock().unwrap() = None;
    append(&*queue, 40..50);
    let meanwhile = meanwhile.lock().unwrap().clone();
    (meanwhile, contents(&*queue))
}

#[test]
fn what_is_delivered_while_it_moves_is_not_delivered_again_and_costs_nothing_behind_it() {
    for at in [0, 10, 30] {
        for fails in [false, true] {
            let (meanwhile, afterwards) = delivered_while_moving(fails, at);
            assert_eq!(meanwhile, (3..40).collect::<Vec<_>>(), "{at} {fails}");
            assert_eq!(afterwards, (40..50).collect::<Vec<_>>(), "{at} {fails}");
        }
    }
}

#[test]
fn what_others_have_left_waits_until_memory_can_be_moved_before_it() {
    let store = Shared { left_behind: 5, ..Shared::default() };
    let queue = OnBacklog::new(store.clone());
    append(&queue, 0..10);
    let mut found = 0;
    let mut note = |events| {
        found += events;
        Ok(())
    };
    store.fails.store(true, Ordering::SeqCst);
    queue.adopt(&mut note).unwrap_err();
    assert_eq!(contents(&queue), (0..10).collect::<Vec<_>>());
    store.fails.store(false, Ordering::SeqCst);
    queue.advance(4);
    queue.adopt(&mut note).unwrap();
    assert_eq!(found, 5, "told once");
    assert_eq!(contents(&queue), (4..10).chain(1000..1005).collect::<Vec<_>>());
}

#[test]
fn moving_while_the_sender_delivers_neither_loses_nor_repeats() {
    const EVENTS: u64 = 40_000;
    let queue = OnBacklog::new(Shared::default()).memory_bytes(2_000);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let _ended = Raise(&ended);
        scope.spawn(|| {
            for start in (0..EVENTS).step_by(8) {
                append(&queue, start..start + 8);
                match start % 5 {
                    0 => queue.sync().unwrap(),
                    _ => drop(queue.commit().unwrap()),
                }
                while queue.depth().events > 2_000 && !ended.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            }
        });
        let mut next = 0;
        let mut random = fastrand::Rng::with_seed(7);
        while next < EVENTS {
            let peek = queue.peek(3, usize::MAX).unwrap();
            let events = offered(&peek);
            let taken = events.len().min(random.usize(0..20));
            for event in &events[..taken] {
                assert_eq!(*event, next);
                next += 1;
                queue.advance(1);
            }
        }
    });
    assert_eq!(queue.depth().events, 0);
}

/// Raises its flag at the end, also of a test that fails.
struct Raise<'a>(&'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
