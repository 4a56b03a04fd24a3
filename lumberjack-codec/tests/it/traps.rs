//! What senders and receivers of this protocol have fallen for, each with the test that says we do not.
//!
//! | trap | test |
//! | --- | --- |
//! | T-26: what we write, read by the rules of go-lumber and Logstash | [`what_we_send_is_what_go_lumber_and_logstash_read`], `captures`, `cargo xtask integration` |
//! | T-26: acknowledgement of 0 | [`an_acknowledgement_of_zero_acknowledges_nothing`] |
//! | T-26: partial acknowledgement | [`a_partial_acknowledgement_is_credited_when_the_connection_dies`] |
//! | T-26: acknowledgement in pieces | [`an_acknowledgement_in_pieces_is_put_together`] |
//! | T-26: acknowledgement too large | [`an_acknowledgement_beyond_the_window_acknowledges_nothing`] |
//! | T-26: wrong version | [`an_answer_of_another_version_fails_the_windows`] |
//! | T-26: wrong type | [`an_answer_of_another_type_fails_the_windows`] |
//! | T-26: end of stream, reset | [`an_end_or_reset_at_any_byte_fails_what_is_not_acknowledged`], with real sockets in `logstash-transport` |
//! | T-26: one byte at a time, slowly | [`a_peer_of_one_byte_a_second_is_kept_and_understood`] |
//! | T-26: window size and number of frames differ | [`a_window_holds_as_many_events_as_it_announces`], [`a_window_with_more_or_fewer_events_is_never_acknowledged_as_a_whole`] |
//! | T-26: payload of no bytes | [`an_empty_payload_is_refused_before_a_byte_is_sent`], [`an_empty_payload_that_is_received_is_an_error`] |
//! | T-26: compressed bomb | [`a_bomb_stops_at_its_limit_and_is_not_acknowledged`], and its memory in `tests/memory.rs` |
//! | T-26: level 0 | [`level_zero_sends_no_compressed_frame`] |
//! | T-27: keepalives for ever | [`keepalives_for_ever_do_not_outlast_the_progress_timeout`], [`an_application_that_is_stuck_does_not_hold_the_client_for_ever`] |
//! | T-28: numbers on a connection that is used again | [`numbers_start_over_in_every_window_of_a_connection`] |
//! | T-28: the server closes after 60 s without traffic | [`an_idle_connection_is_closed_after_60_seconds_without_an_error`] |

use bytes::BytesMut;
use flate2::{Decompress, FlushDecompress, Status};
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, EncodeErrorKind, ServerConfig, ServerEvent, ServerSession,
    Version, encode,
};
use std::time::{Duration, Instant};

/// A client with windows of these sizes on the wire, at level 0.
fn client(config: ClientConfig, windows: &[usize]) -> (ClientSession, Instant) {
    let now = Instant::now();
    let mut session = ClientSession::new(config.max_in_flight(windows.len()));
    for (token, events) in (0..).zip(windows) {
        session.send(token, vec!["{}"; *events], now).unwrap();
    }
    session.poll_transmit(&mut BytesMut::new());
    session.transmitted(now);
    (session, now)
}

fn receive(session: &mut ClientSession, bytes: &[u8], now: Instant) -> Vec<ClientEvent> {
    session.receive(&mut BytesMut::from(bytes), now);
    std::iter::from_fn(|| session.poll_event()).collect()
}

fn failed(token: u64, acknowledged: u32, events: u32) -> ClientEvent {
    ClientEvent::Failed { token, acknowledged, events }
}

fn closed_as(events: &[ClientEvent]) -> Option<&'static str> {
    match events.last() {
        Some(ClientEvent::Closed { reason }) => Some(reason.name()),
        _ => None,
    }
}

/// A server that has received these bytes: its session and what it told.
fn serve(bytes: &[u8]) -> (ServerSession, Vec<ServerEvent>) {
    let now = Instant::now();
    let mut session = ServerSession::new(ServerConfig::new(), now);
    session.receive(&mut BytesMut::from(bytes), now);
    let events = std::iter::from_fn(|| session.poll_event()).collect();
    (session, events)
}

