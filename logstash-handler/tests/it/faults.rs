//! Code of others that misbehaves inside the handler.

use crate::support::{Difficult, LONG, Moody, builder, eventually, info, messages, quick, transport};
use logstash_format::{Event, Level, Value};
use logstash_handler::queue::{Depth, Peek, Queue, QueueError, QueueErrorKind};
use logstash_handler::{
    BeatsTransport, DropReason, EmitError, Handler, LogstashFormatter, MemoryQueue, Transport,
};
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, ErrorKind, ProbeReport, TransportError};
use lumberjack_codec::EncodedWindow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

#[test]
fn a_formatter_that_panics_or_fails_costs_just_that_event() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = Handler::builder(Moody, transport(receiver.address()))
        .retry(quick())
        .report_losses(false)
        .start()
        .unwrap();
    handler.emit(&info("before"));
    assert_eq!(handler.try_emit(&info("panic")), Err(DropReason::Unformattable));
    assert_eq!(handler.try_emit(&info("fail")), Err(DropReason::Unformattable));
    handler.emit(&info("after"));
    let report = guard.shutdown(LONG);
    assert_eq!(messages(&receiver), ["before", "after"]);
    assert_eq!((report.accepted, report.dropped.unformattable), (4, 2));
}

/// Logs when it is displayed.
struct Chatty<'h> {
    handler: &'h Handler,
    endless: bool,
}

impl fmt::Display for Chatty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.endless {
            let fields = [("again", Value::Display(self))];
            self.handler.emit(&Event::new(Level::Info, "test", "inner").fields(&fields));
        } else {
            self.handler.emit(&info("inner"));
        }
        f.write_str("displayed")
    }
}

#[test]
fn logging_from_inside_a_display_works_and_an_endless_loop_of_it_ends() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let chatty = Chatty { handler: &handler, endless: false };
    let fields = [("who", Value::Display(&chatty))];
    handler.emit(&Event::new(Level::Info, "test", "outer").fields(&fields));
    assert!(handler.flush(LONG).complete);
    let mut arrived = messages(&receiver);
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived, ["inner", "outer"]);
    let endless = Chatty { handler: &handler, endless: true };
    let fields = [("who", Value::Display(&endless))];
    handler.emit(&Event::new(Level::Info, "test", "endless").fields(&fields));
    let report = guard.shutdown(LONG);
    assert!(report.dropped.recursion >= 1, "{report:?}");
    assert!(messages(&receiver).contains(&"endless".to_owned()));
}

#[test]
fn a_transport_that_panics_is_tried_again_and_nothing_is_lost() {
    let receiver = Receiver::start().unwrap();
    let difficult = Difficult { inner: transport(receiver.address()), panics: 3, poison: &[] };
    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), difficult).retry(quick()).start().unwrap();
    handler.emit(&info("kept"));
    assert!(handler.flush(LONG).complete);
    assert_eq!(handler.stats().failures, 3);
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(messages(&receiver), ["kept"]);
}

#[test]
fn rejected_events_are_found_and_given_up_and_their_neighbours_arrive_once() {
    let receiver = Receiver::start().unwrap();
    let inner = transport(receiver.address());
    let difficult =
        Difficult { inner, panics: 0, poison: &["\"poison 0\"", "\"poison 50\"", "\"poison 51\""] };
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), difficult)
        .retry(quick())
        .report_losses(false)
        .start()
        .unwrap();
    for number in 0..100 {
        let poisonous = matches!(number, 0 | 50 | 51);
        handler.emit(&info(&format!("{} {number}", if poisonous { "poison" } else { "good" })));
    }
    let report = guard.shutdown(LONG);
    assert!(report.complete);
    assert_eq!((report.acknowledged, report.dropped.rejected), (97, 3));
    let good: Vec<String> = (0..100)
        .filter(|number| !matches!(number, 0 | 50 | 51))
        .map(|number| format!("good {number}"))
        .collect();
    assert_eq!(messages(&receiver), good);
}

/// A queue that does what it is told.
struct Flaky {
    inner: MemoryQueue,
    mood: Arc<Mutex<Mood>>,
}

#[derive(Default)]
struct Mood {
    append_panics: u32,
    sync_panics: u32,
    sync_fails: u32,
    peek_panics: u32,
    expire_panics: u32,
    append_takes: Duration,
    appends: u64,
    peeks: u64,
}

impl Mood {
    fn strike(count: &mut u32) -> bool {
        let strikes = *count > 0;
        *count = count.saturating_sub(1);
        strikes
    }
}

impl Flaky {
    fn new(mood: Mood) -> (Self, Arc<Mutex<Mood>>) {
        let mood = Arc::new(Mutex::new(mood));
        (Self { inner: MemoryQueue::new(), mood: Arc::clone(&mood) }, mood)
    }

    fn mood<T>(&self, ask: impl FnOnce(&mut Mood) -> T) -> T {
        ask(&mut self.mood.lock().unwrap())
    }
}

impl Queue for Flaky {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        let (panics, takes) = self.mood(|mood| {
            mood.appends += 1;
            (Mood::strike(&mut mood.append_panics), mood.append_takes)
        });
        assert!(!panics, "a queue that panics");
        thread::sleep(takes);
        self.inner.append(windows, at)
    }

    fn sync(&self) -> Result<(), QueueError> {
        assert!(!self.mood(|mood| Mood::strike(&mut mood.sync_panics)), "a queue that panics");
        if self.mood(|mood| Mood::strike(&mut mood.sync_fails)) {
            return Err(QueueError::new(QueueErrorKind::Unavailable, "a disk that fails"));
        }
        self.inner.sync()
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        let panics = self.mood(|mood| {
            mood.peeks += 1;
            Mood::strike(&mut mood.peek_panics)
        });
        assert!(!panics, "a queue that panics");
        self.inner.peek(max_windows, max_bytes)
    }

    fn advance(&self, events: u64) {
        self.inner.advance(events);
    }

    fn expire(&self, before: SystemTime) -> u64 {
        assert!(!self.mood(|mood| Mood::strike(&mut mood.expire_panics)), "a queue that panics");
        self.inner.expire(before)
    }

    fn depth(&self) -> Depth {
        self.inner.depth()
    }
}

