//! What happens to the store behind the back of an open queue.

use super::{Durability, LOOK_EVERY, SledOptions, SledQueue, files, record};
use crate::queue::backlog::Content;
use crate::queue::interleaving::{LANE, deliver_all, window as numbered};
use crate::queue::{Queue, QueueErrorKind};
use lumberjack_codec::{EncodedWindow, WindowEncoder};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

fn window(events: Range<u32>) -> EncodedWindow {
    WindowEncoder::new(1).encode(events.map(|number| number.to_string())).unwrap()
}

/// Windows of 10 events; what is synced is not kept in memory.
fn queue(path: &Path, windows: u32) -> SledQueue {
    let queue = SledOptions::new().cache_bytes(0).open(path).unwrap();
    for start in (0..windows * 10).step_by(10) {
        queue.append(&[window(start..start + 10)], SystemTime::now()).unwrap();
    }
    queue.sync().unwrap();
    queue
}

fn contents(queue: &SledQueue) -> Vec<u32> {
    let peek = queue.peek(usize::MAX, usize::MAX).unwrap();
    let payloads = peek.windows.iter().flat_map(|window| window.payloads().unwrap()).skip(peek.skip as usize);
    payloads.map(|payload| std::str::from_utf8(&payload).unwrap().parse().unwrap()).collect()
}

/// Destroys a window of the tail, in the database and in its file.
fn destroy(queue: &SledQueue, window: u64) {
    let tail = queue.own.tail().clone().unwrap();
    tail.database().remove(&record::key(window, 0)).unwrap().unwrap();
    tail.database().flush().unwrap();
    let path = tail.directory.join(files::DB);
    let mut file = std::fs::read(&path).unwrap();
    let number = window.to_be_bytes();
    let is_it = |at: &usize| file[*at..].starts_with(record::MAGIC) && file[at + 12..at + 20] == number;
    let places: Vec<usize> = (0..file.len() - 28).filter(is_it).collect();
    assert!(!places.is_empty());
    for at in places {
        file[at + 60] ^= 1;
    }
    std::fs::write(path, file).unwrap();
}

#[test]
fn a_value_that_went_bad_ends_a_peek_and_is_counted_at_the_front() {
    let directory = tempfile::tempdir().unwrap();
    let queue = queue(directory.path(), 5);
    destroy(&queue, 2);
    let peek = queue.peek(9, usize::MAX).unwrap();
    assert_eq!((peek.windows.len(), peek.damaged), (2, 0));
    assert_eq!(queue.depth().events, 50);
    queue.advance(20);
    let peek = queue.peek(9, usize::MAX).unwrap();
    assert_eq!((peek.windows.len(), peek.damaged), (2, 10));
    assert_eq!(peek.windows, [window(30..40), window(40..50)]);
    assert_eq!(queue.peek(9, usize::MAX).unwrap().damaged, 0);
    assert_eq!(queue.depth().events, 20);
    drop(queue);
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.peek(9, usize::MAX).unwrap().damaged, 0, "counted once");
    assert_eq!(contents(&queue), (30..50).collect::<Vec<_>>());
}

#[test]
fn values_that_are_gone_at_the_front_are_passed_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let queue = queue(directory.path(), 5);
    queue.advance(3);
    for window in [0, 1, 2] {
        destroy(&queue, window);
    }
    let peek = queue.peek(9, usize::MAX).unwrap();
    assert_eq!((peek.windows.len(), peek.skip, peek.damaged), (2, 0, 27));
    assert_eq!(contents(&queue), (30..50).collect::<Vec<_>>());
}

