//! Programs that fork: the child logs into a lane of its own, the parent notices nothing, and nobody hangs.
//!
//! In a binary of its own, because every fork copies all threads' locks as they are at that moment.

#![cfg(all(unix, feature = "beats", feature = "sled"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use logstash_format::{Event, Level, LogstashFormatter};
use logstash_handler::queue::Queue;
use logstash_handler::{
    BeatsTransport, DropReason, EmitError, Guard, Handler, MemoryQueue, OnBacklog, SledOptions, SyncError,
    SyncHandler,
};
use logstash_transport::ErrorKind;
use logstash_transport::testing::Receiver;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// Does `work` in a forked child and fails if that does, or does not come to its end.
fn in_child(work: impl FnOnce()) {
    let (ended, status) = fork(|| {
        work();
        0
    });
    assert!(ended && status == 0, "the child failed, or was killed because it hung: {ended} {status}");
}

/// Forks; the child ends with what `work` returns. Tells whether it ended by itself, and its code.
#[allow(unsafe_code, reason = "what is tested is a fork")]
fn fork(work: impl FnOnce() -> i32) -> (bool, i32) {
    // SAFETY: the child has one thread, and ends below without anything of the test harness, whose locks
    // may be held. It allocates, which the C libraries that we know allow after a fork.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "cannot fork");
    if pid == 0 {
        // SAFETY: sets a timer, which kills a child that hangs, whatever it waits for.
        unsafe { libc::alarm(30) };
        let code = catch_unwind(AssertUnwindSafe(work)).unwrap_or(101);
        // SAFETY: ends the process.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: `status` is there while the call writes to it.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid);
    (libc::WIFEXITED(status), libc::WEXITSTATUS(status))
}

fn info(message: &str) -> Event<'_> {
    Event::new(Level::Info, "test", message)
}

fn start(receiver: &Receiver, queue: impl Queue + 'static) -> (Handler, Guard) {
    let transport = BeatsTransport::new(&receiver.address().to_string()).unwrap();
    Handler::builder(LogstashFormatter::new(), transport).report_losses(false).queue(queue).start().unwrap()
}

/// Numbers of events by who logged them, in order of arrival; the messages are `name number`.
fn arrived(receiver: &Receiver) -> BTreeMap<String, Vec<u64>> {
    let mut arrived: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for event in receiver.events() {
        let document: serde_json::Value = serde_json::from_slice(&event).unwrap();
        let (name, number) = document["message"].as_str().unwrap().rsplit_once(' ').unwrap();
        arrived.entry(name.to_owned()).or_default().push(number.parse().unwrap());
    }
    arrived
}

/// A handler whose threads are at work and whose callers log without a pause is forked again and again.
fn forks_while_all_threads_are_busy<Q: Queue + 'static>(open: impl Fn(&Path) -> Q) {
    const CHILDREN: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = start(&receiver, open(folder.path()));
    let ended = AtomicBool::new(false);
    let logged = thread::scope(|scope| {
        let log = |name: &'static str| {
            let mut number = 0;
            while !ended.load(Ordering::Relaxed) {
                // Never much ahead of the peer, so that the test comes to its end.
                if number % 100 == 0 && handler.stats().pending() > 5_000 {
                    thread::yield_now();
                    continue;
                }
                handler.try_emit(&info(&format!("{name} {number}"))).unwrap();
                number += 1;
            }
            number
        };
        let threads = ["parent one", "parent two"].map(|name| scope.spawn(move || log(name)));
        let result = catch_unwind(AssertUnwindSafe(|| {
            for child in 0..CHILDREN {
                in_child(|| {
                    let before = handler.stats();
                    assert_eq!((before.accepted, before.pending(), before.acknowledged), (0, 0, 0));
                    for number in 0..50 {
                        handler.try_emit(&info(&format!("child {child} {number}"))).unwrap();
                    }
                    assert!(handler.sync(LONG).complete);
                    let stats = handler.stats();
                    assert!(stats.is_balanced(), "{stats:?}");
                    assert_eq!((stats.accepted, stats.queued), (50, 50));
                });
            }
        }));
        ended.store(true, Ordering::Relaxed);
        result.unwrap();
        threads.map(|thread| thread.join().unwrap())
    });
    let report = guard.shutdown(LONG);
    assert!(report.complete, "{report}");
    assert!(handler.stats().is_balanced());
    // Children whose lanes were not taken over yet.
    let (_handler, guard) = start(&receiver, open(folder.path()));
    assert!(guard.shutdown(LONG).complete);

    let arrived = arrived(&receiver);
    assert_eq!(arrived["parent one"], (0..logged[0]).collect::<Vec<_>>());
    assert_eq!(arrived["parent two"], (0..logged[1]).collect::<Vec<_>>());
    for child in 0..CHILDREN {
        assert_eq!(arrived[&format!("child {child}")], (0..50).collect::<Vec<_>>());
    }
    assert_eq!(arrived.len() as u64, CHILDREN + 2);
}

