//! What a queue looked like before there were lanes and generations, with values of format 1.

use crate::support::{database, drain, fill, noisy_window, time, window};
use logstash_handler::queue::{Queue, SledQueue};
use lumberjack_codec::EncodedWindow;
use std::fs;
use std::path::Path;

/// An old queue of events 0 to 29, in three windows.
fn old_queue(path: &Path) -> Vec<EncodedWindow> {
    let windows = vec![window(0..10), noisy_window(10..20, 40_000), window(20..30)];
    let directory = path.join("generation-0000000001");
    let db = database(&directory, 8 << 20);
    for (number, window) in (0_u64..).zip(&windows) {
        let mut value = b"LSQW\x01\x01\0\0".to_vec();
        let mut rest = window.events().to_be_bytes().to_vec();
        for field in [number * 10, window.inflated_len(), 5_000, window.bytes().len() as u64] {
            rest.extend_from_slice(&field.to_be_bytes());
        }
        rest.extend_from_slice(window.bytes());
        let crc = crc32fast::hash(&[&value[..], &rest].concat());
        value.extend_from_slice(&crc.to_be_bytes());
        value.extend_from_slice(&rest);
        for (part, bytes) in (0_u16..).zip(value.chunks(16_000)) {
            db.insert([&number.to_be_bytes()[..], &part.to_be_bytes()].concat(), bytes).unwrap();
        }
    }
    windows
}

#[test]
fn is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let windows = old_queue(directory.path());
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.peek(9, usize::MAX).unwrap().windows, windows);
    assert_eq!(queue.depth().oldest, Some(time(5_000)));
    fill(&queue, 30..40, 10);
    queue.advance(5);
    drop(queue);
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(drain(&queue), ((5..40).collect(), 0));
    queue.maintain().unwrap();
    assert!(!directory.path().join("generation-0000000001").exists());
}

#[test]
fn a_take_over_that_was_interrupted_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    old_queue(directory.path());
    fs::write(directory.path().join("cursor"), "").unwrap();
    fs::create_dir(directory.path().join("lane-0000000001")).unwrap();
    fs::rename(directory.path().join("cursor"), directory.path().join("lane-0000000001/cursor")).unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(drain(&queue), ((0..30).collect(), 0));
}

#[test]
fn snapshots_that_are_damaged_or_half_written_are_done_without() {
    let directory = tempfile::tempdir().unwrap();
    old_queue(directory.path());
    let generation = directory.path().join("generation-0000000001");
    // Opening it once more writes a snapshot.
    drop(database(&generation, 8 << 20));
    let mut snapshots = 0;
    for entry in fs::read_dir(&generation).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::write(entry.path(), "garbage").unwrap();
            snapshots += 1;
        }
    }
    assert!(snapshots > 0);
    fs::write(generation.join("snap.00000000000000FF.generating"), "half a snapshot").unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(drain(&queue), ((0..30).collect(), 0));
}

#[test]
fn a_database_that_was_being_opened_when_the_process_ended_is_not_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    old_queue(directory.path());
    fs::write(directory.path().join("generation-0000000001/opening"), "").unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    let reports = queue.reports();
    assert!(reports[0].contains("ended the process"), "{reports:?}");
    assert_eq!(queue.depth().events, 0);
    fill(&queue, 0..10, 10);
    assert_eq!(drain(&queue), ((0..10).collect(), 0));
    queue.maintain().unwrap();
    let kept = directory.path().join("damaged-0000000001-0000000001");
    assert!(fs::read_to_string(kept.join("reason")).unwrap().contains("ended the process"));
}

#[test]
fn garbage_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    old_queue(directory.path());
    fs::write(directory.path().join("generation-0000000001/db"), "garbage").unwrap();
    fs::write(directory.path().join("generation-0000000001/conf"), "garbage").unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    fill(&queue, 0..10, 10);
    assert_eq!(drain(&queue), ((0..10).collect(), 0));
}