#[test]
fn what_the_database_cannot_tell_is_read_from_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let queue = queue(directory.path(), 5);
    {
        let tail = queue.own.tail().clone().unwrap();
        tail.database().remove(&record::key(2, 0)).unwrap().unwrap();
        tail.database().insert(&record::key(3, 0), b"garbage").unwrap();
    }
    assert_eq!(contents(&queue), (0..50).collect::<Vec<_>>());
    queue.append(&[window(50..60)], SystemTime::now()).unwrap();
    queue.sync().unwrap();
    assert_eq!(contents(&queue), (0..60).collect::<Vec<_>>());
    drop(queue);
    assert_eq!(contents(&SledQueue::open(directory.path()).unwrap()), (0..60).collect::<Vec<_>>());
}

#[test]
fn a_store_that_died_is_opened_again_with_all_that_was_appended() {
    let directory = tempfile::tempdir().unwrap();
    let queue = queue(directory.path(), 2);
    queue.append(&[window(20..30)], SystemTime::now()).unwrap();
    {
        let tail = queue.own.tail().clone().unwrap();
        // As if the flush had failed: what was appended since the last one is not there.
        tail.database().remove(&record::key(2, 0)).unwrap().unwrap();
        // What an append that failed half way has left.
        tail.database().insert(&record::key(3, 0), b"part of a window").unwrap();
        tail.database().insert(&record::key(3, 1), b"and more of it").unwrap();
    }
    queue.own.abandon_tail();
    // Delivery does not wait for it.
    assert_eq!(contents(&queue), (0..30).collect::<Vec<_>>());
    assert_eq!(queue.depth().events, 30);

    queue.sync().unwrap();
    assert_eq!(contents(&queue), (0..30).collect::<Vec<_>>());
    queue.append(&[window(30..40)], SystemTime::now()).unwrap();
    queue.sync().unwrap();
    drop(queue);
    assert_eq!(contents(&SledQueue::open(directory.path()).unwrap()), (0..40).collect::<Vec<_>>());
}

#[test]
fn a_store_that_dies_at_once_again_is_left_alone_for_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let queue = queue(directory.path(), 1);
    queue.own.abandon_tail();
    queue.maintain().unwrap();
    queue.own.abandon_tail();
    let error = queue.append(&[window(10..20)], SystemTime::now()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Unavailable);
    assert_eq!(queue.maintain().unwrap_err().kind(), QueueErrorKind::Unavailable);
    assert_eq!(queue.depth().events, 10);
}

#[test]
fn what_memory_still_has_is_delivered_while_the_store_is_dead() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledOptions::new().durability(Durability::Os).open(directory.path()).unwrap();
    queue.append(&[window(0..10), window(10..20)], SystemTime::now()).unwrap();
    queue.sync().unwrap();
    queue.own.abandon_tail();
    assert_eq!(contents(&queue), (0..20).collect::<Vec<_>>());
    queue.advance(15);
    assert_eq!(contents(&queue), (15..20).collect::<Vec<_>>());
}

#[test]
fn a_power_cut_that_undoes_advances_repeats_events_and_counts_none_as_lost() {
    let directory = tempfile::tempdir().unwrap();
    let open = || SledOptions::new().cache_bytes(0).generation_bytes(1).open(directory.path()).unwrap();
    let queue = open();
    for start in (0..100).step_by(10) {
        queue.append(&[window(start..start + 10)], SystemTime::now()).unwrap();
        queue.sync().unwrap();
    }
    queue.advance(30);
    queue.maintain().unwrap();
    assert_eq!(queue.own.state().generations.front().unwrap().number, 4);
    let cursor = queue.own.directory.join("cursor");
    let on_disk = std::fs::read(&cursor).unwrap();
    queue.advance(3);
    queue.append(&[window(100..110)], SystemTime::now()).unwrap();
    queue.sync().unwrap();
    drop(queue);

    std::fs::write(cursor, on_disk).unwrap();
    let queue = open();
    assert_eq!(queue.peek(1, 0).unwrap().damaged, 0);
    assert_eq!(queue.depth().events, 80);
    for start in (30..110).step_by(10) {
        assert_eq!(contents(&queue)[..10], (start..start + 10).collect::<Vec<_>>());
        queue.advance(10);
    }
    assert_eq!(queue.depth().events, 0);
}

