//! Damaged files: what is lost is counted, the rest is delivered, and nothing panics or hangs.

use crate::support::{contents, drain, fill, generation, lane, noisy_window, spoil, tamper, window};
use logstash_handler::queue::{Queue, QueueErrorKind, SledQueue};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

fn key(window: u64, part: u16) -> Vec<u8> {
    [&window.to_be_bytes()[..], &part.to_be_bytes()].concat()
}

/// Opens a queue of `events`, of which those in `lost` must be missing.
fn expect(path: &Path, events: Range<u64>, lost: Range<u64>) {
    let queue = SledQueue::open(path).unwrap();
    assert_eq!(queue.depth().events, events.end - events.start, "counted until they are met");
    let (read, damaged) = drain(&queue);
    assert_eq!(damaged, lost.end - lost.start);
    assert_eq!(read, events.filter(|number| !lost.contains(number)).collect::<Vec<_>>());
    queue.maintain().unwrap();
    drop(queue);
    // Counted once: the cursor is past it now.
    let queue = SledQueue::open(path).unwrap();
    assert_eq!(drain(&queue), (vec![], 0));
    fill(&queue, 0..5, 5);
    assert_eq!(contents(&queue), [0, 1, 2, 3, 4]);
}

#[test]
fn a_flipped_bit_in_a_value_costs_that_window() {
    for (window, at) in [(0, 70), (4, 70), (9, 70), (4, 10), (4, 18), (4, 21), (4, 45), (9, 30)] {
        let directory = tempfile::tempdir().unwrap();
        fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
        spoil(directory.path(), window, 0, |value| value[at] ^= 0x10);
        expect(directory.path(), 0..100, window * 10..window * 10 + 10);
    }
}

#[test]
fn a_flipped_bit_in_a_later_part_costs_that_window() {
    for (part, at) in [(0, 5_000), (1, 0), (1, 30), (2, 7_700)] {
        let directory = tempfile::tempdir().unwrap();
        let queue = SledQueue::open(directory.path()).unwrap();
        let windows = [window(0..10), noisy_window(10..20, 300_000), window(20..30)];
        queue.append(&windows, SystemTime::now()).unwrap();
        queue.sync().unwrap();
        drop(queue);
        spoil(directory.path(), 1, part, |value| value[at] ^= 0x10);
        expect(directory.path(), 0..30, 10..20);
    }
}

#[test]
fn missing_windows_are_counted_wherever_they_were() {
    for lost in [0..1, 3..5, 8..10, 0..10] {
        let directory = tempfile::tempdir().unwrap();
        fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
        for window in lost.clone() {
            spoil(directory.path(), window, 0, |value| value[..64].fill(0));
        }
        expect(directory.path(), 0..100, lost.start * 10..lost.end * 10);
    }
}

#[test]
fn a_window_cut_while_it_was_stored_is_no_loss() {
    let directory = tempfile::tempdir().unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..20, 10);
    // As a kill leaves it: the next window, of which only the first of three parts was written.
    let other = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(other.path()).unwrap();
    fill(&queue, 0..20, 10);
    queue.append(&[noisy_window(20..30, 250_000)], SystemTime::now()).unwrap();
    queue.sync().unwrap();
    drop(queue);
    let mut first_part = None;
    tamper(other.path(), |tree| first_part = tree(&key(2, 0)).get(key(2, 0)).unwrap());
    tamper(directory.path(), |tree| {
        assert!(tree(&key(2, 0)).insert(key(2, 0), first_part.unwrap()).unwrap().is_none());
    });

    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.depth().events, 20);
    fill(&queue, 20..30, 10);
    let (events, damaged) = drain(&queue);
    assert_eq!((events, damaged), ((0..30).collect::<Vec<_>>(), 0));
}

#[test]
fn a_window_cut_in_the_middle_is_a_loss() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    let windows = [window(0..10), noisy_window(10..20, 250_000), window(20..30)];
    queue.append(&windows, SystemTime::now()).unwrap();
    queue.sync().unwrap();
    drop(queue);
    spoil(directory.path(), 1, 2, |value| value[..32].fill(0));
    expect(directory.path(), 0..30, 10..20);
}

#[test]
fn damage_is_found_without_a_cursor_too() {
    let directory = tempfile::tempdir().unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
    spoil(directory.path(), 3, 0, |value| value[70] ^= 1);
    fs::remove_file(lane(directory.path()).join("cursor")).unwrap();
    expect(directory.path(), 0..100, 30..40);
}

#[test]
fn a_generation_of_a_newer_format_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..30, 10);
    let span = generation(directory.path()).join("span");
    let mut bytes = fs::read(&span).unwrap();
    bytes[4] = 7;
    let crc = crc32fast::hash(&bytes[..24]).to_be_bytes();
    bytes[24..28].copy_from_slice(&crc);
    fs::write(&span, bytes).unwrap();
    let error = SledQueue::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Misconfigured);
    assert!(error.to_string().contains("format 7"), "{error}");
}

#[test]
fn what_the_database_has_forgotten_is_found_in_its_file() {
    let directory = tempfile::tempdir().unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
    tamper(directory.path(), |tree| {
        tree(&key(3, 0)).remove(key(3, 0)).unwrap().unwrap();
        tree(&key(5, 0)).insert(key(5, 0), "garbage").unwrap().unwrap();
    });
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(drain(&queue), ((0..100).collect(), 0));
}

#[test]
fn a_store_of_which_something_is_missing_is_kept_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
    spoil(directory.path(), 3, 0, |value| value[70] ^= 1);
    let queue = SledQueue::open(directory.path()).unwrap();
    let reports = queue.reports();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].contains("set aside"), "{reports:?}");
    assert!(reports[1].starts_with("10 events") && reports[1].contains("from id 30 on"), "{reports:?}");
    // What is set aside and not delivered yet is still there after a restart.
    fill(&queue, 100..200, 10);
    drop(queue);
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(drain(&queue), ((0..30).chain(40..200).collect(), 10));
    queue.maintain().unwrap();
    let kept = directory.path().join("damaged-0000000001-0000000001");
    assert!(fs::read_to_string(kept.join("reason")).unwrap().contains("missing"));
}

#[test]
fn a_bounded_number_of_damaged_stores_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..8 {
        let queue = SledQueue::open(directory.path()).unwrap();
        fill(&queue, round * 10..round * 10 + 10, 10);
        drop(queue);
        let generations = fs::read_dir(lane(directory.path())).unwrap().flatten();
        let mut generations = generations
            .map(|entry| entry.path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("generation-"));
        fs::remove_file(generations.next().unwrap().join("db")).unwrap();
        let queue = SledQueue::open(directory.path()).unwrap();
        assert_eq!(drain(&queue), (vec![], 10));
        queue.maintain().unwrap();
    }
    let kept = fs::read_dir(directory.path()).unwrap().flatten();
    let kept = kept.filter(|entry| entry.file_name().to_string_lossy().starts_with("damaged-")).count();
    assert_eq!(kept, 4);
}
