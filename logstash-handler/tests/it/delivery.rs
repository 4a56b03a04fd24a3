use crate::support::{LONG, builder, eventually, info, messages};
use logstash_handler::{ConnectionState, MemoryQueue, Overflow};
use logstash_transport::testing::{Receiver, Step};
use lumberjack_codec::Backoff;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

#[test]
fn an_event_arrives_as_the_formatter_wrote_it() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    handler.emit(&info("hello"));
    let report = handler.flush(LONG);
    assert!(report.complete);
    assert_eq!(messages(&receiver), ["hello"]);
    assert_eq!((report.accepted, report.acknowledged), (1, 1));
    assert!(guard.shutdown(LONG).complete);
}

#[test]
fn the_order_of_each_thread_is_kept_across_outages() {
    const THREADS: usize = 4;
    const EVENTS: usize = 2500;
    let receiver = Receiver::start().unwrap();
    receiver.script([Step::Acknowledge, Step::KeepAndDrop, Step::Partial(3), Step::DropConnection]);
    let (handler, guard) = builder(&receiver)
        .overflow(Overflow::Block { timeout: LONG })
        .window(100, 64 * 1024)
        .start()
        .unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let handler = &handler;
            scope.spawn(move || {
                for number in 0..EVENTS {
                    handler.emit(&info(&format!("{thread} {number}")));
                }
            });
        }
        assert!(receiver.wait_for(1000, LONG));
        receiver.go_away();
        receiver.come_back().unwrap();
    });
    let report = guard.shutdown(LONG);
    assert!(report.complete, "{report}");
    assert_eq!(report.acknowledged as usize, THREADS * EVENTS, "{report}");
    for thread in 0..THREADS {
        let mut next = 0;
        for message in messages(&receiver) {
            let (of, number) = message.split_once(' ').unwrap();
            if of.parse::<usize>().unwrap() == thread {
                let number: usize = number.parse().unwrap();
                // Repeats are allowed, gaps are not.
                assert!(number <= next, "thread {thread}: {number} after {next}");
                next = next.max(number + 1);
            }
        }
        assert_eq!(next, EVENTS, "thread {thread}");
    }
}

#[test]
fn a_steady_producer_does_not_hold_delivery_up() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let producer = handler.clone();
    let enough = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&enough);
    let logging = thread::spawn(move || {
        let mut logged = 0;
        while !stop.load(Ordering::Relaxed) {
            producer.emit(&info("and on"));
            logged += 1;
            thread::sleep(Duration::from_micros(200));
        }
        logged
    });
    assert!(receiver.wait_for(1000, LONG), "delivery goes on while events keep coming");
    enough.store(true, Ordering::Relaxed);
    let logged = logging.join().unwrap();
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(receiver.received(), logged);
}

#[test]
fn while_the_peer_is_away_events_wait_and_the_state_says_so() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let (handler, guard) = builder(&receiver).start().unwrap();
    handler.emit(&info("early"));
    let stats =
        eventually(&handler, |stats| stats.failures >= 2 && stats.connection == ConnectionState::Waiting);
    assert_eq!(stats.queued, 1);
    assert!(stats.last_error.unwrap().contains("cannot connect to beats://127.0.0.1"));
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    assert_eq!(messages(&receiver), ["early"]);
    assert!(guard.shutdown(LONG).complete);
}

#[test]
fn events_older_than_their_time_to_live_are_given_up_before_they_are_sent() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let (handler, guard) = builder(&receiver).ttl(Duration::from_millis(300)).start().unwrap();
    handler.emit(&info("old"));
    eventually(&handler, |stats| stats.dropped.expired == 1);
    receiver.come_back().unwrap();
    handler.emit(&info("new"));
    assert!(handler.flush(LONG).complete);
    assert_eq!(messages(&receiver), ["new"]);
    assert!(guard.shutdown(LONG).complete);
}

#[test]
fn each_window_has_an_age_of_its_own_and_expires_while_the_peer_is_waited_for() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let minute = Backoff::new().base(Duration::from_secs(60));
    let (handler, guard) = builder(&receiver)
        .retry(minute)
        .window(1, 1000)
        .linger(Duration::from_secs(60))
        .ttl(Duration::from_secs(10))
        .start()
        .unwrap();
    let old = SystemTime::now() - Duration::from_millis(9_500);
    handler.emit(&info("nearly too old").at(old));
    handler.emit(&info("young"));
    eventually(&handler, |stats| stats.failures == 1 && stats.queued == 2);
    // Nothing else happens now but that time goes by.
    let stats = eventually(&handler, |stats| stats.dropped.expired > 0);
    assert_eq!((stats.dropped.expired, stats.queued), (1, 1));
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    assert_eq!(messages(&receiver), ["young"]);
    assert!(guard.shutdown(LONG).complete);
}

#[test]
fn a_full_queue_is_told_but_is_no_failure() {
    let receiver = Receiver::start().unwrap();
    receiver.hold();
    let (handler, guard) =
        builder(&receiver).queue(MemoryQueue::new().max_bytes(1)).window(1, 1000).start().unwrap();
    handler.emit(&info("one"));
    handler.emit(&info("two"));
    assert!(receiver.wait_for(1, LONG));
    eventually(&handler, |stats| stats.in_writer == 1);
    thread::sleep(Duration::from_millis(250));
    let stats = handler.stats();
    assert_eq!((stats.failures, stats.last_error), (0, None));
    receiver.release();
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(messages(&receiver), ["one", "two"]);
}

#[test]
fn a_full_queue_fills_the_arena_and_then_the_newest_are_dropped_and_counted() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let (handler, guard) = builder(&receiver)
        .queue(MemoryQueue::new().max_bytes(2000))
        .arena_bytes(20_000)
        .max_event_bytes(10_000)
        .compression_level(0)
        .start()
        .unwrap();
    let mut taken = 0;
    while handler.try_emit(&info(&format!("{taken}"))).is_ok() {
        taken += 1;
        assert!(taken < 10_000, "nothing bounds the arena");
    }
    let stats = handler.stats();
    assert_eq!(stats.accepted, taken + 1);
    assert_eq!(stats.dropped.overflow, 1);
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    let expected: Vec<String> = (0..taken).map(|number| number.to_string()).collect();
    assert_eq!(messages(&receiver), expected);
    assert!(guard.shutdown(LONG).complete);
}

#[test]
fn durable_events_of_many_threads_share_writes() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).linger(Duration::from_secs(60)).start().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    handler.emit_durable(&info("audit"), LONG).unwrap();
                }
            });
        }
    });
    assert!(handler.flush(LONG).complete);
    assert_eq!(receiver.received(), 160);
    assert!(receiver.windows() < 160, "each event had a window of its own");
    assert!(guard.shutdown(LONG).complete);
}
