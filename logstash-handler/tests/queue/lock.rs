use crate::child;
use crate::support::{contents, fill};
use logstash_handler::queue::{QueueErrorKind, SledQueue};
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

#[test]
fn a_second_queue_in_the_same_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    let start = Instant::now();
    let error = SledQueue::open(directory.path()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(error.kind(), QueueErrorKind::Locked);
    let message = error.to_string();
    assert!(message.contains(&format!("process {}, which is this process", std::process::id())), "{message}");
    assert!(message.contains(directory.path().to_str().unwrap()), "{message}");
    drop(queue);
    SledQueue::open(directory.path()).unwrap();
}

#[test]
fn a_second_process_is_refused_and_told_by_whom() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    let mut child = child::start("opener", directory.path(), 0);
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(output.contains("refused Locked"), "{output}");
    assert!(output.contains(&format!("in use by process {}", std::process::id())), "{output}");
    fill(&queue, 0..10, 5);
    assert_eq!(contents(&queue), (0..10).collect::<Vec<_>>());
}

#[test]
fn the_lock_of_a_killed_process_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = child::start("holder", directory.path(), 0);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let holding = lines.map_while(Result::ok).find(|line| line.starts_with("holding"));
    assert_eq!(holding, Some(format!("holding {}", child.id())));

    let error = SledQueue::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Locked);
    assert!(error.to_string().contains(&format!("process {};", child.id())), "{error}");

    child.kill().unwrap();
    child.wait().unwrap();
    SledQueue::open(directory.path()).unwrap();
}

#[test]
fn a_queue_that_is_closed_meanwhile_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = child::start("holder", directory.path(), 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("holding")));
    drop(child.stdin.take());
    SledQueue::open(directory.path()).unwrap();
    assert!(lines.last().is_some());
    assert!(child.wait().unwrap().success());
}
