//! accepted + recovered = acknowledged + dropped + in_arena + in_writer + queued, at every moment.

use crate::support::{LONG, Moody, builder, info, quick, transport};
use logstash_handler::{DropReason, Handler};
use logstash_transport::testing::{Receiver, Step};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn the_books_balance_at_every_moment_of_a_stormy_run() {
    let receiver = Receiver::start().unwrap();
    receiver.script((0..30).map(|step| match step % 5 {
        0 => Step::KeepAndDrop,
        1 => Step::Partial(2),
        2 => Step::DropConnection,
        3 => Step::Delay(Duration::from_millis(5)),
        _ => Step::Acknowledge,
    }));
    let (handler, guard) = Handler::builder(Moody, transport(receiver.address()))
        .retry(quick())
        .arena_bytes(64 * 1024)
        .max_event_bytes(1000)
        .window(50, 10_000)
        .start()
        .unwrap();
    let done = AtomicBool::new(false);
    let snapshots = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut snapshots = 0;
            while !done.load(Ordering::Relaxed) {
                let stats = handler.stats();
                assert!(stats.is_balanced(), "{stats:?}");
                snapshots += 1;
            }
            snapshots
        });
        let producers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for number in 0..4000 {
                        match number % 100 {
                            7 => handler.emit(&info("fail")),
                            13 => handler.emit(&info(&"x".repeat(2000))),
                            _ => handler.emit(&info(&number.to_string())),
                        }
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        watch.join().unwrap()
    });
    assert!(snapshots > 0);
    let report = guard.shutdown(LONG);
    assert!(report.complete);
    assert_eq!(report.accepted, 12_000);
    // Where there is no room at all, what they are is not looked at any more.
    let of_each = [report.dropped.unformattable, report.dropped.oversized];
    assert!(of_each.iter().all(|events| *events <= 120), "{report:?}");
    assert!(of_each.iter().sum::<u64>() + report.dropped.overflow == report.dropped.total(), "{report:?}");
    assert_eq!(report.accepted + report.reports, report.acknowledged + report.dropped.total(), "{report}");
    assert_eq!((report.stored, report.unsaved), (0, 0));
    let stats = handler.stats();
    assert!(stats.is_balanced(), "{stats:?}");
}

#[test]
fn every_reason_to_turn_an_event_away_is_told_and_counted() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).max_event_bytes(1000).report_losses(false).start().unwrap();
    assert_eq!(handler.try_emit(&info(&"x".repeat(1000))), Err(DropReason::Oversized));
    assert_eq!(handler.emit_raw(b""), Err(DropReason::Unformattable));
    assert_eq!(handler.emit_raw(b"{\"message\":\"raw\"}"), Ok(()));
    let report = guard.shutdown(LONG);
    assert_eq!((report.accepted, report.acknowledged, report.dropped.total()), (3, 1, 2));
    assert_eq!(handler.try_emit(&info("late")), Err(DropReason::Closed));
    let stats = handler.stats();
    assert_eq!((stats.accepted, stats.dropped.closed), (4, 1));
    assert!(stats.is_balanced(), "{stats:?}");
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    let receiver = Receiver::start().unwrap();
    let error = builder(&receiver).window(0, 1).start().unwrap_err();
    assert!(error.to_string().contains("window of 0 events"), "{error}");
    let error = builder(&receiver).window(10_001, 1).start().unwrap_err();
    assert!(error.to_string().contains("10000"), "{error}");
    let error = builder(&receiver).arena_bytes(10).start().unwrap_err();
    assert!(error.to_string().contains("arena_bytes of 10"), "{error}");
    let error = builder(&receiver).max_event_bytes(0).start().unwrap_err();
    assert!(error.to_string().contains("max_event_bytes of 0"), "{error}");
    let error = builder(&receiver).compression_level(10).start().unwrap_err();
    assert!(error.to_string().contains("compression_level of 10"), "{error}");
    let error = builder(&receiver).batch(0).start().unwrap_err();
    assert!(error.to_string().contains("batch of 0"), "{error}");
    let error = builder(&receiver).ttl(Duration::ZERO).start().unwrap_err();
    assert!(error.to_string().contains("ttl of 0"), "{error}");
}
