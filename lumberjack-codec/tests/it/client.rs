//! The client session beyond the vectors and scenarios.

use bytes::{Bytes, BytesMut};
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, EncodeErrorKind, EncodedWindow, Encoding, Frame, FrameDecoder,
    Limits, Role, SequenceMode, WindowEncoder,
};
use std::time::{Duration, Instant};

fn ack(sequence: u32) -> BytesMut {
    let mut bytes = BytesMut::new();
    lumberjack_codec::encode::ack(lumberjack_codec::Version::V2, sequence, &mut bytes);
    bytes
}

fn events(session: &mut ClientSession) -> Vec<ClientEvent> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

/// Sizes of windows and sequences of events that were written.
fn written(session: &mut ClientSession) -> Vec<(u32, Vec<u32>)> {
    let mut bytes = BytesMut::new();
    session.poll_transmit(&mut bytes);
    let mut decoder = FrameDecoder::new(Role::Server, Limits::new());
    let mut windows: Vec<(u32, Vec<u32>)> = Vec::new();
    while let Some(frame) = decoder.decode(&mut bytes).unwrap() {
        match frame {
            Frame::Window { size, .. } => windows.push((size, Vec::new())),
            Frame::Json { sequence, .. } => windows.last_mut().unwrap().1.push(sequence),
            _ => {}
        }
    }
    assert!(bytes.is_empty());
    windows
}

fn closed_as(session: &mut ClientSession) -> Option<&'static str> {
    events(session).into_iter().find_map(|event| match event {
        ClientEvent::Closed { reason } => Some(reason.name()),
        _ => None,
    })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn numbers_start_at_one_in_every_window() {
    let now = Instant::now();
    for level in [0, 3] {
        let mut session = ClientSession::new(ClientConfig::new().compression_level(level));
        session.send(0, ["{}", "{}"], now).unwrap();
        session.send(1, ["{}"], now).unwrap();
        assert_eq!(written(&mut session), [(2, vec![1, 2]), (1, vec![1])]);
    }
}

#[test]
fn what_is_written_from_where_it_lies_is_what_would_be_handed_out() {
    let now = Instant::now();
    for level in [0, 3] {
        let session = || {
            let mut session = ClientSession::new(ClientConfig::new().compression_level(level));
            session.send(0, ["{\"a\":1}", "{\"a\":2}"], now).unwrap();
            session
        };
        let (mut written, mut handed_out) = (session(), BytesMut::new());
        session().poll_transmit(&mut handed_out);

        let mut wire = BytesMut::new();
        while !written.peek_transmit().is_empty() {
            let piece = written.peek_transmit().len().min(7);
            wire.extend_from_slice(&written.peek_transmit()[..piece]);
            written.consume_transmit(piece);
        }
        assert_eq!(wire, handed_out);
        assert!(!written.poll_transmit(&mut wire), "there is nothing left");

        // A window that is cut before it is written out, and then the rest of it in the other way.
        let mut mixed = session();
        let mut wire = BytesMut::from(&mixed.peek_transmit()[..9]);
        mixed.consume_transmit(9);
        mixed.send(1, ["{}"], now).unwrap();
        assert!(mixed.poll_transmit(&mut wire));
        let mut both = session();
        both.send(1, ["{}"], now).unwrap();
        let mut want = BytesMut::new();
        both.poll_transmit(&mut want);
        assert_eq!(wire, want);
        mixed.consume_transmit(1);
        assert!(mixed.peek_transmit().is_empty());
    }
}

#[test]
fn a_window_that_was_shown_is_on_the_wire() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new().ack_timeout(seconds(10)));
    session.send(0, ["{}"], now).unwrap();
    let length = session.peek_transmit().len();
    session.consume_transmit(length);
    session.transmitted(now + seconds(5));
    assert_eq!(session.poll_timeout(), Some(now + seconds(15)));
    session.receive(&mut ack(1), now + seconds(6));
    assert_eq!(events(&mut session), [ClientEvent::Acknowledged { token: 0, events: 1 }]);
}

#[test]
fn a_window_that_is_refused_leaves_what_waits_as_it_is() {
    let now = Instant::now();
    for level in [0, 3] {
        let mut session = ClientSession::new(ClientConfig::new().compression_level(level).max_events(2));
        session.send(0, ["{}"], now).unwrap();
        let before = session.peek_transmit().to_vec();
        for refused in [&["{}", ""][..], &["{}", "{}", "{}"]] {
            session.send(1, refused, now).unwrap_err();
            assert_eq!(session.peek_transmit(), before);
        }
        session.send(1, ["{}", "{}"], now).unwrap();
        assert_eq!(written(&mut session), [(1, vec![1]), (2, vec![1, 2])]);
    }
}

