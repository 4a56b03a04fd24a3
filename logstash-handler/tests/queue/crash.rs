//! kill -9 at random moments.

use crate::child;
use crate::support::contents;
use logstash_handler::queue::{Durability, Queue, SledOptions};
use std::io::{BufRead, BufReader};

const KILLS: usize = 20;

#[test]
fn nothing_stored_is_lost_and_nothing_delivered_comes_back_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::new();
    // Numbers below were printed as stored, as delivered.
    let (mut stored, mut delivered, mut next) = (0, 0, 0);
    for kill in 0..KILLS {
        let mut child = child::start("worker", directory.path(), next);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut wanted = random.usize(0..300);
        for line in lines {
            let line = line.unwrap();
            match line.split_once(' ') {
                Some(("stored", number)) => stored = number.parse().unwrap(),
                Some(("advanced", number)) => delivered = number.parse().unwrap(),
                _ => {}
            }
            // After the kill what was written before is read to its end.
            if wanted == 0 {
                child.kill().unwrap();
            }
            wanted = wanted.saturating_sub(1);
        }
        assert!(!child.wait().unwrap().success());

        let queue = SledOptions::new().durability(Durability::Os).open(directory.path()).unwrap();
        let peek = queue.peek(usize::MAX, usize::MAX).unwrap();
        assert_eq!(peek.damaged, 0, "kill {kill}");
        let events = contents(&queue);
        assert_eq!(queue.depth().events, events.len() as u64);
        let first = events.first().copied().unwrap_or(delivered);
        let end = first + events.len() as u64;
        assert_eq!(events, (first..end).collect::<Vec<_>>(), "kill {kill}: without holes, in order");
        assert!(first >= delivered, "kill {kill}: {first} comes back, {delivered} are delivered");
        assert!(events.is_empty() || end >= stored, "kill {kill}: {stored} are stored, the last is {end}");
        assert!(
            !events.is_empty() || delivered >= stored || first >= stored,
            "kill {kill}: nothing left, but {stored} were stored and {delivered} delivered"
        );
        next = end.max(stored);
    }
    assert!(stored > 0 && delivered > 0, "the children got something done");
}