#[test]
fn a_queue_that_panics_or_fails_is_tried_again_and_nothing_is_lost() {
    let receiver = Receiver::start().unwrap();
    let mood = Mood { append_panics: 1, sync_panics: 1, sync_fails: 1, peek_panics: 2, ..Mood::default() };
    let (queue, _) = Flaky::new(Mood { expire_panics: 2, ..mood });
    let (handler, guard) = builder(&receiver).queue(queue).ttl(LONG * 10).start().unwrap();
    handler.emit(&info("one"));
    handler.emit_durable(&info("two"), LONG).unwrap();
    assert!(handler.flush(LONG).complete);
    let report = guard.shutdown(LONG);
    assert!(report.complete, "{report}");
    assert_eq!(messages(&receiver), ["one", "two"]);
    assert_eq!(report.dropped.total(), 0);
}

#[test]
fn an_event_that_could_not_be_stored_is_never_called_durable() {
    let receiver = Receiver::start().unwrap();
    let (queue, _) = Flaky::new(Mood { append_panics: u32::MAX, ..Mood::default() });
    let (handler, guard) = builder(&receiver).queue(queue).start().unwrap();
    let (outcome, sync) = thread::scope(|scope| {
        let durable = scope.spawn(|| handler.emit_durable(&info("never stored"), LONG));
        eventually(&handler, |stats| stats.failures > 0);
        let sync = scope.spawn(|| handler.sync(LONG));
        assert!(!guard.shutdown(Duration::from_millis(100)).complete);
        (durable.join().unwrap(), sync.join().unwrap())
    });
    assert!(
        matches!(outcome, Err(EmitError::Dropped(DropReason::Shutdown) | EmitError::NotInTime)),
        "{outcome:?}"
    );
    assert!(!sync.complete);
    let stats = handler.stats();
    assert!(stats.is_balanced() && stats.dropped.shutdown == 1, "{stats:?}");
}

#[test]
fn the_sender_does_not_spin_while_the_writer_is_slow() {
    let receiver = Receiver::start().unwrap();
    let (queue, mood) = Flaky::new(Mood { append_takes: Duration::from_millis(300), ..Mood::default() });
    let (handler, guard) = builder(&receiver).queue(queue).start().unwrap();
    handler.emit(&info("slowly"));
    assert!(handler.flush(LONG).complete);
    assert!(guard.shutdown(LONG).complete);
    let mood = mood.lock().unwrap();
    assert_eq!(mood.appends, 1);
    assert!(mood.peeks <= 3, "{} peeks for one event", mood.peeks);
}

/// Says that it rejects what it has delivered.
struct Contradictory(BeatsTransport);

impl Transport for Contradictory {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        self.0.send(batch)?;
        Err(TransportError::new(ErrorKind::Rejected, "delivered, and rejected all the same"))
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        self.0.probe()
    }

    fn close(&mut self) {
        self.0.close();
    }
}

#[test]
fn a_transport_that_rejects_what_it_delivered_costs_no_event() {
    let receiver = Receiver::start().unwrap();
    let contradictory = Contradictory(transport(receiver.address()));
    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), contradictory).retry(quick()).start().unwrap();
    for number in 0..10 {
        handler.emit_durable(&info(&number.to_string()), LONG).unwrap();
    }
    let report = guard.shutdown(LONG);
    assert_eq!((report.acknowledged, report.dropped.total()), (10, 0), "{report}");
    assert!(handler.stats().is_balanced());
}

/// A queue that gives room back only when it is maintained, as one on disk does.
#[derive(Default)]
struct Hoarding {
    inner: MemoryQueue,
    /// Windows that take room.
    taken: AtomicU64,
}

impl Queue for Hoarding {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        if self.taken.load(Ordering::SeqCst) >= 3 {
            return Err(QueueError::new(QueueErrorKind::Full, "no room"));
        }
        self.taken.fetch_add(windows.len() as u64, Ordering::SeqCst);
        self.inner.append(windows, at)
    }

    fn sync(&self) -> Result<(), QueueError> {
        self.inner.sync()
    }

    fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        self.inner.peek(max_windows, max_bytes)
    }

    fn advance(&self, events: u64) {
        self.inner.advance(events);
    }

    fn expire(&self, before: SystemTime) -> u64 {
        self.inner.expire(before)
    }

    fn maintain(&self) -> Result<(), QueueError> {
        self.taken.store(self.inner.depth().windows, Ordering::SeqCst);
        Ok(())
    }

    fn depth(&self) -> Depth {
        self.inner.depth()
    }
}

#[test]
fn a_queue_that_was_full_gets_the_time_to_make_room_of_what_was_delivered() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let (handler, guard) = builder(&receiver).window(1, 1_000).queue(Hoarding::default()).start().unwrap();
    for number in 0..20 {
        handler.emit(&info(&number.to_string()));
    }
    eventually(&handler, |stats| stats.queued == 3);
    receiver.come_back().unwrap();
    assert!(handler.flush(LONG).complete);
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(messages(&receiver), (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}