#[test]
fn running_numbers_go_on_and_are_acknowledged_as_such() {
    let now = Instant::now();
    let config = ClientConfig::new().sequence_mode(SequenceMode::Running).max_in_flight(3);
    let mut session = ClientSession::new(config);
    session.send(0, ["{}", "{}"], now).unwrap();
    let encoded = WindowEncoder::new(3).encode(["{}", "{}", "{}"]).unwrap();
    session.send_window(1, &encoded, now).unwrap();
    session.send(2, ["{}"], now).unwrap();
    assert_eq!(written(&mut session), [(2, vec![1, 2]), (3, vec![3, 4, 5]), (1, vec![6])]);

    for sequence in [1, 2, 2, 4, 3, 5, 6] {
        session.receive(&mut ack(sequence), now);
    }
    let want = [
        ClientEvent::Progress { token: 0, acknowledged: 1 },
        ClientEvent::Acknowledged { token: 0, events: 2 },
        ClientEvent::StaleAck { token: 1, sequence: 2 },
        ClientEvent::Progress { token: 1, acknowledged: 2 },
        ClientEvent::StaleAck { token: 1, sequence: 3 },
        ClientEvent::Acknowledged { token: 1, events: 3 },
        ClientEvent::Acknowledged { token: 2, events: 1 },
    ];
    assert_eq!(events(&mut session), want);
}

#[test]
fn a_server_that_counts_is_noticed_under_running_numbers() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new().sequence_mode(SequenceMode::Running));
    for token in 0..2 {
        session.send(token, ["{}", "{}", "{}"], now).unwrap();
    }
    session.poll_transmit(&mut BytesMut::new());
    session.receive(&mut ack(3), now);
    session.receive(&mut ack(2), now);
    let events = events(&mut session);
    assert_eq!(events[0], ClientEvent::Acknowledged { token: 0, events: 3 });
    assert_eq!(events[1], ClientEvent::Failed { token: 1, acknowledged: 0, events: 3 });
}

#[test]
fn a_window_that_cannot_be_numbered_anew_is_refused() {
    let now = Instant::now();
    let damaged = EncodedWindow::from_parts(1, 12, Encoding::Deflated, Bytes::from_static(b"damage"));
    let mut session = ClientSession::new(ClientConfig::new().sequence_mode(SequenceMode::Running));
    let error = session.send_window(0, &damaged, now).unwrap_err();
    assert_eq!((error.kind(), error.name()), (EncodeErrorKind::Unreadable, "unreadable"));
    session.send(0, ["{}"], now).unwrap();
    assert_eq!(written(&mut session), [(1, vec![1])], "nothing of it was written");
}

#[test]
fn an_encoded_window_is_sent_as_it_is() {
    let now = Instant::now();
    let window = WindowEncoder::new(9).encode(["{\"a\":1}", "{\"a\":2}"]).unwrap();
    let mut want = BytesMut::new();
    window.write_to(&mut want);
    // The session's own level is another.
    let mut session = ClientSession::new(ClientConfig::new().compression_level(1));
    session.send_window(5, &window, now).unwrap();
    let mut wire = BytesMut::from(&b"before"[..]);
    assert!(session.poll_transmit(&mut wire));
    assert_eq!(&wire[..6], b"before");
    assert_eq!(&wire[6..], &want[..]);
    assert!(!session.poll_transmit(&mut wire));
    session.receive(&mut ack(2), now);
    assert_eq!(events(&mut session), [ClientEvent::Acknowledged { token: 5, events: 2 }]);
}

#[test]
fn a_refused_window_leaves_the_session_as_it_was() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new().max_in_flight(1).max_events(2));
    let refuse = |session: &mut ClientSession, payloads: &[&str]| {
        session.send(9, payloads.iter(), now).unwrap_err().name()
    };
    assert_eq!(refuse(&mut session, &["{}", ""]), "empty_event");
    assert_eq!(refuse(&mut session, &["1", "2", "3"]), "batch_too_large");
    let large = WindowEncoder::new(0).encode(["1", "2", "3"]).unwrap();
    assert_eq!(session.send_window(9, &large, now).unwrap_err().name(), "batch_too_large");
    assert_eq!((session.in_flight(), session.can_send()), (0, true));
    session.send(1, ["{}", "{}"], now).unwrap();
    assert!(!session.can_send());
    assert_eq!(refuse(&mut session, &["{}"]), "window_limit");
    assert_eq!(session.send_window(9, &large, now).unwrap_err().name(), "window_limit");
    assert_eq!(written(&mut session), [(2, vec![1, 2])]);
    session.receive(&mut ack(2), now);
    assert_eq!(events(&mut session), [ClientEvent::Acknowledged { token: 1, events: 2 }]);
    assert!(session.can_send());
}

#[test]
fn an_empty_window_needs_no_room_and_writes_nothing() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new().max_in_flight(1));
    session.send(1, ["{}"], now).unwrap();
    session.send(2, Vec::<&str>::new(), now).unwrap();
    let empty = WindowEncoder::new(3).encode(Vec::<&str>::new()).unwrap();
    session.send_window(3, &empty, now).unwrap();
    let want = [
        ClientEvent::Acknowledged { token: 2, events: 0 },
        ClientEvent::Acknowledged { token: 3, events: 0 },
    ];
    assert_eq!(events(&mut session), want);
    assert_eq!(written(&mut session), [(1, vec![1])]);
    session.close(now);
    assert_eq!(session.send(4, Vec::<&str>::new(), now).unwrap_err().name(), "closed");
}

