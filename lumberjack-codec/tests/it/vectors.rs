//! The byte vectors of the conformance suite, each cut in six ways.

use crate::data::{cases, chunkings, decode_all, describe_all, hex, limits, list, text, unhex};
use bytes::BytesMut;
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, CloseReason, DecodeError, DecodeErrorKind, FrameDecoder, Hint,
    Payload, Role, SequencePolicy, ServerConfig, ServerEvent, ServerSession, SessionError, Version, encode,
};
use serde_json::{Value, json};
use std::time::Instant;

const VECTORS: &str = include_str!("../data/vectors.json");

#[test]
fn there_are_as_many_vectors_as_the_suite_has() {
    let vectors = cases(VECTORS);
    assert_eq!(vectors.len(), 144);
    assert_eq!(vectors.iter().filter(|vector| is_for_server(vector)).count(), 121);
}

#[test]
fn the_specification_lists_every_case() {
    let specification = include_str!("../../PROTOCOL.md");
    for case in cases(VECTORS).iter().chain(&cases(crate::scenarios::SCENARIOS)) {
        let row = format!("| `{}` |", text(case, "name"));
        assert!(specification.contains(&row), "PROTOCOL.md does not list {row}");
    }
}

#[test]
fn the_decoder_returns_the_frames_and_errors_of_every_vector_owned_and_borrowed() {
    for vector in cases(VECTORS) {
        let mut first = None;
        for (cut, pieces) in chunkings(&unhex(text(&vector, "input_hex"))) {
            let place = format!("{} ({cut})", text(&vector, "name"));
            let decoded = check_decoder(&vector, &pieces, &place);
            assert_eq!(&decoded, first.get_or_insert_with(|| decoded.clone()), "{place}: as in one piece");
        }
    }
}

#[test]
fn the_server_session_answers_every_vector() {
    for vector in cases(VECTORS).iter().filter(|vector| is_for_server(vector)) {
        for (cut, pieces) in chunkings(&unhex(text(vector, "input_hex"))) {
            let place = format!("{} ({cut})", text(vector, "name"));
            check_server(vector, &pieces, &place);
        }
    }
}

#[test]
fn the_client_session_understands_every_vector() {
    for vector in cases(VECTORS).iter().filter(|vector| !is_for_server(vector)) {
        for (cut, pieces) in chunkings(&unhex(text(vector, "input_hex"))) {
            let place = format!("{} ({cut})", text(vector, "name"));
            check_client(vector, &pieces, &place);
        }
    }
}

fn is_for_server(vector: &Value) -> bool {
    text(vector, "direction") == "client_to_server"
}

fn client_version(vector: &Value) -> Version {
    if vector["client_state"]["version"] == 1 { Version::V1 } else { Version::V2 }
}

type Decoded = (Vec<Value>, Option<DecodeError>);

fn check_decoder(vector: &Value, pieces: &[Vec<u8>], place: &str) -> Decoded {
    let role = if is_for_server(vector) { Role::Server } else { Role::Client(client_version(vector)) };
    let new = || FrameDecoder::new(role, limits(&vector["config"]));
    let (decoder, (frames, result)) = decode_all(new, pieces);
    let (frames, error) = (describe_all(&frames), result.err());
    match (&vector["expect"], &error) {
        (Value::Array(want), None) => check_frames(&frames, want, decoder.in_compressed(), place),
        (Value::Array(_), Some(error)) => panic!("{place}: {error}"),
        // The frames are well-formed: the error is the session's.
        (want, None) => {
            assert!(is_session_error(text(want, "error")), "{place}: no error");
            assert!(frames.starts_with(list(want, "frames_before_error")), "{place}: {frames:?}");
        }
        (want, Some(error)) => {
            check_error(error, want, place);
            let before = list(want, "frames_before_error");
            check_frames(&frames, before, is_zlib_error(error.kind()), place);
        }
    }
    (frames, error)
}

