//! What becomes of single events, and who is told.

use crate::support::{Difficult, LONG, builder, info, messages, quick, transport};
use logstash_handler::{
    DeadLetter, DeadLetterFile, DropReason, EmitError, Handler, Listener, LogstashFormatter, ReplayError,
};
use logstash_transport::TransportError;
use logstash_transport::testing::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn an_acknowledged_event_is_at_the_peer_when_the_call_returns() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).linger(LONG).start().unwrap();
    for number in 0..20 {
        handler.emit(&info("before"));
        handler.emit_acked(&info(&number.to_string()), LONG).unwrap();
        assert_eq!(messages(&receiver).last(), Some(&number.to_string()));
    }
    assert!(guard.shutdown(LONG).complete);
}

#[test]
fn an_event_that_is_not_acknowledged_in_time_is_told_and_delivered_later() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let (handler, guard) = builder(&receiver).start().unwrap();
    assert_eq!(handler.emit_acked(&info("late"), Duration::from_millis(100)), Err(EmitError::NotInTime));
    receiver.come_back().unwrap();
    handler.emit_acked(&info("next"), LONG).unwrap();
    assert_eq!(messages(&receiver), ["late", "next"]);
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(handler.emit_acked(&info("over"), LONG), Err(EmitError::Dropped(DropReason::Closed)));
}

#[test]
fn an_event_that_the_peer_rejects_is_told_to_who_waits_for_it() {
    let receiver = Receiver::start().unwrap();
    let difficult = Difficult { inner: transport(receiver.address()), panics: 0, poison: &["poison"] };
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), difficult)
        .retry(quick())
        .report_losses(false)
        .start()
        .unwrap();
    for _ in 0..3 {
        handler.emit(&info("good"));
        assert_eq!(handler.emit_acked(&info("poison"), LONG), Err(EmitError::Dropped(DropReason::Rejected)));
        handler.emit_acked(&info("good"), LONG).unwrap();
    }
    let report = guard.shutdown(LONG);
    assert_eq!((report.acknowledged, report.dropped.rejected), (6, 3));
}

#[test]
fn rejected_events_are_kept_and_delivered_again_once_the_peer_takes_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = Arc::new(DeadLetterFile::open(directory.path().join("rejected")).unwrap());
    let receiver = Receiver::start().unwrap();
    let difficult = Difficult { inner: transport(receiver.address()), panics: 0, poison: &["poison"] };
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), difficult)
        .retry(quick())
        .report_losses(false)
        .dead_letters(Arc::clone(&file))
        .start()
        .unwrap();
    for number in 0..10 {
        handler.emit(&info(&format!("{} {number}", if number % 4 == 1 { "poison" } else { "good" })));
    }
    let report = guard.shutdown(LONG);
    assert_eq!((report.acknowledged, report.dropped.rejected), (7, 3));
    let letters: Vec<DeadLetter> = file.letters().unwrap().map(Result::unwrap).collect();
    let text = |letter: &DeadLetter| String::from_utf8(letter.document.to_vec()).unwrap();
    assert_eq!(letters.len(), 3);
    for (letter, number) in letters.iter().zip([1, 5, 9]) {
        assert!(text(letter).contains(&format!("\"message\":\"poison {number}\"")), "{letter:?}");
        assert_eq!(letter.error, "poison");
    }

    // The peer is mended.
    let (handler, guard) = builder(&receiver).start().unwrap();
    let replayed = handler.replay(&file, LONG).unwrap();
    assert_eq!((replayed.events, replayed.damaged), (3, 0));
    assert!(guard.shutdown(LONG).complete);
    let arrived = messages(&receiver);
    assert_eq!(arrived[7..], ["poison 1", "poison 5", "poison 9"]);
    assert_eq!(file.letters().unwrap().count(), 0);

    let after = handler.replay(&file, LONG).unwrap();
    assert_eq!(after.events, 0, "nothing to do is no error, even when the handler is shut down");
    logstash_handler::DeadLetterStore::put(&file, &letters[0]).unwrap();
    let refused = handler.replay(&file, LONG).unwrap_err();
    assert!(matches!(refused, ReplayError::Dropped(DropReason::Closed)), "{refused:?}");
    assert_eq!(file.letters().unwrap().count(), 1, "it is still there");
}

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, entry: String) {
        self.0.lock().unwrap().push(entry);
    }

    fn sum(&self, kind: &str) -> u64 {
        let entries = self.0.lock().unwrap();
        entries.iter().filter_map(|entry| entry.strip_prefix(kind)?.trim().parse::<u64>().ok()).sum()
    }

    fn count(&self, entry: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|known| *known == entry).count()
    }
}

impl Listener for Diary {
    fn connected(&self) {
        self.note("connected".to_owned());
    }

    fn sent(&self, events: u64) {
        self.note(format!("sent {events}"));
    }

    fn acknowledged(&self, events: u64) {
        self.note(format!("acknowledged {events}"));
    }

    fn failed(&self, error: &TransportError) {
        self.note(format!("failed {:?}", error.kind()));
    }

    fn dropped(&self, events: u64, reason: DropReason) {
        self.note(format!("{} {events}", reason.name()));
    }

    fn rejected(&self, letter: &DeadLetter) {
        assert!(String::from_utf8_lossy(&letter.document).contains("poison"));
        self.note("letter".to_owned());
        panic!("a listener that panics");
    }
}

#[test]
fn listeners_are_told_everything_and_their_panics_harm_nobody() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let difficult = Difficult { inner: transport(receiver.address()), panics: 0, poison: &["poison"] };
    let diary = Diary::default();
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), difficult)
        .retry(quick())
        .report_losses(false)
        .max_event_bytes(1000)
        .listener(diary.clone())
        .start()
        .unwrap();
    handler.emit(&info("good"));
    assert!(!handler.flush(Duration::from_millis(100)).complete);
    receiver.come_back().unwrap();
    handler.emit(&info("poison"));
    handler.emit(&info("good"));
    handler.emit(&info(&"x".repeat(2000)));
    let report = guard.shutdown(LONG);
    assert_eq!((report.acknowledged, report.dropped.total()), (2, 2), "{report}");
    assert_eq!(diary.sum("acknowledged"), 2);
    assert_eq!((diary.sum("rejected"), diary.sum("oversized")), (1, 1));
    assert_eq!(diary.count("letter"), 1);
    assert!(diary.count("connected") >= 1 && diary.count("failed Unavailable") >= 1);
    assert!(diary.sum("sent") >= 3, "with what was sent in vain");
}