fn complete(events: &[ServerEvent]) -> usize {
    events.iter().filter(|event| matches!(event, ServerEvent::WindowComplete { .. })).count()
}

fn ended_as(events: &[ServerEvent]) -> Option<&'static str> {
    events.iter().find_map(|event| match event {
        ServerEvent::Closed { reason } | ServerEvent::Draining { reason } => Some(reason.name()),
        _ => None,
    })
}

fn number(bytes: &[u8]) -> i32 {
    i32::from_be_bytes(bytes.first_chunk().copied().unwrap())
}

/// Reads windows by the rules that go-lumber (everything of a window in one compressed frame, at most
/// 10,000 events) and the Java parser of Logstash (signed numbers, nothing empty) have in common;
/// shares no code with the decoder.
fn read_strictly(mut wire: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut windows = Vec::new();
    while !wire.is_empty() {
        assert_eq!(&wire[..2], b"2W");
        let announced = number(&wire[2..]);
        assert!((1..=10_000).contains(&announced), "{announced}");
        wire = &wire[6..];
        let mut events = Vec::new();
        if &wire[..2] == b"2C" {
            let length = number(&wire[2..]);
            assert!(length > 0);
            let (zlib, rest) = wire[6..].split_at(usize::try_from(length).unwrap());
            let mut inflate = Decompress::new(true);
            let mut content = Vec::with_capacity(1024 * 1024);
            let status = inflate.decompress_vec(zlib, &mut content, FlushDecompress::Finish).unwrap();
            assert_eq!((status, inflate.total_in()), (Status::StreamEnd, u64::try_from(length).unwrap()));
            let mut frames = &content[..];
            while !frames.is_empty() {
                events.push(read_event(&mut frames, events.len()));
            }
            wire = rest;
        } else {
            for index in 0..usize::try_from(announced).unwrap() {
                events.push(read_event(&mut wire, index));
            }
        }
        assert_eq!(events.len(), usize::try_from(announced).unwrap());
        windows.push(events);
    }
    windows
}

fn read_event(frames: &mut &[u8], index: usize) -> Vec<u8> {
    assert_eq!(&frames[..2], b"2J");
    assert_eq!(usize::try_from(number(&frames[2..])).unwrap(), index + 1);
    let length = number(&frames[6..]);
    assert!(length > 0);
    let (payload, rest) = frames[10..].split_at(usize::try_from(length).unwrap());
    *frames = rest;
    payload.to_vec()
}

/// All that a client writes for these windows, at a level; half of them encoded beforehand.
fn written(windows: &[Vec<Vec<u8>>], level: u32) -> BytesMut {
    let now = Instant::now();
    let config = ClientConfig::new().compression_level(level).max_in_flight(windows.len());
    let mut session = ClientSession::new(config);
    let mut encoder = lumberjack_codec::WindowEncoder::new(level);
    for (token, window) in (0..).zip(windows) {
        if token % 2 == 0 {
            session.send(token, window, now).unwrap();
        } else {
            session.send_window(token, &encoder.encode(window).unwrap(), now).unwrap();
        }
    }
    let mut wire = BytesMut::new();
    session.poll_transmit(&mut wire);
    wire
}

fn windows(sizes: &[usize]) -> Vec<Vec<Vec<u8>>> {
    let event = |number: usize| format!("{{\"number\":{number}}}").into_bytes();
    sizes.iter().map(|events| (0..*events).map(event).collect()).collect()
}

#[test]
fn what_we_send_is_what_go_lumber_and_logstash_read() {
    let windows = windows(&[1, 2, 100, 2048, 10_000]);
    for level in 0..10 {
        assert_eq!(read_strictly(&written(&windows, level)), windows, "level {level}");
    }
}

#[test]
fn a_window_holds_as_many_events_as_it_announces() {
    for size in (1..40).chain([9_999, 10_000]) {
        for level in [0, 3] {
            let wire = written(&windows(&[size]), level);
            assert_eq!(&wire[..6], [b"2W", &u32::try_from(size).unwrap().to_be_bytes()[..]].concat());
            assert_eq!(read_strictly(&wire)[0].len(), size);
        }
    }
    let mut session = ClientSession::new(ClientConfig::new());
    let error = session.send(0, vec!["{}"; 10_001], Instant::now()).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::BatchTooLarge { size: 10_001, limit: 10_000 });
}

