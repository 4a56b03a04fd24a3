//! What handlers of this kind have fallen for, each with the test that says we do not. Names without a path
//! are here; `queue` is `tests/queue`, `transport` are the tests of `logstash-transport`.
//!
//! | trap | test |
//! | --- | --- |
//! | T-1: in order only by luck | [`the_order_of_each_thread_is_kept_across_flushes_outages_and_restarts`], [`the_order_of_each_thread_is_kept_across_outages`](crate::delivery), `simulation` |
//! | T-2: deleted before it is acknowledged | `persistence::four_kills_lose_nothing_that_was_durable` and its like, `queue::crash`, `cargo xtask kills` in twelve modes |
//! | T-3: called durable before it is | `queue::disk::every_durability_stores_and_comes_back`, `persistence`, `faults::an_event_that_could_not_be_stored_is_never_called_durable`; power cuts: `cargo xtask powercut` |
//! | T-4: a store that is opened twice | `queue::lock`: a lane for each process, stale locks, directories that stay locked |
//! | T-5: a store that is damaged, or has no room | `queue::damage`, `queue::places` (1,000 seeded places of closed and of killed stores), `queue::old_layout::garbage_does_no_harm`, `queue::full` with a file system of its own, `queue::full::a_handler_on_a_full_disk_drops_what_has_no_room_and_delivers_the_rest_in_order` |
//! | T-6: sends only once nothing more comes | `delivery::a_steady_producer_does_not_hold_delivery_up`; how late events arrive: `cargo xtask bench handler` |
//! | T-7: retries without a pause | `pump`: doubling waits with jitter, a cap, a reset; `pump::tests::a_hundred_handlers_do_not_storm_a_peer_that_is_away` |
//! | T-8: a backoff that holds up a shutdown | `shutdown::shutdown_during_a_long_backoff_keeps_its_deadline`, `shutdown::shutdown_and_flush_try_at_once_instead_of_waiting_a_backoff_out` |
//! | T-9: a flush that waits for nothing | `shutdown::flush_is_bounded_by_its_timeout_and_tells_the_truth`, `delivery::an_event_arrives_as_the_formatter_wrote_it` |
//! | T-10: a shutdown without a deadline | `shutdown`: peers that accept and say nothing, that accept no connection, that refuse; `transport::balance::a_lookup_that_hangs_is_bounded_and_can_be_interrupted`; `books::the_books_balance_at_every_moment_of_a_stormy_run` |
//! | T-11: memory without a bound | `overflow`, `delivery::a_full_queue_fills_the_arena_and_then_the_newest_are_dropped_and_counted`; with millions queued: `cargo xtask backlog` |
//! | T-12: expired only after it was sent | [`a_backlog_that_is_too_old_at_the_start_is_not_sent`], `queue::conformance::expires_what_is_older_than_the_boundary`; a clock that is set: `simulation` |
//! | T-13: one event that is refused holds up the rest | `faults::rejected_events_are_found_and_given_up_and_their_neighbours_arrive_once`, `outcome::rejected_events_are_kept_and_delivered_again_once_the_peer_takes_them`; `transport::http`, `transport::redis`, `transport::udp` for what each of them refuses |
//! | T-14: sends all again after a part | `persistence::a_window_acknowledged_in_part_is_not_repeated_from_its_start_in_the_next_run`, `transport::beats_faults::t26_a_partial_acknowledgement_counts_although_the_connection_ends`, `transport::http` |
//! | T-15: a count that is off by one | [`a_window_is_full_with_its_last_event_and_one_event_waits_no_longer_than_the_linger`], `arena` |
//! | T-16: feeds itself | `tests/loop_guard`: each transport, everything at TRACE, from drops, displays, panics and ending threads; `faults::logging_from_inside_a_display_works_and_an_endless_loop_of_it_ends` |
//! | T-17: looks at thread, span and clock too late | [`thread_and_span_are_those_of_the_call_although_both_are_gone_when_it_is_delivered`] |
//! | T-18: a fork | `tests/fork`, `child::tests::locks_that_another_thread_holds_while_it_forks_do_not_matter_to_the_child` |
//! | T-19: a panic in code of others | `faults`: formatters, transports, queues; `outcome::listeners_are_told_everything_and_their_panics_harm_nobody` |

use crate::support::{LONG, builder, info, messages};
use logstash_transport::testing::Receiver;
use std::time::Duration;
#[cfg(feature = "sled")]
use {
    crate::support::eventually,
    logstash_format::{Event, Level},
    logstash_handler::{OnBacklog, Overflow, SledQueue},
    std::thread,
    std::time::SystemTime,
};

