//! The file that says how far the queue was delivered, in good and in bad shape.

use crate::support::{contents, drain, fill, lane, uncached};
use logstash_handler::queue::{Queue, QueueErrorKind, SledQueue};
use std::fs;
use std::path::Path;

/// A queue of events 0 to 99 in windows of 10, of which the first 34 are delivered.
fn delivered_in_part(path: &Path) {
    let queue = SledQueue::open(path).unwrap();
    fill(&queue, 0..100, 10);
    queue.advance(4);
    queue.advance(30);
    assert_eq!(contents(&queue).first(), Some(&34));
}

fn repeats_only(path: &Path) {
    let queue = uncached().open(path).unwrap();
    let (events, damaged) = drain(&queue);
    assert_eq!(damaged, 0);
    // Whole windows, from somewhere before the place where it was.
    assert!(events[0] <= 34, "{events:?}");
    assert_eq!(events, (events[0]..100).collect::<Vec<_>>());
}

#[test]
fn comes_back_at_the_very_event() {
    let directory = tempfile::tempdir().unwrap();
    delivered_in_part(directory.path());
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.peek(1, 0).unwrap().skip, 4);
    assert_eq!(contents(&queue), (34..100).collect::<Vec<_>>());
    assert_eq!((queue.depth().events, queue.depth().windows), (66, 7));
}

#[test]
fn repeats_events_when_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    delivered_in_part(directory.path());
    fs::remove_file(lane(directory.path()).join("cursor")).unwrap();
    repeats_only(directory.path());
}

#[test]
fn repeats_events_when_it_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    delivered_in_part(directory.path());
    let cursor = fs::read(lane(directory.path()).join("cursor")).unwrap();
    for length in [0, 1, 63, 64, 512, cursor.len() - 1] {
        let copy = tempfile::tempdir().unwrap();
        delivered_in_part(copy.path());
        fs::write(lane(copy.path()).join("cursor"), &cursor[..length]).unwrap();
        repeats_only(copy.path());
    }
}

#[test]
fn repeats_events_when_it_is_garbage() {
    let directory = tempfile::tempdir().unwrap();
    delivered_in_part(directory.path());
    let garbage: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(4_096).collect();
    fs::write(lane(directory.path()).join("cursor"), garbage).unwrap();
    repeats_only(directory.path());
}

#[test]
fn falls_back_on_the_mark_before_when_the_last_one_is_torn() {
    let directory = tempfile::tempdir().unwrap();
    delivered_in_part(directory.path());
    let path = lane(directory.path()).join("cursor");
    let cursor = fs::read(&path).unwrap();
    let turn = |slot: usize| u64::from_be_bytes(cursor[slot + 8..slot + 16].try_into().unwrap());
    let newest = if turn(0) > turn(512) { 0 } else { 512 };
    let mut torn = cursor.clone();
    torn[newest + 30] ^= 1;
    fs::write(&path, torn).unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(contents(&queue), (4..100).collect::<Vec<_>>(), "the first of two advances is known");
}

#[test]
fn is_refused_in_a_newer_format() {
    let directory = tempfile::tempdir().unwrap();
    delivered_in_part(directory.path());
    let path = lane(directory.path()).join("cursor");
    let mut cursor = fs::read(&path).unwrap();
    cursor[4] = 2;
    let crc = crc32fast::hash(&cursor[..56]).to_be_bytes();
    cursor[56..60].copy_from_slice(&crc);
    fs::write(&path, cursor).unwrap();
    let error = SledQueue::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Misconfigured);
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn keeps_its_place_in_an_empty_queue() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3_u64 {
        let queue = SledQueue::open(directory.path()).unwrap();
        assert_eq!(queue.depth().events, 0);
        fill(&queue, round * 50..round * 50 + 50, 10);
        let (events, damaged) = drain(&queue);
        assert_eq!((events.len(), damaged), (50, 0));
        queue.maintain().unwrap();
    }
}

/// Elsewhere the files of an open queue cannot be copied.
#[cfg(unix)]
#[test]
fn what_was_delivered_before_it_was_synced_leaves_its_ids_to_nobody() {
    use crate::support::{copy_all, window};
    use std::time::SystemTime;

    let [first, killed, killed_again] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let queue = SledQueue::open(first.path()).unwrap();
    fill(&queue, 0..10, 10);
    copy_all(first.path(), killed.path());
    queue.append(&[window(10..13)], SystemTime::now()).unwrap();
    queue.advance(13);
    // Killed before sled had written the second window.
    let cursor = fs::read(lane(first.path()).join("cursor")).unwrap();
    fs::write(lane(killed.path()).join("cursor"), &cursor).unwrap();
    let queue = SledQueue::open(killed.path()).unwrap();
    assert_eq!(queue.depth().events, 0);
    fill(&queue, 13..20, 7);
    // Killed, or the power was cut, before the cursor was written.
    copy_all(killed.path(), killed_again.path());
    fs::write(lane(killed_again.path()).join("cursor"), &cursor).unwrap();
    let queue = SledQueue::open(killed_again.path()).unwrap();
    let (events, damaged) = drain(&queue);
    assert_eq!((events, damaged), ((13..20).collect(), 0));
}