#[test]
fn an_acknowledgement_of_zero_acknowledges_nothing() {
    let (mut session, now) = client(ClientConfig::new(), &[3]);
    assert_eq!(receive(&mut session, b"2A\0\0\0\0", now), [ClientEvent::Keepalive]);
    assert_eq!(session.in_flight(), 1);
    session.receive_eof(now);
    assert_eq!(session.poll_event(), Some(failed(0, 0, 3)));
}

#[test]
fn a_partial_acknowledgement_is_credited_when_the_connection_dies() {
    let (mut session, now) = client(ClientConfig::new(), &[5, 2]);
    let progress = ClientEvent::Progress { token: 0, acknowledged: 3 };
    assert_eq!(receive(&mut session, b"2A\0\0\0\x032A\0\0\0\0", now), [progress, ClientEvent::Keepalive]);
    session.receive_eof(now);
    let events: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
    assert_eq!(events[..2], [failed(0, 3, 5), failed(1, 0, 2)]);
    assert_eq!(closed_as(&events), Some("connection_lost"));
}

#[test]
fn an_acknowledgement_in_pieces_is_put_together() {
    let wire = b"2A\0\0\0\x022A\0\0\0\x01";
    for first in 0..=wire.len() {
        for second in first..=wire.len() {
            let (mut session, now) = client(ClientConfig::new(), &[2, 1]);
            let mut events = receive(&mut session, &wire[..first], now);
            events.extend(receive(&mut session, &wire[first..second], now));
            events.extend(receive(&mut session, &wire[second..], now));
            let want = [(0, 2), (1, 1)].map(|(token, events)| ClientEvent::Acknowledged { token, events });
            assert_eq!(events, want, "cut at {first} and {second}");
        }
    }
}

#[test]
fn an_acknowledgement_beyond_the_window_acknowledges_nothing() {
    // 4 is what a server says that adds windows up.
    for value in [3_u32, 4, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let (mut session, now) = client(ClientConfig::new(), &[2, 2]);
        let events = receive(&mut session, &[b"2A", &value.to_be_bytes()[..]].concat(), now);
        assert_eq!(events[..2], [failed(0, 0, 2), failed(1, 0, 2)], "{value}");
        assert_eq!(closed_as(&events), Some("ack_out_of_range"));
    }
}

#[test]
fn an_answer_of_another_version_fails_the_windows() {
    for (byte, hint) in [(b'1', ""), (b'3', ""), (2, ""), (0x15, "TLS"), (b'H', "HTTP")] {
        let (mut session, now) = client(ClientConfig::new(), &[1]);
        let events = receive(&mut session, &[byte, b'A', 0, 0, 0, 1], now);
        assert_eq!(events[0], failed(0, 0, 1), "{byte}");
        assert_eq!(closed_as(&events), Some("unsupported_version"));
        assert!(format!("{:?}", events[1]).to_uppercase().contains(hint));
    }
}

#[test]
fn an_answer_of_another_type_fails_the_windows() {
    for (kind, name) in (b"WJDC".iter().map(|kind| (*kind, "unexpected_frame_type")))
        .chain(b"a0XR\0".iter().map(|kind| (*kind, "unknown_frame_type")))
    {
        let (mut session, now) = client(ClientConfig::new(), &[1]);
        let events = receive(&mut session, &[b'2', kind, 0, 0, 0, 1], now);
        assert_eq!(events[0], failed(0, 0, 1), "{kind}");
        assert_eq!(closed_as(&events), Some(name));
    }
}