/// Where a compressed frame does not end well, we hand out all events that were inflated before the
/// defect; the suite lists the fewest that a decoder may have seen.
fn check_frames(frames: &[Value], want: &[Value], inflated_in_part: bool, place: &str) {
    assert!(frames.starts_with(want), "{place}: {frames:?}");
    let mut more = frames[want.len()..].iter();
    assert!(more.all(|frame| inflated_in_part && frame["compressed"] == true), "{place}: {frames:?}");
}

fn check_error(error: &DecodeError, want: &Value, place: &str) {
    assert_eq!(error.name(), text(want, "error"), "{place}");
    assert!(error.to_string().contains("byte"), "{place}: {error}");
    // The suite does not name the hint about gzip.
    let hint = error.kind().hint().filter(|hint| *hint != Hint::Gzip).map(Hint::name);
    assert_eq!(hint, want["hint"].as_str(), "{place}");
    if let DecodeErrorKind::PayloadTooLarge { part, .. } = error.kind() {
        assert_eq!(Some(part.name()), want["what"].as_str(), "{place}");
    }
}

fn is_session_error(name: &str) -> bool {
    matches!(
        name,
        "data_outside_window"
            | "window_incomplete"
            | "window_too_large"
            | "too_many_windows"
            | "sequence_gap"
            | "ack_out_of_range"
            | "unexpected_ack"
    )
}

fn is_zlib_error(kind: &DecodeErrorKind) -> bool {
    matches!(
        kind,
        DecodeErrorKind::CorruptCompressed { .. }
            | DecodeErrorKind::TruncatedCompressed { .. }
            | DecodeErrorKind::TrailingCompressedData { .. }
            | DecodeErrorKind::DecompressedTooLarge { .. }
    )
}

fn check_server(vector: &Value, pieces: &[Vec<u8>], place: &str) {
    let now = Instant::now();
    let config = &vector["config"];
    let policy = if config["sequence"] == "strict" { SequencePolicy::Strict } else { SequencePolicy::Ignore };
    let config = ServerConfig::new().limits(limits(config)).sequence_policy(policy);
    let mut server = Server {
        session: ServerSession::new(config, now),
        now,
        wire: BytesMut::new(),
        events: Vec::new(),
        closed: None,
    };
    for piece in pieces {
        server.receive(piece);
    }
    let want_acks: String = list(vector, "expect_acks_hex").iter().filter_map(Value::as_str).collect();
    assert_eq!(hex(&server.wire), want_acks, "{place}");

    let closed_before_eof = server.closed.clone();
    server.session.receive_eof(now);
    server.drain();
    let closed = server.closed.as_ref().unwrap_or_else(|| panic!("{place}: not closed")).name();
    assert!(server.session.is_closed(), "{place}");
    let want = match &vector["expect"] {
        Value::Array(frames) => {
            assert_eq!(closed_before_eof, None, "{place}");
            let want = events_of(frames);
            assert!(server.events.starts_with(&want), "{place}: {:?}", server.events);
            let inside = vector["error_at_eof"] == "unexpected_eof";
            assert!(inside || server.events.len() == want.len(), "{place}: {:?}", server.events);
            vector["error_at_eof"].as_str().unwrap_or("peer_closed")
        }
        error => {
            assert!(closed_before_eof.is_some(), "{place}");
            text(error, "error")
        }
    };
    assert_eq!(closed, want, "{place}");
    assert_eq!(hex(&server.wire), want_acks, "{place}: nothing is acknowledged at the end");
}

/// A server session whose application acknowledges every window at once.
struct Server {
    session: ServerSession,
    now: Instant,
    wire: BytesMut,
    /// Sequence and content of each event.
    events: Vec<Value>,
    closed: Option<CloseReason>,
}

impl Server {
    fn receive(&mut self, piece: &[u8]) {
        self.session.receive(&mut BytesMut::from(piece), self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            assert_eq!(self.closed, None, "nothing follows the end");
            match event {
                ServerEvent::Event { sequence, payload, .. } => {
                    self.events.push(json!([sequence, content(&payload)]));
                }
                ServerEvent::WindowComplete { window, .. } => {
                    assert!(self.session.acknowledge(window, self.now));
                    assert!(!self.session.acknowledge(window, self.now), "it is acknowledged already");
                }
                ServerEvent::Closed { reason } => self.closed = Some(reason),
                _ => {}
            }
        }
        self.session.poll_transmit(&mut self.wire);
    }
}

