//! What every queue does, run against each of them.

use crate::support::{Fixture, contents, numbers, offered, time, window};
use logstash_handler::queue::{Queue, QueueErrorKind};
use lumberjack_codec::WindowEncoder;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, SystemTime};

macro_rules! suite {
    ($($test:ident)*) => {
        mod memory { $(#[test] fn $test() { super::$test(crate::support::memory); })* }
        mod on_backlog { $(#[test] fn $test() { super::$test(crate::support::on_backlog); })* }
        #[cfg(feature = "sled")]
        mod sled { $(#[test] fn $test() { super::$test(crate::support::on_disk); })* }
        #[cfg(feature = "sled")]
        mod sled_in_generations { $(#[test] fn $test() { super::$test(crate::support::on_disk_in_generations); })* }
        #[cfg(feature = "sled")]
        mod sled_without_sync { $(#[test] fn $test() { super::$test(crate::support::on_disk_without_sync); })* }
        #[cfg(feature = "sled")]
        mod on_backlog_of_sled { $(#[test] fn $test() { super::$test(crate::support::on_backlog_of_sled); })* }
        #[cfg(feature = "sled")]
        mod sled_without_cache { $(#[test] fn $test() { super::$test(crate::support::on_disk_without_cache); })* }
    };
}

suite! {
    is_empty_at_first
    gives_back_first_what_came_first
    gives_back_the_very_bytes
    shows_a_window_before_it_is_synced
    keeps_what_was_peeked
    limits_a_peek_by_windows
    limits_a_peek_by_bytes
    peeks_at_one_window_at_least
    skips_events_of_the_head_that_are_done
    advances_over_several_windows_into_the_next
    advances_past_everything_at_most
    advances_by_nothing
    appends_while_a_peek_is_held
    takes_all_windows_or_none
    is_full_at_exactly_its_maximum
    has_room_again_after_an_advance
    takes_a_single_window_of_any_size_when_it_is_empty
    ignores_windows_without_events
    expires_what_is_older_than_the_boundary
    expires_the_rest_of_a_head_that_was_begun
    expires_nothing_behind_a_younger_window
    counts_its_depth
    maintains_at_any_time
    serves_a_writer_and_a_sender_at_once
}

type Open = fn(u64) -> Fixture;
const PLENTY: u64 = 1 << 30;

fn append(queue: &dyn Queue, events: std::ops::Range<u64>) {
    queue.append(&[window(events)], SystemTime::now()).unwrap();
    queue.sync().unwrap();
}

fn is_empty_at_first(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    let peek = queue.peek(10, 1000).unwrap();
    assert_eq!((peek.windows.len(), peek.skip, peek.damaged), (0, 0, 0));
    let depth = queue.depth();
    assert_eq!((depth.events, depth.windows, depth.bytes, depth.oldest), (0, 0, 0, None));
    queue.sync().unwrap();
}

fn gives_back_first_what_came_first(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    for start in (0..100).step_by(10) {
        append(&**queue, start..start + 10);
    }
    assert_eq!(contents(&**queue), (0..100).collect::<Vec<_>>());
}

fn gives_back_the_very_bytes(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    let plain = WindowEncoder::new(0).encode(["{\"plain\":1}"]).unwrap();
    let windows = [window(0..3), plain, window(3..4)];
    queue.append(&windows, SystemTime::now()).unwrap();
    queue.sync().unwrap();
    assert_eq!(queue.peek(10, usize::MAX).unwrap().windows, windows);
}

fn shows_a_window_before_it_is_synced(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    queue.append(&[window(0..2)], SystemTime::now()).unwrap();
    assert_eq!(contents(&**queue), [0, 1]);
}

fn keeps_what_was_peeked(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    append(&**queue, 0..2);
    assert_eq!(contents(&**queue), [0, 1]);
    assert_eq!(contents(&**queue), [0, 1]);
}

fn limits_a_peek_by_windows(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    for number in 0..5 {
        append(&**queue, number..number + 1);
    }
    for limit in 1..=5 {
        assert_eq!(queue.peek(limit, usize::MAX).unwrap().windows.len(), limit);
    }
    assert_eq!(queue.peek(6, usize::MAX).unwrap().windows.len(), 5);
}

fn limits_a_peek_by_bytes(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    let bytes = window(0..1).bytes().len();
    for _ in 0..4 {
        append(&**queue, 0..1);
    }
    assert_eq!(queue.peek(usize::MAX, bytes * 3).unwrap().windows.len(), 3);
    assert_eq!(queue.peek(usize::MAX, bytes * 3 - 1).unwrap().windows.len(), 2);
}

fn peeks_at_one_window_at_least(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    append(&**queue, 0..5);
    append(&**queue, 5..6);
    assert_eq!(offered(&queue.peek(0, 0).unwrap()), [0, 1, 2, 3, 4]);
    assert_eq!(offered(&queue.peek(9, 1).unwrap()), [0, 1, 2, 3, 4]);
}

fn skips_events_of_the_head_that_are_done(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    append(&**queue, 0..5);
    queue.advance(2);
    let peek = queue.peek(1, usize::MAX).unwrap();
    assert_eq!(peek.skip, 2);
    assert_eq!(numbers(&peek.windows[0]), [0, 1, 2, 3, 4]);
    queue.advance(1);
    assert_eq!(contents(&**queue), [3, 4]);
    queue.advance(2);
    assert_eq!(queue.depth().windows, 0);
    assert_eq!(queue.peek(1, usize::MAX).unwrap().skip, 0);
}

fn advances_over_several_windows_into_the_next(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    for start in [0, 3, 6] {
        append(&**queue, start..start + 3);
    }
    queue.advance(7);
    let peek = queue.peek(9, usize::MAX).unwrap();
    assert_eq!((peek.windows.len(), peek.skip), (1, 1));
    assert_eq!(offered(&peek), [7, 8]);
}

fn advances_past_everything_at_most(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    append(&**queue, 0..3);
    queue.advance(u64::MAX);
    assert_eq!(queue.depth().events, 0);
    queue.advance(1);
    append(&**queue, 3..6);
    assert_eq!(contents(&**queue), [3, 4, 5]);
}

fn advances_by_nothing(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    queue.advance(0);
    append(&**queue, 0..3);
    queue.advance(0);
    assert_eq!(contents(&**queue), [0, 1, 2]);
}

fn appends_while_a_peek_is_held(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    append(&**queue, 0..3);
    let peek = queue.peek(9, usize::MAX).unwrap();
    append(&**queue, 3..6);
    queue.maintain().unwrap();
    assert_eq!(offered(&peek), [0, 1, 2]);
    queue.advance(3);
    queue.maintain().unwrap();
    assert_eq!(offered(&peek), [0, 1, 2]);
    assert_eq!(contents(&**queue), [3, 4, 5]);
}

fn takes_all_windows_or_none(open: Open) {
    let (first, second) = (window(0..100), window(100..200));
    let room = first.bytes().len() + second.bytes().len();
    let Fixture { queue, .. } = &open(room as u64);
    append(&**queue, 200..201);
    let error = queue.append(&[first, second], SystemTime::now()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Full);
    queue.sync().unwrap();
    assert_eq!(contents(&**queue), [200]);
    assert_eq!(queue.depth().windows, 1);
}

fn is_full_at_exactly_its_maximum(open: Open) {
    let windows = [window(0..100), window(100..200)];
    let bytes: usize = windows.iter().map(|window| window.bytes().len()).sum();
    let Fixture { queue, .. } = &open(bytes as u64);
    queue.append(&windows, SystemTime::now()).unwrap();
    assert_eq!(queue.depth().bytes, bytes as u64);
    let error = queue.append(&[window(200..201)], SystemTime::now()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Full);
    assert!(error.to_string().contains("queue is full"), "{error}");

    let Fixture { queue, .. } = &open(bytes as u64 - 1);
    assert_eq!(queue.append(&windows, SystemTime::now()).unwrap_err().kind(), QueueErrorKind::Full);
    assert_eq!(queue.depth().windows, 0);
}

fn has_room_again_after_an_advance(open: Open) {
    let Fixture { queue, .. } = &open(window(0..100).bytes().len() as u64 + 10);
    append(&**queue, 0..100);
    queue.append(&[window(100..200)], SystemTime::now()).unwrap_err();
    queue.advance(99);
    // The window is still there, although one event of it is left.
    queue.append(&[window(100..200)], SystemTime::now()).unwrap_err();
    queue.advance(1);
    append(&**queue, 100..200);
    assert_eq!(contents(&**queue), (100..200).collect::<Vec<_>>());
}

fn takes_a_single_window_of_any_size_when_it_is_empty(open: Open) {
    let Fixture { queue, .. } = &open(10);
    let two = [window(0..100), window(100..200)];
    assert_eq!(queue.append(&two, SystemTime::now()).unwrap_err().kind(), QueueErrorKind::Full);
    append(&**queue, 0..100);
    let error = queue.append(&[window(100..101)], SystemTime::now()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Full);
    queue.advance(100);
    append(&**queue, 100..101);
    assert_eq!(contents(&**queue), [100]);
}

fn ignores_windows_without_events(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    queue.append(&[window(0..0), window(0..2), window(2..2)], SystemTime::now()).unwrap();
    queue.append(&[], SystemTime::now()).unwrap();
    queue.sync().unwrap();
    assert_eq!(queue.depth().windows, 1);
    assert_eq!(contents(&**queue), [0, 1]);
}

fn expires_what_is_older_than_the_boundary(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    for (start, at) in [(0, 1_000), (2, 2_000), (4, 3_000)] {
        queue.append(&[window(start..start + 2)], time(at)).unwrap();
    }
    queue.sync().unwrap();
    assert_eq!(queue.expire(time(1_000)), 0, "a window of that very time stays");
    assert_eq!(queue.depth().oldest, Some(time(1_000)));
    assert_eq!(queue.expire(time(1_001)), 2);
    assert_eq!(contents(&**queue), [2, 3, 4, 5]);
    assert_eq!(queue.expire(time(3_000)), 2);
    assert_eq!(queue.depth().oldest, Some(time(3_000)));
    assert_eq!(queue.expire(time(u64::from(u32::MAX))), 2);
    assert_eq!(queue.depth().oldest, None);
    assert_eq!(queue.expire(time(u64::from(u32::MAX))), 0);
}

fn expires_the_rest_of_a_head_that_was_begun(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    queue.append(&[window(0..5)], time(1_000)).unwrap();
    queue.append(&[window(5..7)], time(2_000)).unwrap();
    queue.advance(2);
    assert_eq!(queue.expire(time(2_000)), 3);
    let peek = queue.peek(9, usize::MAX).unwrap();
    assert_eq!((peek.skip, offered(&peek)), (0, vec![5, 6]));
}

fn expires_nothing_behind_a_younger_window(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    queue.append(&[window(0..1)], time(9_000)).unwrap();
    queue.append(&[window(1..2)], time(1_000)).unwrap();
    assert_eq!(queue.expire(time(5_000)), 0);
    assert_eq!(contents(&**queue), [0, 1]);
}

fn counts_its_depth(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    let windows = [window(0..10), window(10..30)];
    let bytes = windows.each_ref().map(|window| window.bytes().len() as u64);
    queue.append(&windows, time(5_000)).unwrap();
    queue.sync().unwrap();
    let depth = queue.depth();
    assert_eq!((depth.events, depth.windows, depth.bytes), (30, 2, bytes[0] + bytes[1]));
    assert_eq!(depth.oldest, Some(time(5_000)));
    queue.advance(4);
    let depth = queue.depth();
    assert_eq!((depth.events, depth.windows, depth.bytes), (26, 2, bytes[0] + bytes[1]));
    queue.advance(6);
    let depth = queue.depth();
    assert_eq!((depth.events, depth.windows, depth.bytes), (20, 1, bytes[1]));
    queue.advance(20);
    let depth = queue.depth();
    assert_eq!((depth.events, depth.windows, depth.bytes), (0, 0, 0));
}

fn maintains_at_any_time(open: Open) {
    let Fixture { queue, .. } = &open(PLENTY);
    queue.maintain().unwrap();
    append(&**queue, 0..5);
    queue.maintain().unwrap();
    queue.advance(3);
    queue.maintain().unwrap();
    assert_eq!(contents(&**queue), [3, 4]);
    queue.advance(2);
    queue.maintain().unwrap();
    append(&**queue, 5..6);
    assert_eq!(contents(&**queue), [5]);
}

fn serves_a_writer_and_a_sender_at_once(open: Open) {
    const EVENTS: u64 = 500;
    let Fixture { queue, .. } = &open(PLENTY);
    let start = Barrier::new(2);
    let received = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            start.wait();
            for first in (0..EVENTS).step_by(5) {
                append(&**queue, first..first + 5);
                queue.maintain().unwrap();
            }
        });
        let mut received = Vec::new();
        start.wait();
        while received.len() < EVENTS as usize {
            let has_ended = writer.is_finished();
            let peek = queue.peek(3, usize::MAX).unwrap();
            let mut events = offered(&peek);
            if events.is_empty() && has_ended {
                break;
            }
            // Acknowledged in part, as a server may.
            events.truncate(events.len().div_ceil(2));
            if events.is_empty() {
                thread::yield_now();
            }
            queue.advance(events.len() as u64);
            received.extend(events);
        }
        received
    });
    assert_eq!(received, (0..EVENTS).collect::<Vec<_>>());
    let oldest = SystemTime::now() + Duration::from_secs(1);
    assert_eq!(queue.expire(oldest), 0);
}