#[test]
fn a_child_of_a_busy_parent_logs_into_a_lane_of_its_own() {
    forks_while_all_threads_are_busy(|path| SledOptions::new().open(path).unwrap());
}

#[test]
fn a_child_of_a_busy_parent_with_events_in_memory_takes_none_of_them() {
    forks_while_all_threads_are_busy(|path| OnBacklog::new(SledOptions::new().open(path).unwrap()));
}

#[test]
fn a_child_ends_in_any_way_and_every_call_returns() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = start(&receiver, SledOptions::new().open(folder.path()).unwrap());
    handler.emit_acked(&info("parent 0"), LONG).unwrap();
    let mut guard = Some(guard);

    in_child(|| {
        let report = guard.take().unwrap().shutdown(LONG);
        assert!(report.complete && report.accepted == 0, "{report}");
    });
    in_child(|| {
        handler.emit(&info("shut-down 0"));
        let report = guard.take().unwrap().shutdown(LONG);
        assert_eq!((report.complete, report.stored, report.acknowledged), (true, 1, 0), "{report}");
        assert_eq!(handler.try_emit(&info("shut-down 1")), Err(DropReason::Closed));
    });
    in_child(|| {
        handler.emit(&info("dropped 0"));
        drop(guard.take());
    });
    in_child(|| {
        handler.emit_durable(&info("durable 0"), LONG).unwrap();
        // Stored, and somebody else delivers it.
        let started = Instant::now();
        assert_eq!(handler.emit_acked(&info("durable 1"), LONG), Err(EmitError::NotInTime));
        assert!(handler.sync(LONG).complete);
        let report = handler.flush(LONG);
        assert!(!report.complete && report.stored == 2, "{report}");
        assert!(started.elapsed() < LONG, "nobody waits for what cannot come");
    });
    let exits = fork(|| {
        handler.emit_durable(&info("exit 0"), LONG).unwrap();
        std::process::exit(7)
    });
    assert_eq!(exits, (true, 7));
    // A daemon: the child forks again and ends before its own child.
    in_child(|| {
        handler.emit_durable(&info("daemon 0"), LONG).unwrap();
        in_child(|| handler.emit_durable(&info("grandchild 0"), LONG).unwrap());
        handler.emit_durable(&info("daemon 1"), LONG).unwrap();
    });

    handler.emit_acked(&info("parent 1"), LONG).unwrap();
    let report = guard.unwrap().shutdown(LONG);
    assert!(report.complete && report.accepted == 2, "{report}");
    let (_handler, guard) = start(&receiver, SledOptions::new().open(folder.path()).unwrap());
    assert!(guard.shutdown(LONG).complete);
    let expected = [
        ("daemon", 2),
        ("dropped", 1),
        ("durable", 2),
        ("exit", 1),
        ("grandchild", 1),
        ("parent", 2),
        ("shut-down", 1),
    ];
    let expected = expected.map(|(name, events)| (name.to_owned(), (0..events).collect()));
    assert_eq!(arrived(&receiver), BTreeMap::from(expected));
}

#[test]
fn what_a_child_logs_without_a_queue_on_disk_is_dropped_and_counted() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = start(&receiver, MemoryQueue::new());
    handler.emit(&info("parent 0"));
    let mut guard = Some(guard);
    in_child(|| {
        assert_eq!(handler.try_emit(&info("child 0")), Err(DropReason::Closed));
        let stats = handler.stats();
        assert!(stats.is_balanced() && stats.dropped.closed == 1, "{stats:?}");
        assert!(guard.take().unwrap().shutdown(LONG).complete);
    });
    let report = guard.unwrap().shutdown(LONG);
    assert_eq!((report.complete, report.acknowledged), (true, 1), "{report}");
}

#[test]
fn a_child_does_not_use_the_connection_of_a_handler_without_threads() {
    let receiver = Receiver::start().unwrap();
    let transport = BeatsTransport::new(&receiver.address().to_string()).unwrap();
    let handler = SyncHandler::new(LogstashFormatter::new(), transport);
    handler.emit(&info("parent 0")).unwrap();
    in_child(|| {
        let error = handler.emit(&info("child 0")).unwrap_err();
        let SyncError::Transport(error) = error else { panic!("{error}") };
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        handler.close();
    });
    handler.emit(&info("parent 1")).unwrap();
    assert_eq!(arrived(&receiver)["parent"], [0, 1]);
    assert_eq!(receiver.connections(), 1);
}
