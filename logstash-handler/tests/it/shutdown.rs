use crate::support::{LONG, builder, eventually, info, messages, transport};
use logstash_handler::{Handler, LogstashFormatter};
use logstash_transport::testing::{Receiver, Step};
use lumberjack_codec::Backoff;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_millis(400);
const TOLERANCE: Duration = Duration::from_millis(100);

#[test]
fn shutdown_delivers_what_is_there_and_returns_at_once() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).linger(Duration::from_secs(60)).start().unwrap();
    for number in 0..100 {
        handler.emit(&info(&number.to_string()));
    }
    let report = guard.shutdown(LONG);
    assert!(report.complete);
    assert!(report.elapsed < LONG / 4, "{:?}", report.elapsed);
    assert_eq!(receiver.received(), 100);
    assert_eq!((report.acknowledged, report.unsaved), (100, 0));
}

#[test]
fn shutdown_keeps_its_deadline_when_the_peer_accepts_and_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), transport(silent.local_addr().unwrap())).start().unwrap();
    handler.emit(&info("lost"));
    let (_peer, _) = silent.accept().unwrap();
    let started = Instant::now();
    let report = guard.shutdown(DEADLINE);
    let took = started.elapsed();
    assert!(took >= DEADLINE && took <= DEADLINE + TOLERANCE, "{took:?}");
    assert!(report.complete, "both threads noticed the interrupt");
    assert_eq!((report.accepted, report.acknowledged, report.dropped.shutdown), (1, 0, 1));
    assert!(handler.stats().is_balanced());
}

#[test]
fn shutdown_during_a_long_backoff_keeps_its_deadline() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let minute = Backoff::new().base(Duration::from_secs(60));
    let (handler, guard) = builder(&receiver).retry(minute).start().unwrap();
    handler.emit(&info("waits"));
    eventually(&handler, |stats| stats.failures == 1);
    let started = Instant::now();
    let report = guard.shutdown(DEADLINE);
    let took = started.elapsed();
    assert!(took <= DEADLINE + TOLERANCE, "{took:?}");
    assert_eq!(report.dropped.shutdown, 1);
}

#[test]
fn shutdown_and_flush_try_at_once_instead_of_waiting_a_backoff_out() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let minute = Backoff::new().base(Duration::from_secs(60));
    let (handler, guard) = builder(&receiver).retry(minute.clone()).start().unwrap();
    handler.emit(&info("one"));
    eventually(&handler, |stats| stats.failures == 1);
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    receiver.go_away();
    handler.emit(&info("two"));
    eventually(&handler, |stats| stats.failures == 2);
    receiver.come_back().unwrap();
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(messages(&receiver), ["one", "two"]);
}

#[test]
fn flush_is_bounded_by_its_timeout_and_tells_the_truth() {
    let receiver = Receiver::start().unwrap();
    receiver.hold();
    let (handler, guard) = builder(&receiver).start().unwrap();
    handler.emit(&info("slow"));
    let started = Instant::now();
    let reports = thread::scope(|scope| {
        let flushes: Vec<_> = (0..2).map(|_| scope.spawn(|| handler.flush(DEADLINE))).collect();
        flushes.into_iter().map(|flush| flush.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(started.elapsed() <= DEADLINE + TOLERANCE, "{:?}", started.elapsed());
    for report in reports {
        assert!(!report.complete);
        assert_eq!((report.acknowledged, report.unsaved), (0, 1));
    }
    receiver.release();
    assert!(handler.flush(LONG).complete);
    assert!(guard.shutdown(LONG).complete);
    assert!(handler.flush(LONG).complete, "nothing is left to flush");
}

#[test]
fn a_flush_after_a_shutdown_that_lost_events_returns_at_once_and_says_so() {
    let receiver = Receiver::start().unwrap();
    receiver.script([Step::Stall]);
    let (handler, guard) = builder(&receiver).start().unwrap();
    handler.emit(&info("stalled"));
    assert!(receiver.wait_for(1, LONG));
    assert_eq!(guard.shutdown(Duration::from_millis(100)).dropped.shutdown, 1);
    let started = Instant::now();
    let report = handler.flush(LONG);
    assert!(started.elapsed() < LONG / 4);
    assert_eq!(report.dropped.shutdown, 1);
}

#[test]
fn dropping_the_guard_while_others_log_stops_in_order() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let logging = handler.clone();
    let producer = thread::spawn(move || {
        let mut taken = 0_u64;
        while logging.try_emit(&info("more")).is_ok() {
            taken += 1;
            thread::sleep(Duration::from_micros(50));
        }
        taken
    });
    assert!(receiver.wait_for(50, LONG));
    drop(guard);
    let taken = producer.join().unwrap();
    assert_eq!(receiver.received(), taken, "what was taken before the end is delivered");
    let stats = handler.stats();
    assert!(stats.is_balanced() && stats.dropped.closed == 1, "{stats:?}");
}