#[test]
fn an_end_or_reset_at_any_byte_fails_what_is_not_acknowledged() {
    let wire = b"2A\0\0\0\x022A\0\0\0\x01";
    for length in 0..=wire.len() {
        let (mut session, now) = client(ClientConfig::new(), &[2, 1]);
        let events = receive(&mut session, &wire[..length], now);
        session.receive_eof(now);
        let rest: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
        assert_eq!(events.len() + rest.len(), 3, "{length}: each window is settled once, then the end");
        let want = if length == wire.len() { "peer_closed" } else { "connection_lost" };
        assert_eq!(closed_as(&rest), Some(want), "{length}");
        assert!(session.is_closed() && session.poll_timeout().is_none());
    }
}

#[test]
fn a_peer_of_one_byte_a_second_is_kept_and_understood() {
    let wire = written(&windows(&[3]), 3);
    let mut now = Instant::now();
    let mut session = ServerSession::new(ServerConfig::new(), now);
    let mut events = Vec::new();
    assert!(wire.len() > 40, "longer than any timeout of a server");
    for byte in &wire {
        now += Duration::from_secs(1);
        session.handle_timeout(now);
        session.receive(&mut BytesMut::from(&[*byte][..]), now);
        events.extend(std::iter::from_fn(|| session.poll_event()));
    }
    assert_eq!((complete(&events), ended_as(&events)), (1, None));

    let (mut session, mut now) = client(ClientConfig::new(), &[1]);
    let mut told = Vec::new();
    for byte in b"2A\0\0\0\x01" {
        now += Duration::from_secs(4);
        session.handle_timeout(now);
        told.extend(receive(&mut session, &[*byte], now));
    }
    assert_eq!(told, [ClientEvent::Acknowledged { token: 0, events: 1 }]);
}

#[test]
fn a_window_with_more_or_fewer_events_is_never_acknowledged_as_a_whole() {
    let announcing = |announced: u32, events: u32| {
        let mut wire = Vec::new();
        encode::window(Version::V2, announced, &mut wire);
        for sequence in 1..=events {
            encode::json(Version::V2, sequence, b"{}", &mut wire);
        }
        wire
    };
    let (_, events) = serve(&announcing(2, 3));
    assert_eq!((complete(&events), ended_as(&events)), (1, Some("data_outside_window")));
    let (_, events) = serve(&[announcing(3, 2), announcing(1, 1)].concat());
    assert_eq!((complete(&events), ended_as(&events)), (0, Some("window_incomplete")));
    let (mut session, events) = serve(&announcing(3, 2));
    assert_eq!((complete(&events), ended_as(&events)), (0, None));
    session.handle_timeout(session.poll_timeout().unwrap());
    let events: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
    assert_eq!(ended_as(&events), Some("read_timeout"));
}

#[test]
fn an_empty_payload_is_refused_before_a_byte_is_sent() {
    let now = Instant::now();
    for level in [0, 3] {
        let mut session = ClientSession::new(ClientConfig::new().compression_level(level));
        let error = session.send(0, ["{}", "", "{}"], now).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::EmptyEvent { index: 1 });
        assert!(!session.poll_transmit(&mut BytesMut::new()));
        assert!(session.can_send() && session.in_flight() == 0);
    }
}

#[test]
fn an_empty_payload_that_is_received_is_an_error() {
    for event in [&b"2J\0\0\0\x01\0\0\0\0"[..], b"2D\0\0\0\x01\0\0\0\0"] {
        let (_, events) = serve(&[b"2W\0\0\0\x01", event].concat());
        assert_eq!((complete(&events), ended_as(&events)), (0, Some("empty_payload")));
    }
}

#[test]
fn a_bomb_stops_at_its_limit_and_is_not_acknowledged() {
    let now = Instant::now();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let mut events = Vec::new();
    for sequence in 1..=4000 {
        encode::json(Version::V2, sequence, &[b' '; 10_000], &mut events);
    }
    std::io::Write::write_all(&mut zlib, &events).unwrap();
    let mut wire = BytesMut::new();
    encode::window(Version::V2, 4000, &mut wire);
    encode::compressed(Version::V2, &zlib.finish().unwrap(), &mut wire);
    assert!(wire.len() < 100_000, "40 MB of events in {} bytes", wire.len());

    let mut session = ServerSession::new(ServerConfig::untrusted(), now);
    session.receive(&mut wire, now);
    let events: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
    assert_eq!((complete(&events), ended_as(&events)), (0, Some("decompressed_too_large")));
    assert!(!session.poll_transmit(&mut BytesMut::new()), "nothing is acknowledged");
}

