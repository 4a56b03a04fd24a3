//! Random operations, compared with the simplest queue there is.

use crate::support::{numbers, offered, time, window};
use logstash_handler::queue::{MemoryQueue, OnBacklog, Queue, QueueErrorKind};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Operation {
    /// Windows of so many events each, of a time.
    Append(Vec<u64>, u64),
    Sync,
    Peek(usize, usize),
    Advance(u64),
    Expire(u64),
    Maintain,
    Reopen,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        4 => (prop::collection::vec(0_u64..40, 0..4), 0_u64..100).prop_map(|(w, at)| Operation::Append(w, at)),
        2 => Just(Operation::Sync),
        3 => (0_usize..6, 0_usize..600).prop_map(|(windows, bytes)| Operation::Peek(windows, bytes)),
        3 => (0_u64..90).prop_map(Operation::Advance),
        1 => (0_u64..100).prop_map(Operation::Expire),
        1 => Just(Operation::Maintain),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(operation, 1..40)
}

/// Windows as first event, number of events, encoded bytes and time.
#[derive(Default)]
struct Model {
    windows: VecDeque<(u64, u64, usize, u64)>,
    skip: u64,
    next: u64,
}

impl Model {
    fn bytes(&self) -> usize {
        self.windows.iter().map(|window| window.2).sum()
    }

    fn advance(&mut self, events: u64) {
        self.skip += events;
        while let Some(&(_, events, ..)) = self.windows.front()
            && self.skip >= events
        {
            self.skip -= events;
            self.windows.pop_front();
        }
        if self.windows.is_empty() {
            self.skip = 0;
        }
    }

    fn expire(&mut self, before: u64) -> u64 {
        let mut expired = 0;
        while let Some(&(_, events, _, at)) = self.windows.front()
            && at < before
        {
            expired += events - std::mem::take(&mut self.skip);
            self.windows.pop_front();
        }
        expired
    }

    fn check(&self, queue: &dyn Queue) {
        assert_eq!(queue.depth().events, self.windows.iter().map(|window| window.1).sum::<u64>() - self.skip);
        // Until then a queue on disk may count the windows of its oldest part as a whole.
        queue.peek(1, 0).unwrap();
        let depth = queue.depth();
        let events: u64 = self.windows.iter().map(|window| window.1).sum();
        assert_eq!(depth.events, events - self.skip);
        assert_eq!(depth.windows, self.windows.len() as u64);
        assert_eq!(depth.bytes, self.bytes() as u64);
        assert_eq!(depth.oldest, self.windows.front().map(|window| time(window.3)));
    }
}

const MAX_BYTES: u64 = 1_000;

/// Runs the operations against a queue and the model; `reopen` closes and opens the queue.
fn run<Q: Queue>(mut queue: Q, operations: Vec<Operation>, mut reopen: impl FnMut(Q) -> Q) {
    let mut model = Model::default();
    for operation in operations {
        match operation {
            Operation::Append(sizes, at) => {
                let mut next = model.next;
                let windows: Vec<_> = sizes
                    .iter()
                    .map(|events| {
                        next += events;
                        window(next - events..next)
                    })
                    .collect();
                let bytes: usize = windows.iter().map(|window| window.bytes().len()).sum();
                match queue.append(&windows, time(at)) {
                    Ok(()) => {
                        for (events, window) in sizes.iter().zip(&windows).filter(|(events, _)| **events > 0)
                        {
                            model.windows.push_back((model.next, *events, window.bytes().len(), at));
                            model.next += events;
                        }
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), QueueErrorKind::Full);
                        assert!(model.bytes() + bytes > MAX_BYTES as usize);
                    }
                }
                assert!(model.bytes() <= MAX_BYTES as usize);
            }
            Operation::Sync => queue.sync().unwrap(),
            Operation::Peek(max_windows, max_bytes) => {
                let peek = queue.peek(max_windows, max_bytes).unwrap();
                let mut bytes = 0;
                let expected = model.windows.iter().enumerate().take_while(|(index, window)| {
                    bytes += window.2;
                    *index == 0 || (*index < max_windows && bytes <= max_bytes)
                });
                let expected: Vec<Vec<u64>> =
                    expected.map(|(_, window)| (window.0..window.0 + window.1).collect()).collect();
                assert_eq!(peek.windows.iter().map(numbers).collect::<Vec<_>>(), expected);
                assert_eq!((u64::from(peek.skip), peek.damaged), (model.skip, 0));
                let first = model.windows.front().map(|window| window.0 + model.skip);
                assert_eq!(offered(&peek).first().copied(), first);
            }
            Operation::Advance(events) => {
                queue.advance(events);
                model.advance(events);
            }
            Operation::Expire(before) => assert_eq!(queue.expire(time(before)), model.expire(before)),
            Operation::Maintain => queue.maintain().unwrap(),
            Operation::Reopen => queue = reopen(queue),
        }
        model.check(&queue);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn memory_queue_does_what_the_model_does(operations in operations()) {
        run(MemoryQueue::new().max_bytes(MAX_BYTES), operations, |queue| queue);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_queue_that_moves_to_its_store_does_what_the_model_does(operations in operations(), memory in 0..MAX_BYTES) {
        let store = MemoryQueue::new().max_bytes(MAX_BYTES);
        run(OnBacklog::new(store).memory_bytes(memory).after(Duration::MAX), operations, |queue| queue);
    }
}

#[cfg(feature = "sled")]
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn sled_queue_does_what_the_model_does(
        operations in operations(),
        cache in prop_oneof![Just(0), Just(500)],
        generation in prop_oneof![Just(1), Just(300), Just(1 << 30)],
        crash in any::<bool>(),
    ) {
        use logstash_handler::queue::SledOptions;
        let options = SledOptions::new().max_bytes(MAX_BYTES).cache_bytes(cache).generation_bytes(generation);
        let mut directory = tempfile::tempdir().unwrap();
        run(options.clone().open(directory.path()).unwrap(), operations, |queue| {
            // Closed in an orderly way, what was not synced is there, too.
            if crash && cfg!(unix) {
                queue.sync().unwrap();
                let copy = tempfile::tempdir().unwrap();
                crate::support::copy_all(directory.path(), copy.path());
                directory = copy;
            }
            drop(queue);
            options.clone().open(directory.path()).unwrap()
        });
    }
}