#[cfg(feature = "sled")]
#[test]
fn the_order_of_each_thread_is_kept_across_flushes_outages_and_restarts() {
    const THREADS: usize = 4;
    const EVENTS: u64 = 2_500;
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    for run in 0..3 {
        let queue = OnBacklog::new(SledQueue::open(folder.path()).unwrap()).memory_bytes(5_000);
        let (handler, guard) = builder(&receiver)
            .queue(queue)
            .overflow(Overflow::Block { timeout: LONG })
            .window(100, 64 * 1024)
            .start()
            .unwrap();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let handler = &handler;
                scope.spawn(move || {
                    for number in run * EVENTS..(run + 1) * EVENTS {
                        handler.emit(&info(&format!("{thread} {number}")));
                        if number % 1_000 == 500 {
                            // Some succeed, and some are in the middle of the outage.
                            let _ = handler.flush(Duration::from_millis(50));
                        }
                    }
                });
            }
            eventually(&handler, |stats| stats.acknowledged > 1_000);
            receiver.go_away();
            // The middle run ends with the peer away, and leaves what it has to the last one.
            if run != 1 {
                receiver.come_back().unwrap();
            }
        });
        assert!(guard.shutdown(LONG).complete);
        if run == 1 {
            receiver.come_back().unwrap();
        }
    }
    let mut next = [0; THREADS];
    for message in messages(&receiver) {
        let (thread, number) = message.split_once(' ').unwrap();
        let (next, number): (_, u64) = (&mut next[thread.parse::<usize>().unwrap()], number.parse().unwrap());
        // Repeats are allowed, gaps are not.
        assert!(number <= *next, "thread {thread}: {number} came where {next} was due");
        *next = (*next).max(number + 1);
    }
    assert_eq!(next, [3 * EVENTS; THREADS]);
}

#[cfg(feature = "sled")]
#[test]
fn a_backlog_that_is_too_old_at_the_start_is_not_sent() {
    const TTL: Duration = Duration::from_secs(600);
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let open = || SledQueue::open(folder.path()).unwrap();
    let (handler, guard) = builder(&receiver).queue(open()).start().unwrap();
    let then = SystemTime::now() - 2 * TTL;
    for number in 0..50 {
        let message = number.to_string();
        handler.emit(&Event::new(Level::Info, "test", message.as_str()).at(then));
    }
    assert_eq!(guard.shutdown(LONG).stored, 50);

    receiver.come_back().unwrap();
    let (handler, guard) = builder(&receiver).queue(open()).ttl(TTL).report_losses(false).start().unwrap();
    handler.emit(&info("of today"));
    assert!(handler.flush(LONG).complete);
    let report = guard.shutdown(LONG);
    assert_eq!((report.dropped.expired, report.acknowledged), (50, 1), "{report}");
    assert_eq!(messages(&receiver), ["of today"]);
}

#[test]
fn a_window_is_full_with_its_last_event_and_one_event_waits_no_longer_than_the_linger() {
    let receiver = Receiver::start().unwrap();
    let long = builder(&receiver).window(50, 1024 * 1024).linger(3 * LONG).start().unwrap();
    let (handler, guard) = long;
    for number in 0..49 {
        handler.emit(&info(&number.to_string()));
    }
    let stats = handler.stats();
    assert_eq!((stats.in_arena, stats.acknowledged), (49, 0), "there may be more to share its window");
    handler.emit(&info("the fiftieth"));
    assert!(receiver.wait_for(50, LONG));
    assert_eq!(receiver.windows(), 1);
    handler.emit(&info("the first of the next"));
    assert!(handler.flush(LONG).complete);
    assert_eq!((receiver.windows(), receiver.received()), (2, 51));
    assert!(guard.shutdown(LONG).complete);

    let (handler, guard) = builder(&receiver).window(50, 1024 * 1024).start().unwrap();
    handler.emit(&info("alone"));
    assert!(receiver.wait_for(52, LONG), "nobody asks for it");
    assert!(guard.shutdown(LONG).complete);
}

#[cfg(all(feature = "sled", feature = "tracing"))]
#[test]
fn thread_and_span_are_those_of_the_call_although_both_are_gone_when_it_is_delivered() {
    use tracing_subscriber::layer::SubscriberExt;
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let subscriber = tracing_subscriber::registry().with(handler.layer());
    let log = move || {
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("order", number = 42);
            span.in_scope(|| tracing::warn!(target: "shop", "placed"));
        });
    };
    thread::Builder::new().name("short-lived".to_owned()).spawn(log).unwrap().join().unwrap();
    eventually(&handler, |stats| stats.failures > 0);
    let ended = SystemTime::now();
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    let document: serde_json::Value = serde_json::from_slice(&receiver.events()[0]).unwrap();
    assert_eq!(document["extra"]["thread_name"], "short-lived");
    assert_eq!(document["extra"]["number"], 42);
    assert_eq!(document["extra"]["func_name"], "order");
    let at: jiff::Timestamp = document["@timestamp"].as_str().unwrap().parse().unwrap();
    assert!(SystemTime::from(at) <= ended, "{document}");
    assert!(guard.shutdown(LONG).complete);
}