#[test]
fn level_zero_sends_no_compressed_frame() {
    let wire = written(&windows(&[2, 2]), 0);
    assert_eq!(&wire[6..8], b"2J");
    let frames: usize = windows(&[2, 2]).iter().flatten().map(|event| 10 + event.len()).sum();
    assert_eq!(wire.len(), 12 + frames);
}

#[test]
fn keepalives_for_ever_do_not_outlast_the_progress_timeout() {
    let cap = Duration::from_secs(60);
    for progress in [None, Some(cap)] {
        let (mut session, start) = client(ClientConfig::new().progress_timeout(progress), &[2]);
        let mut now = start;
        let mut told = Vec::new();
        while now < start + Duration::from_secs(600) && !session.is_closed() {
            now += Duration::from_secs(5);
            session.handle_timeout(now);
            told.extend(receive(&mut session, b"2A\0\0\0\0", now));
        }
        let want = if progress.is_some() { Some("progress_timeout") } else { None };
        assert_eq!(closed_as(&told), want);
        if progress.is_some() {
            assert_eq!((now - start, &told[told.len() - 2]), (cap, &failed(0, 0, 2)));
        }
    }
}

#[test]
fn an_application_that_is_stuck_does_not_hold_the_client_for_ever() {
    let start = Instant::now();
    let config = ServerConfig::new().pending_timeout(Some(Duration::from_secs(60)));
    let mut session = ServerSession::new(config, start);
    session.receive(&mut written(&windows(&[1]), 0), start);
    let mut told: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
    assert_eq!(complete(&told), 1);
    let mut last = start;
    while let Some(deadline) = session.poll_timeout() {
        last = deadline;
        session.handle_timeout(deadline);
        told.extend(std::iter::from_fn(|| session.poll_event()));
    }
    assert_eq!((last - start, ended_as(&told)), (Duration::from_secs(60), Some("pending_timeout")));
    let mut wire = BytesMut::new();
    session.poll_transmit(&mut wire);
    assert_eq!(&wire[..], b"2A\0\0\0\0".repeat(12), "keepalives until then, no acknowledgement");
}

#[test]
fn numbers_start_over_in_every_window_of_a_connection() {
    let (mut session, mut now) = client(ClientConfig::new().compression_level(0), &[]);
    for round in 0..3 {
        now += Duration::from_secs(20);
        session.send(round, ["{}", "{}"], now).unwrap();
        let mut wire = BytesMut::new();
        session.poll_transmit(&mut wire);
        assert_eq!(read_strictly(&wire), [vec![b"{}".to_vec(), b"{}".to_vec()]]);
        let told = receive(&mut session, b"2A\0\0\0\x02", now);
        assert_eq!(told, [ClientEvent::Acknowledged { token: round, events: 2 }]);
    }
}

#[test]
fn an_idle_connection_is_closed_after_60_seconds_without_an_error() {
    let (mut server, events) = serve(&written(&windows(&[1]), 0));
    assert_eq!(complete(&events), 1);
    let now = Instant::now();
    for event in &events {
        if let ServerEvent::WindowComplete { window, .. } = event {
            assert!(server.acknowledge(*window, now));
        }
    }
    assert_eq!(server.poll_timeout(), Some(now + Duration::from_secs(60)));
    server.handle_timeout(now + Duration::from_secs(60));
    assert_eq!(
        ended_as(&std::iter::from_fn(|| server.poll_event()).collect::<Vec<_>>()),
        Some("idle_timeout")
    );

    let (mut client, now) = client(ClientConfig::new(), &[1]);
    receive(&mut client, b"2A\0\0\0\x01", now);
    assert_eq!(client.poll_timeout(), None, "an idle client waits for nothing");
    client.receive_eof(now + Duration::from_secs(60));
    let told: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
    assert_eq!((told.len(), closed_as(&told)), (1, Some("peer_closed")));
}
