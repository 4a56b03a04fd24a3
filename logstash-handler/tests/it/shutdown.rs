use crate::support::{LONG, builder, eventually, info, messages, transport};
use logstash_handler::{Handler, LogstashFormatter};
use logstash_transport::testing::{Receiver, Step};
use lumberjack_codec::Backoff;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_millis(400);
/// What is promised, and what a busy machine may take to run a thread; what hangs takes much longer.
const TOLERANCE: Duration = Duration::from_secs(3);

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
    assert!(!report.complete, "an event was lost");
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
fn a_peer_that_comes_back_while_a_shutdown_waits_gets_what_is_in_memory() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let minute = Backoff::new().base(Duration::from_secs(60));
    let (handler, guard) = builder(&receiver).retry(minute).start().unwrap();
    handler.emit(&info("late but there"));
    eventually(&handler, |stats| stats.failures == 1);
    let report = thread::scope(|scope| {
        let shutdown = scope.spawn(|| guard.shutdown(LONG));
        eventually(&handler, |stats| stats.failures >= 2);
        receiver.come_back().unwrap();
        shutdown.join().unwrap()
    });
    assert!(report.complete, "{report}");
    assert_eq!(messages(&receiver), ["late but there"]);
}

#[cfg(all(feature = "sled", target_os = "linux"))]
#[test]
fn a_peer_that_accepts_no_connection_does_not_hold_shutdown_up_and_the_queue_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody takes connections from the queue of this listener, so connecting hangs when it is full.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 10_000, "the queue of the listener never fills");
    }
    let open = || logstash_handler::SledQueue::open(folder.path()).unwrap();
    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), transport(address)).queue(open()).start().unwrap();
    handler.emit(&info("stays"));
    assert!(handler.sync(LONG).complete);
    let started = Instant::now();
    let report = guard.shutdown(DEADLINE);
    assert!(started.elapsed() <= DEADLINE + TOLERANCE, "{:?}", started.elapsed());
    assert_eq!((report.complete, report.stored), (true, 1), "{report}");
    drop(open());
}

#[test]
fn waiting_for_ever_is_no_panic() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver)
        .overflow(logstash_handler::Overflow::Block { timeout: Duration::MAX })
        .linger(Duration::MAX)
        .start()
        .unwrap();
    handler.emit(&info("patient"));
    handler.emit_durable(&info("patient too"), Duration::MAX).unwrap();
    assert!(handler.sync(Duration::MAX).complete);
    assert!(handler.flush(Duration::MAX).complete);
    assert!(guard.shutdown(Duration::MAX).complete);
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