#[test]
fn time_spent_writing_does_not_count_when_it_is_told() {
    let start = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new());
    session.send(0, ["{}"], start).unwrap();
    let mut wire = BytesMut::new();
    session.poll_transmit(&mut wire);
    session.send(1, ["{}"], start + seconds(10)).unwrap();
    session.transmitted(start + seconds(20));
    assert_eq!(session.poll_timeout(), Some(start + seconds(50)));
    // The second window is not on the wire yet, so its own time has not begun.
    session.receive(&mut ack(1), start + seconds(21));
    events(&mut session);
    session.poll_transmit(&mut wire);
    session.transmitted(start + seconds(40));
    assert_eq!(session.poll_timeout(), Some(start + seconds(70)));
    session.transmitted(start + seconds(60));
    assert_eq!(session.poll_timeout(), Some(start + seconds(70)), "told once");
}

#[test]
fn no_setting_of_a_time_or_number_hangs_or_panics() {
    let now = Instant::now();
    for time in [Duration::ZERO, Duration::MAX] {
        let mut config = ClientConfig::new();
        config.ack_timeout = time;
        config.progress_timeout = Some(time);
        config.max_in_flight = 0;
        config.compression_level = u32::MAX;
        let mut session = ClientSession::new(config);
        assert!(session.can_send(), "0 counts as 1");
        session.send(0, ["{}"], now).unwrap();
        session.handle_timeout(now + seconds(1));
        let want = if time == Duration::ZERO { Some("ack_timeout") } else { None };
        assert_eq!(closed_as(&mut session), want);
    }
    let mut session = ClientSession::new(ClientConfig::new().max_events(0));
    assert_eq!(session.send(0, ["{}"], now).unwrap_err().name(), "batch_too_large");
}

#[test]
fn the_end_inside_an_acknowledgement_is_a_loss() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new());
    session.receive(&mut BytesMut::from(&b"2A\0\0"[..]), now);
    session.receive_eof(now);
    assert_eq!(closed_as(&mut session), Some("connection_lost"));
}

#[test]
fn what_was_acknowledged_before_the_end_counts() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new());
    session.send(0, ["{}"], now).unwrap();
    session.poll_transmit(&mut BytesMut::new());
    session.receive(&mut ack(1), now);
    session.receive_eof(now);
    assert_eq!(events(&mut session)[0], ClientEvent::Acknowledged { token: 0, events: 1 });
    assert!(session.is_closed());
}

#[test]
fn an_answer_to_a_window_that_is_not_on_the_wire_acknowledges_nothing() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new());
    session.send(0, ["{}"], now).unwrap();
    session.poll_transmit(&mut BytesMut::new());
    session.send(1, ["{}"], now).unwrap();
    // The second is the first, doubled.
    session.receive(&mut ack(1), now);
    session.receive(&mut ack(1), now);
    assert_eq!(session.poll_event(), Some(ClientEvent::Acknowledged { token: 0, events: 1 }));
    assert_eq!(session.poll_event(), Some(ClientEvent::Failed { token: 1, acknowledged: 0, events: 1 }));
    assert_eq!(closed_as(&mut session), Some("unexpected_ack"));
}

#[test]
fn a_closed_session_ignores_everything() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new());
    session.send(0, ["{}"], now).unwrap();
    let mut wire = BytesMut::new();
    assert!(session.poll_transmit(&mut wire));
    session.send(1, ["{}"], now).unwrap();
    session.receive(&mut ack(7), now);
    assert_eq!(closed_as(&mut session), Some("ack_out_of_range"));
    assert!(!session.poll_transmit(&mut wire), "what was not written is not written any more");
    session.receive(&mut ack(1), now);
    session.receive_eof(now);
    session.close(now);
    session.handle_timeout(now + seconds(100));
    assert_eq!(events(&mut session), []);
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn closing_an_idle_session_ends_it_at_once() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new());
    session.close(now);
    assert_eq!(closed_as(&mut session), Some("closed"));
}

#[test]
fn a_flood_of_keepalives_is_taken_one_by_one() {
    let now = Instant::now();
    let mut session = ClientSession::new(ClientConfig::new());
    session.send(0, ["{}"], now).unwrap();
    let mut flood = BytesMut::new();
    for _ in 0..10_000 {
        flood.unsplit(ack(0));
    }
    session.receive(&mut flood, now + seconds(29));
    assert_eq!(events(&mut session).len(), 10_000);
    assert_eq!(session.poll_timeout(), Some(now + seconds(59)));
}

#[test]
fn a_stored_window_that_is_too_long_for_the_wire_is_refused() {
    let bytes = vec![0; 1024 * 1024 * 1024 + 1];
    let window = EncodedWindow::from_parts(1, 11, Encoding::Deflated, bytes.into());
    let mut session = ClientSession::new(ClientConfig::new());
    let error = session.send_window(0, &window, Instant::now()).unwrap_err();
    assert_eq!(error.name(), "batch_too_large");
    assert!(session.can_send() && !session.poll_transmit(&mut BytesMut::new()));
}
