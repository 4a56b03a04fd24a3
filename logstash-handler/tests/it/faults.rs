//! Code of others that misbehaves inside the handler.

use crate::support::{LONG, Moody, builder, info, messages, quick, transport};
use logstash_format::{Event, Level, Value};
use logstash_handler::{BeatsTransport, DropReason, Handler, LogstashFormatter, Transport};
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, ErrorKind, ProbeReport, TransportError};
use std::fmt;

#[test]
fn a_formatter_that_panics_or_fails_costs_just_that_event() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) =
        Handler::builder(Moody, transport(receiver.address())).retry(quick()).start().unwrap();
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

/// Panics, then rejects some events, then delivers.
struct Difficult {
    inner: BeatsTransport,
    panics: u32,
    poison: &'static [&'static str],
}

impl Transport for Difficult {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if self.panics > 0 {
            self.panics -= 1;
            panic!("a transport that panics");
        }
        let payloads = batch.remaining().unwrap();
        let is_poison = |payload: &bytes::Bytes| {
            let text = String::from_utf8_lossy(payload);
            self.poison.iter().any(|poison| text.contains(poison))
        };
        if payloads.iter().any(is_poison) {
            return Err(TransportError::new(ErrorKind::Rejected, "poison"));
        }
        self.inner.send(batch)
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        self.inner.probe()
    }

    fn close(&mut self) {
        self.inner.close();
    }
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
    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), difficult).retry(quick()).start().unwrap();
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
