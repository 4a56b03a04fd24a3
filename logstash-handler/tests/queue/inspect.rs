//! Looking into a queue from outside.

use crate::support::{fill, generation, numbers, time, uncached, window};
use logstash_handler::queue::{Inspection, Queue, QueueErrorKind, SledQueue, export, inspect, purge};
use std::fs;
use std::path::Path;

/// A queue of two lanes: events 0 to 99 in several generations, of which 25 are delivered, and 100 to 109.
fn queues(path: &Path) -> [SledQueue; 2] {
    let open = || uncached().generation_bytes(300).open(path).unwrap();
    let queues = [open(), open()];
    for start in (0..100).step_by(10) {
        queues[0].append(&[window(start..start + 10)], time(1_000 + start)).unwrap();
        queues[0].sync().unwrap();
    }
    queues[0].advance(25);
    queues[1].append(&[window(100..110)], time(5_000)).unwrap();
    queues[1].sync().unwrap();
    queues
}

fn exported(path: &Path) -> Vec<u64> {
    let mut events = Vec::new();
    export(path, |window, skip| events.extend(numbers(&window).into_iter().skip(skip as usize))).unwrap();
    events
}

fn check(inspection: &Inspection, process: Option<u32>) {
    assert_eq!(inspection.events(), 85);
    assert_eq!(inspection.oldest(), Some(time(1_020)));
    assert!(inspection.bytes_on_disk > 0 && inspection.damaged.is_empty());
    let [first, second] = &inspection.lanes[..] else { panic!("{inspection:?}") };
    assert_eq!((first.number, first.process, first.events, first.lost), (1, process, 75, 0));
    assert_eq!((second.number, second.process, second.events), (2, process, 10));
    assert!(first.generations > 1 && first.bytes > second.bytes);
}

#[test]
fn a_queue_in_use_and_one_that_is_closed_tell_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let queues = queues(path);
    check(&inspect(path).unwrap(), Some(std::process::id()));
    let events: Vec<_> = (25..110).collect();
    assert_eq!(exported(path), events);
    drop(queues);
    check(&inspect(path).unwrap(), None);
    assert_eq!(exported(path), events);
}

#[test]
fn losses_and_damaged_stores_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    fill(&queue, 0..30, 10);
    drop(queue);
    fs::remove_file(generation(directory.path()).join("db")).unwrap();
    let inspection = inspect(directory.path()).unwrap();
    assert_eq!((inspection.events(), inspection.lanes[0].lost), (30, 30));
    assert_eq!(exported(directory.path()), Vec::<u64>::new());

    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.peek(1, 0).unwrap().damaged, 30);
    queue.maintain().unwrap();
    let inspection = inspect(directory.path()).unwrap();
    assert_eq!(inspection.events(), 0);
    assert!(inspection.damaged[0].reason.contains("missing"), "{inspection:?}");
}

#[test]
fn what_belongs_to_nobody_is_purged() {
    let directory = tempfile::tempdir().unwrap();
    let [mine, other] = queues(directory.path());
    drop(mine);
    assert_eq!(purge(directory.path()).unwrap().events, 75);
    assert_eq!(exported(directory.path()), (100..110).collect::<Vec<_>>());
    drop(other);
    assert_eq!(purge(directory.path()).unwrap().events, 10);
    assert_eq!(inspect(directory.path()).unwrap().events(), 0);
}

#[test]
fn a_directory_that_is_not_there_is_refused_and_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue");
    for error in
        [inspect(&path).unwrap_err(), purge(&path).unwrap_err(), export(&path, |_, _| ()).unwrap_err()]
    {
        assert_eq!(error.kind(), QueueErrorKind::Misconfigured);
        assert!(error.to_string().contains("there is no queue"), "{error}");
    }
    assert!(!path.exists());
}
