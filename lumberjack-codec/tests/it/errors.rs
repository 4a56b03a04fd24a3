//! Every error has a stable name and a message that says what is wrong.

use lumberjack_codec::{
    CloseReason, DecodeErrorKind, FrameType, Hint, Part, ProtocolErrorKind, Role, SessionError, TimeoutKind,
    Version,
};
use std::collections::HashSet;

#[test]
fn names_are_unique_and_messages_read_well() {
    let mut names = HashSet::new();
    let mut check = |name: &'static str, message: String| {
        assert!(names.insert(name), "{name} occurs twice");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert!(message.len() > 5 && !message.ends_with('.'), "{name}: {message}");
        assert!(message.starts_with(|c: char| c.is_lowercase() || c.is_ascii_digit()), "{name}: {message}");
    };
    for kind in decode_kinds() {
        check(kind.name(), kind.to_string());
    }
    for kind in protocol_kinds() {
        check(kind.name(), kind.to_string());
    }
    for kind in [TimeoutKind::Ack, TimeoutKind::Pending, TimeoutKind::Progress, TimeoutKind::Read] {
        check(kind.name(), kind.to_string());
    }
    check(SessionError::ConnectionLost.name(), SessionError::ConnectionLost.to_string());
    use CloseReason::{Closed, IdleTimeout, PeerClosed, Shutdown};
    for reason in [Closed, IdleTimeout, PeerClosed, Shutdown] {
        check(reason.name(), reason.to_string());
    }
    assert_eq!(names.len(), 14 + 8 + 4 + 1 + 4);
}

#[test]
fn a_session_error_is_named_after_its_cause() {
    let timeout = CloseReason::Error(SessionError::Timeout(TimeoutKind::Ack));
    assert_eq!(timeout.name(), "ack_timeout");
    assert_eq!(timeout.to_string(), "no acknowledgement within the ack timeout");
}

#[test]
fn messages_carry_the_numbers() {
    let large =
        DecodeErrorKind::PayloadTooLarge { part: Part::Json, length: 4_294_967_295, limit: 67_108_864 };
    assert_eq!(large.to_string(), "json payload of 4294967295 bytes, the limit is 67108864");
    let version = DecodeErrorKind::UnsupportedVersion { byte: 0x16, hint: Some(Hint::Tls) };
    assert_eq!(version.to_string(), "unsupported protocol version 0x16; the peer speaks TLS to a plain port");
    let ack = ProtocolErrorKind::AckOutOfRange { value: 6, window: 5 };
    assert_eq!(ack.to_string(), "acknowledgement of event 6 for a window of 5");
}

fn decode_kinds() -> Vec<DecodeErrorKind> {
    use DecodeErrorKind as Kind;
    vec![
        Kind::CorruptCompressed { cause: "invalid block type".to_owned(), hint: None },
        Kind::DamagedWindow { cause: "it ends inside a frame" },
        Kind::DecompressedTooLarge { limit: 1 },
        Kind::EmptyPayload { part: Part::Data },
        Kind::NestedCompression,
        Kind::PartialFrameInCompressed { bytes: 3 },
        Kind::PayloadTooLarge { part: Part::Key, length: 2, limit: 1 },
        Kind::TooManyPairs { count: 2, limit: 1 },
        Kind::TrailingCompressedData { bytes: 9 },
        Kind::TruncatedCompressed { inflated: 4 },
        Kind::UnexpectedFrameType { frame: FrameType::Ack, role: Role::Server },
        Kind::UnknownFrameType { byte: 0x58 },
        Kind::UnsupportedVersion { byte: 0x33, hint: None },
        Kind::VersionMismatch { got: Version::V1, want: Version::V2 },
    ]
}

fn protocol_kinds() -> Vec<ProtocolErrorKind> {
    use ProtocolErrorKind as Kind;
    vec![
        Kind::AckOutOfRange { value: 6, window: 5 },
        Kind::DataOutsideWindow { sequence: 2 },
        Kind::SequenceGap { got: 3, want: 2 },
        Kind::TooManyWindows { limit: 8 },
        Kind::UnexpectedAck { value: 1 },
        Kind::UnexpectedEof { missing_events: 1 },
        Kind::WindowIncomplete { missing_events: 1 },
        Kind::WindowTooLarge { size: 2, limit: 1 },
    ]
}
