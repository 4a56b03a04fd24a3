//! Damaged files: what is lost is counted, the rest is delivered, and nothing panics or hangs.

use crate::support::{contents, drain, fill, noisy_window, tamper, uncached, window};
use logstash_handler::queue::{Queue, QueueErrorKind, SledQueue};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

fn key(window: u64, part: u16) -> Vec<u8> {
    [&window.to_be_bytes()[..], &part.to_be_bytes()].concat()
}

/// Flips a bit of a value.
fn flip(db: &sled::Db, key: &[u8], at: usize) {
    let mut value = db.get(key).unwrap().unwrap().to_vec();
    value[at] ^= 0x10;
    db.insert(key, value).unwrap();
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
    for (window, at) in [(0, 60), (4, 60), (9, 60), (4, 10), (4, 18), (4, 45), (9, 30)] {
        let directory = tempfile::tempdir().unwrap();
        fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
        tamper(directory.path(), |db| flip(db, &key(window, 0), at));
        expect(directory.path(), 0..100, window * 10..window * 10 + 10);
    }
}

#[test]
fn a_flipped_bit_in_a_later_part_costs_that_window() {
    for (part, at) in [(0, 5_000), (1, 0), (2, 7_700)] {
        let directory = tempfile::tempdir().unwrap();
        let queue = SledQueue::open(directory.path()).unwrap();
        let windows = [window(0..10), noisy_window(10..20, 300_000), window(20..30)];
        queue.append(&windows, SystemTime::now()).unwrap();
        queue.sync().unwrap();
        drop(queue);
        tamper(directory.path(), |db| flip(db, &key(1, part), at));
        expect(directory.path(), 0..30, 10..20);
    }
}

#[test]
fn missing_windows_are_counted_wherever_they_were() {
    for lost in [0..1, 3..5, 8..10, 0..10] {
        let directory = tempfile::tempdir().unwrap();
        fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
        tamper(directory.path(), |db| {
            for window in lost.clone() {
                db.remove(key(window, 0)).unwrap().unwrap();
            }
        });
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
    tamper(other.path(), |db| first_part = db.get(key(2, 0)).unwrap());
    tamper(directory.path(), |db| drop(db.insert(key(2, 0), first_part.unwrap()).unwrap()));

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
    tamper(directory.path(), |db| drop(db.remove(key(1, 2)).unwrap().unwrap()));
    expect(directory.path(), 0..30, 10..20);
}

#[test]
fn damage_is_found_without_a_cursor_too() {
    let directory = tempfile::tempdir().unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..100, 10);
    tamper(directory.path(), |db| flip(db, &key(3, 0), 60));
    fs::remove_file(directory.path().join("cursor")).unwrap();
    expect(directory.path(), 0..100, 30..40);
}

#[test]
fn values_of_a_newer_format_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..30, 10);
    tamper(directory.path(), |db| {
        let mut value = db.get(key(1, 0)).unwrap().unwrap().to_vec();
        value[4] = 7;
        db.insert(key(1, 0), value).unwrap();
    });
    let error = SledQueue::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Misconfigured);
    assert!(error.to_string().contains("format 7"), "{error}");
}

/// Whatever happens to the file of the database: a typed error, or all events accounted for.
#[test]
fn flipped_bytes_in_the_database_file_are_accounted_for() {
    const EVENTS: u64 = 400;
    let original = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(original.path()).unwrap();
    for start in (0..EVENTS).step_by(10) {
        queue.append(&[noisy_window(start..start + 10, 8_000)], SystemTime::now()).unwrap();
    }
    queue.sync().unwrap();
    drop(queue);
    // A second opening leaves a snapshot, with which single pages can be damaged.
    drop(SledQueue::open(original.path()).unwrap());

    let (mut opened, mut with_losses) = (0, 0);
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..24 {
        let copy = tempfile::tempdir().unwrap();
        copy_all(original.path(), copy.path());
        let path = copy.path().join("generation-0000000001").join("db");
        let mut bytes = fs::read(&path).unwrap();
        // Where there is content: the file is much longer than that.
        let end = bytes.iter().rposition(|&byte| byte != 0).unwrap();
        for _ in 0..=round % 3 {
            bytes[random.usize(..end)] ^= 1 << random.u8(..8);
        }
        fs::write(&path, bytes).unwrap();
        match uncached().open(copy.path()) {
            Ok(queue) => {
                let (events, damaged) = drain(&queue);
                assert!(events.is_sorted());
                assert_eq!(events.len() as u64 + damaged, EVENTS, "round {round}");
                opened += 1;
                with_losses += usize::from(damaged > 0);
            }
            Err(error) => {
                assert_eq!(error.kind(), QueueErrorKind::Damaged, "{error}");
                assert!(error.to_string().contains("generation-0000000001"), "{error}");
            }
        }
    }
    assert!(opened > 0 && with_losses > 0, "{opened} opened, {with_losses} with losses");
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
