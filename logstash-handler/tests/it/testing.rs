//! What applications test with.

use crate::support::{LONG, info, quick};
use logstash_handler::testing::{CaptureError, CaptureTransport};
use logstash_handler::{DeadLetter, DeadLetterStore, Handler, HandlerBuilder, LogstashFormatter};
use logstash_transport::ErrorKind;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn handler(captured: &CaptureTransport) -> HandlerBuilder {
    Handler::builder(LogstashFormatter::new(), captured.clone())
        .retry(quick())
        .stderr(false)
        .report_losses(false)
}

fn messages(captured: &CaptureTransport) -> Vec<String> {
    let documents = captured.documents().unwrap();
    documents.iter().map(|document| document["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn events_are_captured_as_bytes_and_as_documents() {
    let captured = CaptureTransport::new();
    let (handler, guard) = handler(&captured).start().unwrap();
    // The one that waits is there before the events are.
    let waiting = thread::spawn({
        let captured = captured.clone();
        move || captured.wait_for(2, LONG)
    });
    handler.emit(&info("one"));
    handler.emit(&info("two"));
    let documents = waiting.join().unwrap().unwrap();
    assert_eq!((&documents[0]["message"], &documents[1]["message"]), (&"one".into(), &"two".into()));
    assert!(guard.shutdown(LONG).complete);
    let events = captured.take();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&events[1]).unwrap(), documents[1]);
    assert!(captured.events().is_empty());
}

#[test]
fn who_waits_in_vain_is_told_how_many_there_were() {
    let captured = CaptureTransport::new();
    let (handler, guard) = handler(&captured).start().unwrap();
    handler.emit(&info("one"));
    assert!(guard.shutdown(LONG).complete);
    let error = captured.wait_for(2, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, CaptureError::NotInTime { events: 1, wanted: 2 }), "{error}");
    assert_eq!(error.to_string(), "1 of 2 events were delivered in time");
}

#[test]
fn attempts_fail_as_the_script_says_and_nothing_is_lost() {
    let captured = CaptureTransport::new();
    captured.fail([ErrorKind::Unavailable, ErrorKind::Throttled { retry_after: Some(Duration::ZERO) }]);
    let (handler, guard) = handler(&captured).start().unwrap();
    handler.emit(&info("late"));
    captured.wait_for(1, LONG).unwrap();
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(captured.attempts(), 3);
    assert_eq!(handler.stats().failures, 2);
    assert_eq!(messages(&captured), ["late"]);
}

#[test]
fn refused_events_become_dead_letters() {
    #[derive(Clone, Default)]
    struct Letters(Arc<Mutex<Vec<DeadLetter>>>);
    impl DeadLetterStore for Letters {
        fn put(&self, letter: &DeadLetter) -> io::Result<()> {
            self.0.lock().unwrap().push(letter.clone());
            Ok(())
        }
    }
    let (captured, letters) = (CaptureTransport::new(), Letters::default());
    captured.reject(|document| document["message"] == "poison");
    let (handler, guard) = handler(&captured).dead_letters(letters.clone()).start().unwrap();
    for message in ["before", "poison", "after"] {
        handler.emit(&info(message));
    }
    captured.wait_for(2, LONG).unwrap();
    let report = guard.shutdown(LONG);
    assert_eq!((report.acknowledged, report.dropped.rejected), (2, 1), "{report}");
    assert_eq!(messages(&captured), ["before", "after"]);
    let letters = letters.0.lock().unwrap();
    assert!(letters[0].error.contains("the test refuses this event"));
    assert!(String::from_utf8_lossy(&letters[0].document).contains("poison"));
}

#[test]
fn what_is_no_json_is_shown() {
    let captured = CaptureTransport::new();
    let (handler, guard) = handler(&captured).start().unwrap();
    handler.emit_raw(b"plain text").unwrap();
    assert!(guard.shutdown(LONG).complete);
    let error = captured.documents().unwrap_err();
    assert!(matches!(&error, CaptureError::NotJson { .. }) && error.to_string().contains("plain text"));
}

#[test]
fn a_test_may_look_at_what_was_delivered_while_it_decides_what_to_refuse() {
    let captured = CaptureTransport::new();
    let before = captured.clone();
    captured.reject(move |document| before.documents().unwrap().contains(document));
    let (handler, guard) = handler(&captured).start().unwrap();
    for _ in 0..2 {
        handler.emit_raw(br#"{"message":"once"}"#).unwrap();
    }
    let report = guard.shutdown(LONG);
    assert_eq!((report.acknowledged, report.dropped.rejected), (1, 1), "{report}");
    assert_eq!(messages(&captured), ["once"]);
}
