use crate::child;
use crate::support::{contents, drain, fill, lane};
use logstash_handler::queue::{Queue, QueueErrorKind, SledQueue};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::time::{Duration, Instant};

/// A child that has the queue open, and a way to wait for that.
fn holder(directory: &std::path::Path) -> (Child, impl Iterator<Item = String>) {
    let mut child = child::start("holder", directory, 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == format!("holding {}", child.id())));
    (child, lines)
}

/// The processes that have lanes, as their locks say.
fn holders(directory: &std::path::Path) -> Vec<String> {
    let mut lanes: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("lane-"))
        .collect();
    lanes.sort();
    lanes.iter().map(|lane| std::fs::read_to_string(lane.join("lock")).unwrap()).collect()
}

#[test]
fn a_second_queue_in_the_same_process_has_a_lane_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let first = SledQueue::open(directory.path()).unwrap();
    let second = SledQueue::open(directory.path()).unwrap();
    fill(&first, 0..10, 5);
    fill(&second, 10..20, 5);
    assert_eq!(contents(&first), (0..10).collect::<Vec<_>>());
    assert_eq!(contents(&second), (10..20).collect::<Vec<_>>());
    assert_eq!(holders(directory.path()), vec![std::process::id().to_string(); 2]);
}

#[test]
fn a_second_process_has_a_lane_of_its_own_which_is_taken_over_when_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    fill(&queue, 0..10, 5);
    let mut child = child::start("filler", directory.path(), 100);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "filled"));
    assert_eq!(holders(directory.path()), [std::process::id().to_string(), child.id().to_string()]);
    child.kill().unwrap();
    child.wait().unwrap();

    // The own lane has been peeked at: the batch that is under way is not disturbed.
    let batch = queue.peek(1, 0).unwrap();
    assert_eq!(crate::support::offered(&batch), (0..5).collect::<Vec<_>>());
    let (mut found, deadline) = (0, Instant::now() + Duration::from_secs(20));
    while found == 0 {
        assert!(Instant::now() < deadline);
        assert_eq!(queue.depth().events, 10, "not before it is announced");
        std::thread::sleep(queue.maintain_in().unwrap().min(Duration::from_millis(100)));
        let mut note = |events| {
            found += events;
            Ok(())
        };
        queue.adopt(&mut note).unwrap();
    }
    assert_eq!((found, queue.depth().events), (50, 60));
    fill(&queue, 150..160, 5);
    assert!(queue.reports().iter().any(|report| report.contains("50 events")));
    queue.advance(5);
    let (events, damaged) = drain(&queue);
    assert_eq!(events, (5..10).chain(100..150).chain(150..160).collect::<Vec<_>>());
    assert_eq!(damaged, 0);
    queue.maintain().unwrap();
    assert_eq!(holders(directory.path()), [std::process::id().to_string()], "its lane is removed");
}

#[test]
fn lanes_of_processes_that_are_gone_are_delivered_by_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let queues: Vec<_> = (0..3).map(|_| SledQueue::open(directory.path()).unwrap()).collect();
    for (queue, start) in queues.iter().zip([0, 100, 200]) {
        fill(queue, start..start + 100, 10);
    }
    drop(queues);
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.depth().events, 300);
    fill(&queue, 300..400, 10);
    // The first lane is the own one now, and comes last.
    let expected = (100..300).chain(0..100).chain(300..400);
    assert_eq!(drain(&queue), (expected.collect(), 0));
    queue.maintain().unwrap();
    assert!(lane(directory.path()).exists());
    assert_eq!(holders(directory.path()).len(), 1);
}

#[test]
fn the_lane_of_a_killed_process_is_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let (mut child, _) = holder(directory.path());
    child.kill().unwrap();
    child.wait().unwrap();
    drop(SledQueue::open(directory.path()).unwrap());
    assert_eq!(holders(directory.path()).len(), 1);
}

