use crate::core::Core;
use crate::handler::Handler;
use crate::progress::Latency;
use crate::stats::{ConnectionState, Stats};
use crate::suppress::suppress_this_thread;
use metrics::{Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

impl Handler {
    /// The books of this handler, for the recorder of the `metrics` facade that the program has.
    ///
    /// ```
    /// # fn with(handler: &logstash_handler::Handler) -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// handler.metrics().label("handler", "audit").publish_every(Duration::from_secs(10))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn metrics(&self) -> Metrics {
        Metrics { core: Arc::downgrade(self.core()), labels: Vec::new(), told: None }
    }
}

/// Publishes the [`Stats`] of a [`Handler`] as metrics; made by [`Handler::metrics`].
///
/// Logging costs no more because of it: the books are kept in any case, and read when they are published.
///
/// | metric | kind | labels | what |
/// | --- | --- | --- | --- |
/// | `logstash_accepted_events_total` | counter | | events that were logged |
/// | `logstash_recovered_events_total` | counter | | events of an earlier run that were in the queue |
/// | `logstash_report_events_total` | counter | | reports of losses, which are events too |
/// | `logstash_acknowledged_events_total` | counter | | events that the peer has taken over |
/// | `logstash_dropped_events_total` | counter | `reason` | events that were given up, by [`DropReason::name`](crate::DropReason::name) |
/// | `logstash_failures_total` | counter | | failed attempts of the transport and operations of the queue |
/// | `logstash_pending_events` | gauge | `place`: `arena`, `writer`, `queue` | events that wait |
/// | `logstash_arena_bytes` | gauge | | serialised bytes that wait to be stored |
/// | `logstash_queue_bytes` | gauge | | encoded bytes in the queue |
/// | `logstash_queue_disk_bytes` | gauge | | bytes of the queue on disk |
/// | `logstash_oldest_seconds` | gauge | | age of the oldest window in the queue, 0 if there is none |
/// | `logstash_drain_seconds` | gauge | | [`Stats::drain_time`], not a number where that is not known |
/// | `logstash_connection` | gauge | `state` | 1 for the [state](ConnectionState::name) of the connection, 0 for the others |
/// | `logstash_latency_seconds` | histogram | | from the oldest event of a window to its acknowledgement |
///
/// The first seven add up as [`Stats`] says: accepted, recovered and reports are what was acknowledged, what was
/// dropped and what is pending.
#[derive(Debug)]
#[must_use = "it does nothing until it is published"]
pub struct Metrics {
    core: Weak<Core>,
    labels: Vec<Label>,
    /// The latencies that were published so far; `None` before the first time.
    told: Option<Latency>,
}

impl Metrics {
    /// Adds a label to all metrics, such as the name of this handler among others.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push(Label::new(name.into(), value.into()));
        self
    }

    /// Publishes the books of this moment.
    ///
    /// Keep this value from one call to the next: it remembers which latencies were published, and a new one
    /// would add all of them to the histogram again.
    ///
    /// Does nothing when the handler is gone.
    pub fn publish(&mut self) {
        if let Some(core) = self.core.upgrade() {
            self.tell(&core.stats());
        }
    }

    /// Publishes now, and then at this interval on a thread of its own, until the handler has ended.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn publish_every(mut self, interval: Duration) -> io::Result<()> {
        let run = move || {
            // What a recorder logs must not make events of ever more metrics.
            suppress_this_thread();
            while let Some(core) = self.core.upgrade() {
                let has_ended = {
                    let books = core.ledger.lock();
                    books.writer_ended && books.sender_ended
                };
                self.tell(&core.stats());
                drop(core);
                if has_ended {
                    return;
                }
                thread::park_timeout(interval.max(SHORTEST));
            }
        };
        thread::Builder::new().name("logstash-metrics".to_owned()).spawn(run).map(drop)
    }

    fn tell(&mut self, stats: &Stats) {
        if self.told.is_none() {
            describe();
        }
        let labels = || self.labels.clone();
        let with = |name: &'static str, value: &'static str| {
            let mut labels = self.labels.clone();
            labels.push(Label::from_static_parts(name, value));
            labels
        };
        counter!("logstash_accepted_events_total", labels()).absolute(stats.accepted);
        counter!("logstash_recovered_events_total", labels()).absolute(stats.recovered);
        counter!("logstash_report_events_total", labels()).absolute(stats.reports);
        counter!("logstash_acknowledged_events_total", labels()).absolute(stats.acknowledged);
        for (reason, events) in stats.dropped.reasons() {
            counter!("logstash_dropped_events_total", with("reason", reason.name())).absolute(events);
        }
        counter!("logstash_failures_total", labels()).absolute(stats.failures);
        let places = [("arena", stats.in_arena), ("writer", stats.in_writer), ("queue", stats.queued)];
        for (place, events) in places {
            gauge!("logstash_pending_events", with("place", place)).set(events as f64);
        }
        gauge!("logstash_arena_bytes", labels()).set(stats.arena_bytes as f64);
        gauge!("logstash_queue_bytes", labels()).set(stats.queue_bytes as f64);
        gauge!("logstash_queue_disk_bytes", labels()).set(stats.queue_bytes_on_disk as f64);
        gauge!("logstash_oldest_seconds", labels()).set(stats.oldest.unwrap_or_default());
        let drain = stats.drain_time.map_or(f64::NAN, |time| time.as_secs_f64());
        gauge!("logstash_drain_seconds", labels()).set(drain);
        for state in ConnectionState::ALL {
            let is_it = if state == stats.connection { 1.0 } else { 0.0 };
            gauge!("logstash_connection", with("state", state.name())).set(is_it);
        }
        let latency = histogram!("logstash_latency_seconds", labels());
        let none = Latency::default();
        for (time, count) in stats.latency.since(self.told.as_ref().unwrap_or(&none)) {
            latency.record_many(time, usize::try_from(count).unwrap_or(usize::MAX));
        }
        self.told = Some(stats.latency.clone());
    }
}

fn describe() {
    describe_counter!("logstash_accepted_events_total", Unit::Count, "events that were logged");
    describe_counter!(
        "logstash_recovered_events_total",
        Unit::Count,
        "events of an earlier run in the queue"
    );
    describe_counter!("logstash_report_events_total", Unit::Count, "reports of losses, which are events too");
    describe_counter!(
        "logstash_acknowledged_events_total",
        Unit::Count,
        "events that the peer has taken over"
    );
    describe_counter!("logstash_dropped_events_total", Unit::Count, "events that were given up, by reason");
    describe_counter!("logstash_failures_total", Unit::Count, "failed attempts to send and to store");
    describe_gauge!("logstash_pending_events", Unit::Count, "events that wait, by place");
    describe_gauge!("logstash_arena_bytes", Unit::Bytes, "serialised bytes that wait to be stored");
    describe_gauge!("logstash_queue_bytes", Unit::Bytes, "encoded bytes in the queue");
    describe_gauge!("logstash_queue_disk_bytes", Unit::Bytes, "bytes of the queue on disk");
    describe_gauge!("logstash_oldest_seconds", Unit::Seconds, "age of the oldest window in the queue");
    describe_gauge!(
        "logstash_drain_seconds",
        Unit::Seconds,
        "time to deliver what waits, at the present pace"
    );
    describe_gauge!("logstash_connection", "1 for the state of the connection, 0 for the others");
    describe_histogram!("logstash_latency_seconds", Unit::Seconds, "from logging to the acknowledgement");
}

/// Nobody wants to know it more often.
const SHORTEST: Duration = Duration::from_millis(10);
