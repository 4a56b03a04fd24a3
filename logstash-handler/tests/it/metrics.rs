//! The books of a handler as metrics.

use crate::support::{LONG, builder, info};
use logstash_handler::{DropReason, Handler};
use logstash_transport::testing::Receiver;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Values by name and labels, such as `name{reason=overflow}`.
fn values(snapshotter: &Snapshotter) -> HashMap<String, DebugValue> {
    let value = |(key, _, _, value): (metrics_util::CompositeKey, _, _, _)| {
        let key = key.key();
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        (format!("{}{{{}}}", key.name(), labels.join(",")), value)
    };
    snapshotter.snapshot().into_vec().into_iter().map(value).collect()
}

fn number(values: &HashMap<String, DebugValue>, name: &str) -> f64 {
    match values.get(name) {
        Some(DebugValue::Counter(count)) => *count as f64,
        Some(DebugValue::Gauge(value)) => value.into_inner(),
        Some(DebugValue::Histogram(values)) => values.len() as f64,
        None => panic!("{name} is not among {:?}", values.keys()),
    }
}

#[test]
fn the_books_are_published_on_demand() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).max_event_bytes(1000).report_losses(false).start().unwrap();
    let mut metrics = handler.metrics().label("handler", "a");
    for _ in 0..3 {
        handler.emit(&info("delivered"));
    }
    assert_eq!(handler.try_emit(&info(&"x".repeat(2000))), Err(DropReason::Oversized));
    assert!(guard.shutdown(LONG).complete);
    metrics::with_local_recorder(&recorder, || metrics.publish());

    let first = values(&snapshotter);
    assert_eq!(number(&first, "logstash_accepted_events_total{handler=a}"), 4.0);
    assert_eq!(number(&first, "logstash_acknowledged_events_total{handler=a}"), 3.0);
    assert_eq!(number(&first, "logstash_recovered_events_total{handler=a}"), 0.0);
    assert_eq!(number(&first, "logstash_report_events_total{handler=a}"), 0.0);
    assert_eq!(number(&first, "logstash_failures_total{handler=a}"), 0.0);
    for reason in DropReason::ALL {
        let name = format!("logstash_dropped_events_total{{handler=a,reason={}}}", reason.name());
        let expected = if reason == DropReason::Oversized { 1.0 } else { 0.0 };
        assert_eq!(number(&first, &name), expected, "{name}");
    }
    for place in ["arena", "writer", "queue"] {
        assert_eq!(number(&first, &format!("logstash_pending_events{{handler=a,place={place}}}")), 0.0);
    }
    assert_eq!(number(&first, "logstash_connection{handler=a,state=idle}"), 1.0);
    assert_eq!(number(&first, "logstash_connection{handler=a,state=waiting}"), 0.0);
    assert_eq!(number(&first, "logstash_drain_seconds{handler=a}"), 0.0);
    let windows = handler.stats().latency.count();
    assert_eq!(number(&first, "logstash_latency_seconds{handler=a}"), windows as f64);
    for name in ["arena_bytes", "queue_bytes", "queue_disk_bytes", "oldest_seconds"] {
        assert_eq!(number(&first, &format!("logstash_{name}{{handler=a}}")), 0.0, "{name}");
    }

    // A latency is told once, a counter as it is.
    metrics::with_local_recorder(&recorder, || metrics.publish());
    let second = values(&snapshotter);
    assert_eq!(number(&second, "logstash_latency_seconds{handler=a}"), 0.0);
    assert_eq!(number(&second, "logstash_acknowledged_events_total{handler=a}"), 3.0);
}

/// The one test that takes the process-wide recorder.
#[test]
fn the_books_are_published_at_an_interval_until_the_handler_has_ended() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::set_global_recorder(recorder).unwrap();
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    handler.metrics().publish_every(Duration::from_millis(10)).unwrap();
    let published = |events: f64| {
        let deadline = Instant::now() + LONG;
        let name = "logstash_acknowledged_events_total{}";
        while values(&snapshotter).get(name) != Some(&DebugValue::Counter(events as u64)) {
            assert!(Instant::now() < deadline, "{events} events were not published");
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    published(0.0);
    handler.emit(&info("one"));
    published(1.0);
    handler.emit(&info("two"));
    assert!(guard.shutdown(LONG).complete);
    published(2.0);
}

#[test]
fn a_handler_that_is_gone_is_no_trouble() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard): (Handler, _) = builder(&receiver).start().unwrap();
    let mut metrics = handler.metrics();
    drop((handler, guard));
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || metrics.publish());
    assert!(values(&recorder.snapshotter()).is_empty());
}