#[test]
fn a_directory_that_stays_locked_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(SledQueue::open(directory.path()).unwrap());
    // As an older version locks it for as long as it runs.
    let lock = File::options().read(true).write(true).open(directory.path().join("lock")).unwrap();
    lock.try_lock().unwrap();
    std::fs::write(directory.path().join("lock"), "4711").unwrap();
    let start = Instant::now();
    let error = SledQueue::open(directory.path()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10), "it is tried for a second");
    assert_eq!(error.kind(), QueueErrorKind::Locked);
    let message = error.to_string();
    assert!(message.contains("process 4711"), "{message}");
    assert!(message.contains(directory.path().to_str().unwrap()), "{message}");
    drop(lock);
    SledQueue::open(directory.path()).unwrap();
}

#[test]
fn a_process_that_lives_keeps_its_lane() {
    let directory = tempfile::tempdir().unwrap();
    let (mut child, lines) = holder(directory.path());
    let mut other = child::start("opener", directory.path(), 0);
    let mut output = String::new();
    other.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(other.wait().unwrap().success());
    assert!(output.contains("opened"), "{output}");
    assert_eq!(holders(directory.path())[0], child.id().to_string());
    drop(child.stdin.take());
    assert!(lines.last().is_some());
    assert!(child.wait().unwrap().success());
}

/// Has the queue look for lanes until it finds this many events in them.
fn adopt(queue: &SledQueue, events: u64) {
    let (mut found, deadline) = (0, Instant::now() + Duration::from_secs(30));
    while found < events {
        assert!(Instant::now() < deadline, "{found} of {events} events were found");
        std::thread::sleep(queue.maintain_in().unwrap().min(Duration::from_millis(100)));
        let mut note = |events| {
            found += events;
            Ok(())
        };
        queue.adopt(&mut note).unwrap();
    }
    assert_eq!(found, events);
}

#[test]
fn a_lane_that_cannot_be_read_keeps_no_other_from_being_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let queues: Vec<_> = (0..4).map(|_| SledQueue::open(directory.path()).unwrap()).collect();
    for (queue, start) in queues.iter().zip([0, 100, 200, 300]) {
        fill(queue, start..start + 10, 5);
    }
    let mut queues = queues.into_iter();
    let queue = queues.next().unwrap();
    drop(queues);
    // A program of a newer version had the third one.
    let cursor = directory.path().join("lane-0000000003").join("cursor");
    let mut marks = std::fs::read(&cursor).unwrap();
    for mark in marks.chunks_exact_mut(64) {
        mark[4] = 2;
        let crc = crc32fast::hash(&mark[..56]).to_be_bytes();
        mark[56..60].copy_from_slice(&crc);
    }
    std::fs::write(&cursor, marks).unwrap();
    adopt(&queue, 20);
    let reports = queue.reports();
    assert!(reports.iter().any(|report| report.contains("format 2")), "{reports:?}");
    assert_eq!(drain(&queue), ((0..10).chain(100..110).chain(300..310).collect(), 0));
}

#[test]
fn a_lane_that_could_not_be_removed_is_left_to_who_takes_it_then() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    fill(&SledQueue::open(directory.path()).unwrap(), 0..10, 5);
    adopt(&queue, 10);
    assert_eq!(drain(&queue), ((0..10).collect(), 0));
    // Its name after the removal is taken.
    let obstacle = directory.path().join("removed-lane-0000000002");
    std::fs::create_dir_all(obstacle.join("not empty")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while queue.maintain().is_ok() {
        assert!(Instant::now() < deadline && obstacle.exists(), "nothing was in the way");
    }
    let next = SledQueue::open(directory.path()).unwrap();
    fill(&next, 50..60, 5);
    queue.maintain().unwrap();
    drop(next);
    drop(queue);
    assert_eq!(drain(&SledQueue::open(directory.path()).unwrap()), ((50..60).collect(), 0));
}
