//! Delivery in the thread that logs.

use crate::support::{Difficult, Moody, info, messages, transport};
use logstash_handler::{LogstashFormatter, SyncError, SyncHandler};
use logstash_transport::ErrorKind;
use logstash_transport::testing::Receiver;
use std::thread;

#[test]
fn an_event_is_at_the_peer_when_the_call_returns() {
    let receiver = Receiver::start().unwrap();
    let handler = SyncHandler::new(LogstashFormatter::new(), transport(receiver.address()));
    handler.emit(&info("one")).unwrap();
    assert_eq!(messages(&receiver), ["one"]);
    handler.close();
    handler.emit_raw(br#"{"message":"two"}"#).unwrap();
    assert_eq!(messages(&receiver), ["one", "two"]);
}

#[test]
fn many_threads_take_turns() {
    let receiver = Receiver::start().unwrap();
    let handler = SyncHandler::new(LogstashFormatter::new(), transport(receiver.address()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|number| handler.emit(&info(&number.to_string())).unwrap()));
        }
    });
    assert_eq!(messages(&receiver).len(), 100);
}

#[test]
fn errors_come_back_to_the_caller_and_the_next_event_goes_through() {
    let receiver = Receiver::start().unwrap();
    let difficult = Difficult { inner: transport(receiver.address()), panics: 0, poison: &["poison"] };
    let handler = SyncHandler::new(Moody, difficult);
    receiver.go_away();
    let kind = |result: Result<(), SyncError>| match result.unwrap_err() {
        SyncError::Transport(error) => error.kind(),
        error => panic!("{error:?}"),
    };
    assert_eq!(kind(handler.emit(&info("away"))), ErrorKind::Unavailable);
    receiver.come_back().unwrap();
    assert_eq!(kind(handler.emit(&info("poison"))), ErrorKind::Rejected);
    assert!(matches!(handler.emit(&info("fail")), Err(SyncError::Format(_))));
    assert!(matches!(handler.emit(&info("panic")), Err(SyncError::Format(_))));
    assert!(matches!(handler.emit_raw(b""), Err(SyncError::Format(_))));
    handler.emit(&info("good")).unwrap();
    assert_eq!(messages(&receiver), ["good"]);
}