#[test]
fn memory_holds_what_is_not_synced_and_the_oldest_of_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let size = window(100..110).bytes().len() as u64;
    let queue = SledOptions::new().cache_bytes(size * 5 / 2).open(directory.path()).unwrap();
    let in_memory = |queue: &SledQueue| -> Vec<u64> {
        let state = queue.own.state();
        let windows = state.backlog.from(0).filter(|window| matches!(window.content, Content::InMemory(_)));
        windows.map(|window| window.number).collect()
    };
    for start in (100..150).step_by(10) {
        queue.append(&[window(start..start + 10)], SystemTime::now()).unwrap();
    }
    assert_eq!(in_memory(&queue), [0, 1, 2, 3, 4]);
    queue.sync().unwrap();
    assert_eq!(in_memory(&queue), [0, 1]);
    queue.append(&[window(150..160)], SystemTime::now()).unwrap();
    assert_eq!(in_memory(&queue), [0, 1, 5]);
    queue.sync().unwrap();
    assert_eq!(in_memory(&queue), [0, 1]);
    assert_eq!(contents(&queue), (100..160).collect::<Vec<_>>());
    assert_eq!(in_memory(&queue), [0, 1], "what is read back has no room either");
    queue.advance(20);
    assert_eq!(contents(&queue), (120..160).collect::<Vec<_>>());
    assert_eq!(in_memory(&queue), [2, 3], "now it has");
}

#[test]
fn a_forked_child_has_a_lane_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut queue = queue(directory.path(), 1);
    let parent = queue.process;
    // This process takes itself for the child.
    queue.process = u32::MAX;
    assert_eq!(queue.depth().events, 0);
    for start in [100, 110] {
        queue.append(&[window(start..start + 10)], SystemTime::now()).unwrap();
        queue.sync().unwrap();
    }
    assert_eq!(contents(&queue), (100..120).collect::<Vec<_>>());
    queue.advance(13);
    assert_eq!(contents(&queue), (113..120).collect::<Vec<_>>());
    queue.maintain().unwrap();
    let lane = queue.child.get().unwrap().as_ref().unwrap().own.directory.clone();
    assert_ne!(lane, queue.own.directory);
    assert!(lane.join("generation-0000000001").join(files::LOG).exists());
    queue.close(Duration::from_secs(5));

    queue.process = parent;
    assert_eq!(contents(&queue), (0..10).collect::<Vec<_>>());
    drop(queue);
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.depth().events, 17);
    assert_eq!(contents(&queue), (113..120).collect::<Vec<_>>(), "the lane of the child is taken over");
    queue.advance(7);
    assert_eq!(contents(&queue), (0..10).collect::<Vec<_>>());
}

#[test]
fn lanes_that_are_taken_over_in_any_order_of_steps_lose_and_repeat_nothing() {
    let in_memory = Path::new("/dev/shm");
    let scratch = || if in_memory.exists() { tempfile::tempdir_in(in_memory) } else { tempfile::tempdir() };
    for seed in 0..100 {
        let directory = scratch().unwrap();
        let options =
            SledOptions::new().durability(Durability::Os).min_free_bytes(0).cache_bytes(seed % 2 * 200);
        let queue = options.clone().open(directory.path()).unwrap();
        // A process that does not have sled, which is quicker, and ends while this one is at work.
        let mut other = Some(SledQueue::with_options(directory.path(), options, true).unwrap());
        deliver_all(seed, &queue, false, |random, ends| {
            if let Some(other) = other.take() {
                let windows = random.u64(1..5);
                for number in 0..windows {
                    other.append(&[numbered(LANE + 2 * number, 2)], SystemTime::now()).unwrap();
                }
                other.sync().unwrap();
                ends.lock().unwrap().insert(1, LANE + 2 * windows);
            }
            *queue.looked.lock().unwrap() = Instant::now().checked_sub(LOOK_EVERY).unwrap();
        });
    }
}
