//! kill -9 at random moments.

use crate::child;
use crate::support::offered;
use logstash_handler::queue::{Durability, Queue, SledOptions};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

const KILLS: usize = 20;

#[test]
fn nothing_stored_is_lost_and_nothing_delivered_comes_back_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::new();
    // Events below were reported as stored, as about to be delivered, and as delivered.
    let (mut stored, mut delivering, mut delivered) = (0, 0, 0);
    let mut next = 0;
    for kill in 0..KILLS {
        let mut child = child::start("worker", directory.path(), next);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Every second one ends before it has come to say much.
        let mut wanted = random.usize(0..if kill % 2 == 0 { 200 } else { 8 });
        for line in lines {
            match line.unwrap().split_once(' ') {
                Some(("stored", number)) => stored = number.parse().unwrap(),
                Some(("delivering", number)) => delivering = number.parse().unwrap(),
                Some(("delivered", number)) => delivered = number.parse().unwrap(),
                Some(("damaged", what)) => panic!("kill {kill}: the worker lost {what}"),
                _ => {}
            }
            // What was written until then is read to its end.
            if wanted == 0 {
                child.kill().unwrap();
            }
            wanted = wanted.saturating_sub(1);
        }
        assert!(!child.wait().unwrap().success());

        let queue = SledOptions::new().durability(Durability::Os).open(directory.path()).unwrap();
        let peek = queue.peek(usize::MAX, usize::MAX).unwrap();
        assert_eq!(peek.damaged, 0, "kill {kill}");
        let events = offered(&peek);
        assert_eq!(queue.depth().events, events.len() as u64);
        // However slow the disk is: another process would begin a lane of its own where this one is not free yet.
        queue.close(Duration::from_secs(60));
        assert_eq!(lanes(directory.path()), 1, "kill {kill}");
        next = stored.max(delivering);
        if let (Some(&first), Some(&last)) = (events.first(), events.last()) {
            assert_eq!(events, (first..=last).collect::<Vec<_>>(), "kill {kill}: without holes, in order");
            assert!(first >= delivered, "kill {kill}: {first} comes back, {delivered} were delivered");
            assert!(
                first <= delivering,
                "kill {kill}: {first} is first, {delivering} were to be delivered, {next} was next"
            );
            assert!(last + 1 >= stored, "kill {kill}: {last} is last, {stored} were stored");
            next = last + 1;
        } else {
            assert!(delivering >= stored, "kill {kill}: {stored} were stored, {delivering} to be delivered");
        }
    }
    assert!(stored > 100 && delivered > 100, "{stored} were stored, {delivered} delivered");
}

fn lanes(queue: &Path) -> usize {
    let names = fs::read_dir(queue).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("lane-")).count()
}
