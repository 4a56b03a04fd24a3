//! What happens when more is logged than can be stored, and how it is told.

use crate::support::{LONG, builder, eventually, info, messages};
use logstash_format::{Event, Level};
use logstash_handler::{DropReason, EmitError, HandlerBuilder, MemoryQueue, Overflow};
use logstash_transport::testing::Receiver;
use std::time::Duration;

/// A handler with little room, and a peer that is away.
fn cramped(receiver: &Receiver, overflow: Overflow) -> HandlerBuilder {
    receiver.go_away();
    builder(receiver)
        .queue(MemoryQueue::new().max_bytes(20_000))
        .arena_bytes(20_000)
        .max_event_bytes(10_000)
        .window(10, 5_000)
        .compression_level(0)
        .overflow(overflow)
}

#[test]
fn the_oldest_make_room_for_the_newest_in_the_arena_and_in_the_queue() {
    const EVENTS: usize = 2_000;
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = cramped(&receiver, Overflow::DropOldest).start().unwrap();
    for number in 0..EVENTS {
        handler.try_emit(&info(&number.to_string())).unwrap();
    }
    let stats = eventually(&handler, |stats| stats.in_arena + stats.in_writer == 0);
    assert!(stats.dropped.overflow > 0 && stats.dropped.overflow == stats.dropped.total(), "{stats:?}");
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    let report = guard.shutdown(LONG);
    assert_eq!(report.accepted, EVENTS as u64);
    assert_eq!(report.accepted + report.reports, report.acknowledged + report.dropped.total(), "{report}");

    let numbers: Vec<usize> = messages(&receiver).iter().filter_map(|message| message.parse().ok()).collect();
    assert!(numbers.is_sorted(), "the order is kept");
    assert_eq!(numbers.last(), Some(&(EVENTS - 1)), "the newest is there");
    assert!(!numbers.contains(&0), "the oldest is not");
    assert_eq!(numbers.len() as u64, report.acknowledged - report.reports);
}

#[test]
fn what_is_severe_finds_room_where_the_rest_does_not() {
    let receiver = Receiver::start().unwrap();
    let queue = MemoryQueue::new().max_bytes(400_000);
    let (handler, guard) = cramped(&receiver, Overflow::BySeverity).queue(queue).start().unwrap();
    let log = |level, number: usize| {
        handler.try_emit(&Event::new(level, "test", format_args!("{level:?} {number}")))
    };
    let mut taken = Vec::new();
    for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
        let mut count = 0;
        // Until the writer has seen all of it, so that the next one finds both full.
        loop {
            match log(level, count) {
                Ok(()) => count += 1,
                Err(reason) => {
                    assert_eq!(reason, DropReason::Overflow);
                    if handler.stats().in_writer > 0 || handler.sync(Duration::from_millis(300)).complete {
                        break;
                    }
                }
            }
            assert!(count < 10_000, "nothing bounds the arena");
        }
        taken.push(count);
    }
    assert!(taken.iter().all(|count| *count > 0), "each level has room of its own: {taken:?}");
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    let report = guard.shutdown(LONG);
    assert_eq!(report.acknowledged, taken.iter().sum::<usize>() as u64 + report.reports);
    let arrived = messages(&receiver);
    assert_eq!(arrived.iter().filter(|message| message.starts_with("Error")).count(), taken[3]);
}

#[test]
fn losses_are_told_in_band_once_there_is_room_again() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = cramped(&receiver, Overflow::DropNewest).start().unwrap();
    while handler.try_emit(&info("filler")).is_ok() {}
    for _ in 0..6 {
        // One that is not serialised yet would be turned away for want of room, whatever its size.
        assert_eq!(handler.emit_raw(&[b'x'; 20_000]), Err(DropReason::Oversized));
    }
    let lost = handler.stats().dropped;
    receiver.come_back().unwrap();
    eventually(&handler, |stats| stats.reports > 0);
    let report = guard.shutdown(LONG);
    assert_eq!(report.reports, 1);
    assert_eq!(report.accepted + 1, report.acknowledged + report.dropped.total(), "{report}");

    let told: Vec<serde_json::Value> = receiver
        .events()
        .iter()
        .map(|event| serde_json::from_slice(event).unwrap())
        .filter(|event: &serde_json::Value| event["extra"]["logger_name"] == "logstash_handler")
        .collect();
    assert_eq!(told.len(), 1);
    let event = &told[0];
    assert_eq!(event["level"], "WARNING");
    let total = lost.overflow + lost.oversized;
    let message =
        format!("{total} log events were lost: {} overflow, {} oversized", lost.overflow, lost.oversized);
    assert_eq!(event["message"], message.as_str());
    assert_eq!(event["extra"]["lost_events"], total);
    assert_eq!(event["extra"]["lost_overflow"], lost.overflow);
    assert_eq!(event["extra"]["lost_oversized"], lost.oversized);
    assert!(event["extra"]["lost_during_ms"].as_u64().is_some());
}

#[test]
fn losses_that_were_not_told_yet_are_told_with_the_last_window() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).max_event_bytes(1000).start().unwrap();
    handler.emit(&info(&"x".repeat(2000)));
    handler.emit(&info("after"));
    let report = guard.shutdown(LONG);
    assert!(report.complete, "{report}");
    assert_eq!((report.accepted, report.reports, report.acknowledged), (2, 1, 2));
    assert_eq!(messages(&receiver), ["after", "1 log event was lost: 1 oversized"]);
}

#[test]
fn who_does_not_want_reports_gets_none() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).max_event_bytes(1000).report_losses(false).start().unwrap();
    handler.emit(&info(&"x".repeat(2000)));
    handler.emit(&info("after"));
    let report = guard.shutdown(LONG);
    assert_eq!((report.accepted, report.reports, report.acknowledged), (2, 0, 1));
    assert_eq!(messages(&receiver), ["after"]);
}

#[test]
fn an_event_that_was_displaced_is_never_called_durable() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = cramped(&receiver, Overflow::DropOldest).start().unwrap();
    // Whoever waits for its event gets room by waiting, not by displacing.
    while handler.stats().in_writer == 0 || handler.stats().in_arena == 0 {
        handler.emit(&info("filler"));
    }
    let answer = handler.emit_durable(&info("durable"), LONG);
    assert!(matches!(answer, Ok(()) | Err(EmitError::Dropped(DropReason::Overflow))), "{answer:?}");
    receiver.come_back().unwrap();
    guard.shutdown(LONG);
    assert_eq!(messages(&receiver).contains(&"durable".to_owned()), answer.is_ok());
}