fn content(payload: &Payload) -> Value {
    match payload {
        Payload::Json(document) => hex(document).into(),
        Payload::Data(pairs) => pairs.iter().map(|(key, value)| json!([hex(key), hex(value)])).collect(),
    }
}

/// What a session makes of frames in the form of the suite.
fn events_of(frames: &[Value]) -> Vec<Value> {
    let event = |frame: &Value| match text(frame, "type") {
        "json" => Some(json!([frame["seq"], frame["payload_hex"]])),
        "data" => Some(json!([frame["seq"], frame["pairs_hex"]])),
        _ => None,
    };
    frames.iter().filter_map(event).collect()
}

fn check_client(vector: &Value, pieces: &[Vec<u8>], place: &str) {
    let now = Instant::now();
    let windows = list(&vector["client_state"], "outstanding");
    let config = ClientConfig::new().max_in_flight(windows.len());
    let mut client = ClientSession::new(config);
    for (token, events) in windows.iter().enumerate() {
        let events = usize::try_from(events.as_u64().unwrap()).unwrap();
        client.send(token as u64, vec!["{}"; events], now).unwrap();
    }
    client.poll_transmit(&mut BytesMut::new());
    let mut events = Vec::new();
    let mut closed = None;
    let mut drain = |client: &mut ClientSession| {
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Closed { reason } => closed = Some(reason),
                ClientEvent::Failed { .. } => {}
                event => events.push(described(&event)),
            }
        }
        closed.clone()
    };
    let Some(pieces) = as_version_2(vector, pieces) else { return };
    for piece in pieces {
        client.receive(&mut BytesMut::from(&piece[..]), now);
        drain(&mut client);
    }
    let want = &vector["expect"];
    if let Some(error) = want["error"].as_str() {
        let closed = drain(&mut client).unwrap_or_else(|| panic!("{place}: not closed"));
        assert_eq!(closed.name(), error, "{place}");
    } else {
        assert_eq!(drain(&mut client), None, "{place}");
    }
    if vector["error_at_eof"] == "unexpected_eof" {
        client.receive_eof(now);
        let lost = CloseReason::Error(SessionError::ConnectionLost);
        assert_eq!(drain(&mut client), Some(lost), "{place}");
    }
    assert_eq!(events, list(vector, "expect_events"), "{place}");
}

/// Our client never speaks version 1, so its vectors are decoded as such and given to the session
/// as what a server of version 2 would have said. `None` where the decoder refuses them.
fn as_version_2(vector: &Value, pieces: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if client_version(vector) == Version::V2 {
        return Some(pieces.to_vec());
    }
    let new = || FrameDecoder::new(Role::Client(Version::V1), limits(&Value::Null));
    let (_, (frames, result)) = decode_all(new, pieces);
    let again = |frame: &Value| {
        let mut piece = BytesMut::new();
        encode::ack(Version::V2, u32::try_from(frame["seq"].as_u64().unwrap()).unwrap(), &mut piece);
        piece.to_vec()
    };
    result.is_ok().then(|| describe_all(&frames).iter().map(again).collect())
}

fn described(event: &ClientEvent) -> Value {
    match event {
        ClientEvent::Acknowledged { token, events } => {
            json!({"event": "window_acked", "window": token, "count": events})
        }
        ClientEvent::Keepalive => json!({"event": "keepalive"}),
        ClientEvent::Progress { token, acknowledged } => {
            json!({"event": "progress", "window": token, "count": acknowledged})
        }
        ClientEvent::StaleAck { token, sequence } => {
            json!({"event": "stale_ack", "window": token, "seq": sequence})
        }
        event => panic!("unexpected {event:?}"),
    }
}
